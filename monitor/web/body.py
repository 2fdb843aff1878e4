"""Bodies of the API: JSON, decoded into the model that describes it; what is strange is refused with its place."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TypeVar

import msgspec
from aiohttp import web

from monitor.web.problem import Mistake, Wrong
from monitor.web.query import said

T = TypeVar("T")

DEEPEST = 50
"""Levels of a body."""


async def decode(request: web.Request, model: type[T]) -> T:
    """Return the body as `model`. Raises `Wrong` (400) and 415; the guard has raised 413."""
    raw = await read(request)
    try:
        return msgspec.json.decode(raw, type=model)
    except msgspec.ValidationError as error:
        path, detail = said(error)
        pointer = "#/" + path.replace("[", ".").replace("]", "").replace(".", "/") if path else "#"
        raise Wrong([Mistake(f"the body: {path or 'it'} {detail}", pointer=pointer)]) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise Wrong([Mistake(f"the body: {error}", pointer="#")]) from None


async def plain(request: web.Request) -> object:
    """Return the body as dicts, lists, texts and numbers. Raises as `decode` does."""
    return await decode(request, object)


async def read(request: web.Request) -> bytes:
    """Return a body that is JSON, not too deep, with no key twice in an object. Raises `Wrong` and 415."""
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="the body must be application/json")
    raw = await request.read()
    try:
        _must_be_shallow(json.loads(raw.decode("utf-8"), object_pairs_hook=_object))
    except RecursionError:
        raise Wrong([Mistake(f"the body: at most {DEEPEST} levels", pointer="#")]) from None
    except ValueError as error:
        raise Wrong([Mistake(f"the body: {str(error)[:200]}", pointer="#")]) from None
    return raw


def _object(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    made: dict[str, object] = {}
    for key, value in pairs:
        if key in made:
            raise ValueError(f"the key {key[:100]!r} is there twice in one object")
        made[key] = value
    return made


def _must_be_shallow(value: object) -> None:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            one
            for part in level
            if isinstance(part, (dict, list))
            for one in (part.values() if isinstance(part, dict) else part)
        ]
        if not level:
            return
    raise ValueError(f"at most {DEEPEST} levels")
