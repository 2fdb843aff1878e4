"""Where a page of a list ended, as an opaque text that the next question gives back."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import TypeVar

from monitor.web.problem import Mistake, Wrong

T = TypeVar("T")
_LARGEST = 10**15


def written(place: str) -> str:
    """Return a cursor for `place`, an id or a number."""
    return urlsafe_b64encode(f"1:{place}".encode()).decode().rstrip("=")


def place(cursor: str) -> str:
    """Return what a cursor was written for, ``""`` for none. Raises `Wrong`."""
    if not cursor:
        return ""
    try:
        read = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode()
    except ValueError:
        read = ""
    version, _, found = read.partition(":")
    if version != "1" or not found or written(found) != cursor:
        raise Wrong([Mistake("this cursor was not given by a page; begin without one", parameter="cursor")])
    return found


def number(cursor: str) -> int | None:
    """Return the number that a cursor was written for, `None` for none. Raises `Wrong`."""
    found = place(cursor)
    if found and not (found.isascii() and found.isdigit() and int(found[:16]) < _LARGEST):
        raise Wrong([Mistake("this cursor is one of another list", parameter="cursor")])
    return int(found) if found else None


def page(found: Sequence[T], key: Callable[[T], str], cursor: str, limit: int) -> tuple[list[T], str | None]:
    """Return the page of `found` after `cursor`, in the order of `key`, and the cursor of the next."""
    after = place(cursor)
    rest = sorted((one for one in found if key(one) > after), key=key)
    shown = rest[:limit]
    return shown, written(key(shown[-1])) if len(rest) > limit else None


def after(found: Sequence[T], number: Callable[[T], int], limit: int) -> str | None:
    """Return the cursor behind the last of a page of `limit`; `None` for one that is not full."""
    return written(str(number(found[-1]))) if len(found) == limit else None
