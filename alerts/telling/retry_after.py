"""How long a server asks to be left alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

BELIEVED = 86400.0
"""Seconds; who asks for more made a mistake, and a channel that waits for it tells nobody."""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a number, or of a time seen from that of the answer itself (RFC 9110 10.2.3).

    `None` when nothing is asked, or nothing that can be believed. SpeedSMS says them in ``X-Rate-Limit-Reset``.
    """
    asked = headers.get("Retry-After") or headers.get("X-Rate-Limit-Reset", "")
    seconds = (
        _number(asked) if asked.isascii() and asked.isdigit() else _until(asked, headers.get("Date", ""))
    )
    return seconds if seconds is not None and 0 <= seconds <= BELIEVED else None


def _number(asked: str) -> float | None:
    return float(asked) if len(asked) < 12 else None


def _until(asked: str, date: str) -> float | None:
    then, now = _moment(asked), _moment(date)
    return (then - now).total_seconds() if then and now else None


def _moment(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text[:40])
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
