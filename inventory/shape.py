"""What a model allows at a place inside it, to name the allowed keys and to keep secrets out of messages."""

from __future__ import annotations

import types
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, RootModel

from inventory.secrets import SecretRef


def allowed_keys(model: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    """Return the keys a mapping at `location` (as in pydantic's errors) may have; empty when unknown."""
    candidates = _walk(model, location)[-1]
    names = {
        field.alias or name
        for model in candidates
        if _is_model(model)
        for name, field in model.model_fields.items()
    }
    return sorted(names)


def is_secret(model: type[BaseModel], location: Sequence[str | int]) -> bool:
    """Whether a secret's reference is wanted at or above `location`: what is written may be the secret."""
    return any(SecretRef in candidates for candidates in _walk(model, location))


def holds_secret(model: type[BaseModel], location: Sequence[str | int]) -> bool:
    """Whether a secret's reference is wanted at or below `location`: a text there may be the secret."""
    return any(_holds(candidate) for candidate in _walk(model, location)[-1])


def _holds(candidate: Any) -> bool:
    if _is_model(candidate):
        fields = candidate.model_fields.values()
        return candidate is SecretRef or any(
            _holds(inner) for field in fields for inner in _members(field.annotation)
        )
    return any(_holds(inner) for argument in get_args(candidate) for inner in _members(argument))


def _walk(model: type[BaseModel], location: Sequence[str | int]) -> list[list[Any]]:
    steps = [_members(model)]
    for part in location:
        steps.append(_step(steps[-1], part))
    return steps


def _members(annotation: Any) -> list[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _members(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [member for argument in get_args(annotation) for member in _members(argument)]
    if isinstance(annotation, type) and issubclass(annotation, RootModel):
        return _members(annotation.model_fields["root"].annotation)
    return [annotation]


def _step(candidates: list[Any], part: str | int) -> list[Any]:
    inside = [inner for candidate in candidates for inner in _inside(candidate, part)]
    return inside or [candidate for candidate in candidates if _has_label(candidate, part)] or candidates


def _inside(candidate: Any, part: str | int) -> list[Any]:
    if _is_model(candidate):
        fields = candidate.model_fields
        named = [field for name, field in fields.items() if part in (name, field.alias)]
        return _members(named[0].annotation) if named else []
    arguments = get_args(candidate)
    if isinstance(part, int):
        return _members(arguments[0]) if arguments else []
    return _members(arguments[1]) if len(arguments) == 2 and arguments[1] is not Ellipsis else []


def _is_model(candidate: Any) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, BaseModel)


def _has_label(candidate: Any, label: str | int) -> bool:
    """Whether pydantic calls this member of a union `label`: by class or by discriminator."""
    if not _is_model(candidate):
        return False
    tags = (
        field.annotation
        for field in candidate.model_fields.values()
        if get_origin(field.annotation) is Literal
    )
    return candidate.__name__ == label or any(label in get_args(tag) for tag in tags)
