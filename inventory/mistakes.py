"""Puts what pydantic found wrong with a model at its place in the file, in words for people."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import msgspec
from pydantic import BaseModel

from inventory import wording, yamltree
from inventory.problem import Problem
from inventory.shape import allowed_keys, holds_secret, is_secret
from inventory.yamltree import Node


class Place(msgspec.Struct):
    """Where an error of pydantic is in the tree: the value, its key if it has one, and the way to it."""

    node: Node
    key: Node | None
    path: str


def find(root: Node, location: tuple[str | int, ...], path: str) -> Place:
    """Follow `location`; parts that are not in the tree are pydantic's names for members of a union."""
    place = Place(root, None, path)
    for part in location:
        node = place.node
        if isinstance(node, yamltree.Mapping) and part in node.entries:
            text = str(part)
            place = Place(node.entries[text], node.keys.get(text), yamltree.join(place.path, text))
        elif isinstance(node, yamltree.Sequence) and isinstance(part, int) and part < len(node.items):
            place = Place(node.items[part], None, yamltree.join(place.path, part))
    return place


def numbers_for_texts(root: Node, errors: Iterable[Any]) -> Iterator[int]:
    """Yield the `id` of every plain number at which one of pydantic's `errors` wants a text."""
    for error in errors:
        if error["type"] == "string_type":
            node = find(root, error["loc"], "").node
            if isinstance(node, yamltree.Scalar) and node.is_number:
                yield id(node)


def said(
    root: Node, model: type[BaseModel], errors: Iterable[Any], path: str, also: Collection[str]
) -> Iterator[Problem]:
    """Yield pydantic's `errors` in words; those about the kind of one value (a union) in one sentence."""
    wants: dict[int, tuple[Place, tuple[str | int, ...], list[str]]] = {}
    every = list(errors)
    for error in every:
        if error["type"] == "too_short" and _is_above(error["loc"], every):
            continue  # it is empty only because what is in it is wrong
        place = find(root, error["loc"], path)
        want = wording.wanted(error["type"])
        if isinstance(place.node, yamltree.Scalar) and place.node.broken:
            continue
        if want is None:
            yield _one(model, error, place, also)
        else:
            key = id(place.node)
            listed = wants.setdefault(key, (place, error["loc"], []))[2]
            listed.extend({want} - set(listed))
    for place, location, listed in wants.values():
        message = _kind(model, location, " or ".join(listed), place.node)
        yield place.node.problem(place.path, message)


def _is_above(location: tuple[str | int, ...], errors: Iterable[Any]) -> bool:
    """Whether another mistake is within `location`."""
    size = len(location)
    return any(len(error["loc"]) > size and error["loc"][:size] == location for error in errors)


def _kind(model: type[BaseModel], location: tuple[str | int, ...], want: str, node: Node | None) -> str:
    if is_secret(model, location):
        return _NO_SECRETS
    if holds_secret(model, location) and isinstance(node, yamltree.Scalar):
        return f"wants {want}"
    return f"wants {want}, found {wording.found(node)}"


_NO_SECRETS = (
    "wants {file: NAME}, a file in the secrets folder, or {secret: NAME}, an entry of the encrypted store:"
    " secrets are not written in YAML"
)


def _one(model: type[BaseModel], error: Any, place: Place, also: Collection[str]) -> Problem:
    kind, location = error["type"], error["loc"]
    if kind == "missing":
        return place.node.problem(place.path, f"the key {str(location[-1])!r} is missing")
    if kind == "extra_forbidden":
        allowed = allowed_keys(model, location[:-1])
        allowed += also if len(location) == 1 else ()
        message = wording.unknown("key", str(location[-1]), allowed)
        return (place.key or place.node).problem(place.path, message)
    if location and location[-1] == "[key]":
        node = place.key or place.node
        return node.problem(place.path, wording.sentence(error, node))
    if is_secret(model, location):
        return place.node.problem(place.path, _NO_SECRETS)
    if kind == "union_tag_invalid" and isinstance(place.node, yamltree.Mapping):
        key = str(error["ctx"]["discriminator"]).strip("'")
        tagged = place.node.entries.get(key, place.node)
        return tagged.problem(yamltree.join(place.path, key), wording.sentence(error, tagged))
    return place.node.problem(place.path, wording.sentence(error, place.node))
