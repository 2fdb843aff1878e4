"""Query parameters of the API, each bounded; what is wrong is said by name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from aiohttp import web

from probes.core.observation import Labels

MAX_TEXT = 255
MAX_LABELS = 8
LONGEST = timedelta(days=5 * 366)
_PLAIN = frozenset({"device", "metric", "from", "to", "buckets", "lang"})


def text(request: web.Request, name: str, default: str | None = None) -> str:
    """Return a text of at most 255 characters. Raises 400 when it is missing and has no default."""
    value = request.query.get(name, default)
    if value is None:
        raise web.HTTPBadRequest(text=f"the parameter {name!r} is missing")
    if len(value) > MAX_TEXT:
        raise web.HTTPBadRequest(text=f"the parameter {name!r} is longer than {MAX_TEXT} characters")
    return value


def number(request: web.Request, name: str, default: int, low: int, high: int) -> int:
    """Return a whole number from `low` to `high`. Raises 400."""
    value = text(request, name, str(default))
    if not (value.isascii() and value.isdigit() and len(value) < 16 and low <= int(value) <= high):
        raise web.HTTPBadRequest(text=f"the parameter {name!r} must be a whole number from {low} to {high}")
    return int(value)


def choice(request: web.Request, name: str, allowed: tuple[str, ...]) -> str | None:
    """Return one of `allowed`, `None` when not given. Raises 400."""
    value = request.query.get(name)
    if value is not None and value not in allowed:
        raise web.HTTPBadRequest(text=f"the parameter {name!r} must be one of: {', '.join(allowed)}")
    return value


def span(request: web.Request, now: datetime) -> tuple[datetime, datetime]:
    """Return ``from`` and ``to``, by default the last hour. Raises 400."""
    end = moment(request, "to", now)
    start = moment(request, "from", end - timedelta(hours=1))
    if not timedelta(0) < end - start <= LONGEST:
        raise web.HTTPBadRequest(text="'from' must be before 'to', and at most five years before")
    return start, end


def moment(request: web.Request, name: str, default: datetime) -> datetime:
    """Return a time: ISO 8601 with its zone, or seconds since 1970. Raises 400."""
    value = request.query.get(name)
    if value is None:
        return default
    try:
        if value.isascii() and value.isdigit():
            return datetime.fromtimestamp(int(value[:12]), UTC)
        parsed = datetime.fromisoformat(value[:40])
        if parsed.tzinfo is not None:
            return parsed.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        pass
    raise web.HTTPBadRequest(
        text=f"the parameter {name!r} must be a time such as 2026-01-31T08:00:00+07:00, or seconds since 1970"
    )


def labels(request: web.Request) -> Labels | None:
    """Return every ``label.NAME=VALUE``, sorted; `None` when there is none. Raises 400."""
    found = {
        name.removeprefix("label."): text(request, name)
        for name in request.query
        if name.startswith("label.")
    }
    strange = [name for name in request.query if not name.startswith("label.") and name not in _PLAIN]
    if strange or len(found) > MAX_LABELS:
        raise web.HTTPBadRequest(text=f"unknown parameters or too many labels: {', '.join(strange)[:80]}")
    return tuple(sorted(found.items())) if found else None
