"""Query parameters of the API: decoded into the model that describes them, each bounded, none unknown or twice."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Annotated, TypeVar

import msgspec
from aiohttp import web
from msgspec import Meta, UnsetType

from monitor.web.problem import Mistake, Wrong

T = TypeVar("T", bound=msgspec.Struct)

MAX_TEXT = 255
MAX_GIVEN = 40
"""Parameters of one request."""
LONGEST = timedelta(days=5 * 366)
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_PLACE = re.compile(r"(?s)(?P<what>.*?) - at `(?:key in )?\$\.?(?P<path>[^`]*)`")
_FIELD = re.compile(r"(?:unknown|required) field `(?P<name>[^`]*)`")
_WORDS = {
    "Expected `int`, got `str`": "must be a whole number",
    "Expected `int` >=": "must be a whole number of at least",
    "Expected `int` <=": "must be a whole number of at most",
    "Expected `str` of length <=": "must be at most so many characters long:",
    "Expected `str` of length >=": "must be at least so many characters long:",
    "Expected `datetime` with a timezone component": "must name its offset, as in 2026-01-31T08:00:00+07:00",
    "Invalid RFC3339 encoded datetime": "must be a time such as 2026-01-31T08:00:00+07:00, or seconds since 1970",
}

Text = Annotated[str, Meta(max_length=MAX_TEXT)]
Moment = Annotated[
    datetime,
    Meta(
        tz=True,
        description="ISO 8601 with its offset from UTC, or seconds since 1970",
        examples=["2026-01-31T08:00:00+07:00"],
    ),
]
Limit = Annotated[int, Meta(ge=1, le=1000, description="Entries of one page")]
Number = Annotated[int, Meta(ge=0, le=10**15, description="Those before this number; 0 for the newest")]
Cursor = Annotated[
    str, Meta(max_length=MAX_TEXT, description="`next` of the page before; nothing for the first page")
]


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No parameter at all."""


def decode(request: web.Request, model: type[T]) -> T:
    """Return the query as `model`. Raises `Wrong`."""
    given = _given(request, _groups(model))
    try:
        return msgspec.convert(given, model, strict=False)
    except msgspec.ValidationError as error:
        where, detail = said(error)
        name = where.removesuffix("[...]")
        raise Wrong([Mistake(f"the parameter {name!r} {detail}", parameter=name)]) from None


def _given(request: web.Request, groups: frozenset[str]) -> Mapping[str, object]:
    if len(request.query) > MAX_GIVEN:
        raise Wrong([Mistake(f"at most {MAX_GIVEN} parameters")])
    given: dict[str, str] = {}
    grouped: dict[str, dict[str, str]] = {}
    for name, value in request.query.items():
        group, _, key = name.partition(".")
        among = grouped.setdefault(group, {}) if key and group in groups else given
        key = name if among is given else key
        if key in among:
            short = name[:MAX_TEXT]
            raise Wrong([Mistake(f"the parameter {short!r} is there twice", parameter=short)])
        among[key] = value
    return {**given, **grouped}


@cache
def _groups(model: type[msgspec.Struct]) -> frozenset[str]:
    """Return the fields of `model` that take ``NAME.KEY=VALUE``."""
    return frozenset(
        field.encode_name for field in msgspec.structs.fields(model) if field.default_factory is dict
    )


def said(error: msgspec.ValidationError) -> tuple[str, str]:
    """Return where a mistake is (a path of keys with dots) and what it is."""
    text = str(error)
    found = _PLACE.match(text)
    path, what = (found["path"], found["what"]) if found else ("", text)
    if field := _FIELD.search(what):
        path = f"{path}.{field['name']}" if path else field["name"]
        what = "is unknown" if "unknown" in what else "is missing"
    for theirs, ours in _WORDS.items():
        what = what.replace(theirs, ours)
    return path[:MAX_TEXT], what[:300]


def utc(moment: datetime, name: str) -> datetime:
    """Return a time as UTC. Raises `Wrong` for one at the edge of the calendar."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise Wrong([Mistake(f"the parameter {name!r} is out of range", parameter=name)]) from None


def span(start: datetime | UnsetType, end: datetime | UnsetType, now: datetime) -> tuple[datetime, datetime]:
    """Return a span, by default the last hour. Raises `Wrong`."""
    until = utc(end or now, "to")
    since = utc(start, "from") if start else until - min(timedelta(hours=1), until - EARLIEST)
    if not timedelta(0) < until - since <= LONGEST or since < EARLIEST:
        detail = "'from' must be before 'to', at most five years before, and not before 1970"
        raise Wrong([Mistake(detail, parameter="from")])
    return since, until
