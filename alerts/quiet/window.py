"""Spans of time in which something is quiet, worked out beforehand and looked up by halving."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime

import msgspec


class Window(msgspec.Struct, frozen=True, order=True):
    """From `start` on and no longer at `end`; aware times."""

    start: datetime
    end: datetime

    def covers(self, moment: datetime) -> bool:
        """Whether a moment is within."""
        return self.start <= moment < self.end


def joined(windows: Iterable[Window]) -> tuple[Window, ...]:
    """Return windows in order, those that overlap or touch as one."""
    found: list[Window] = []
    for window in sorted(windows):
        if found and window.start <= found[-1].end:
            found[-1] = Window(found[-1].start, max(found[-1].end, window.end))
        else:
            found.append(window)
    return tuple(found)


def window_at(windows: tuple[Window, ...], moment: datetime) -> Window | None:
    """Return the window that covers a moment; `windows` are as `joined` returns them."""
    place = bisect_right(windows, moment, key=lambda window: window.start)
    return windows[place - 1] if place and windows[place - 1].covers(moment) else None


def coming(windows: tuple[Window, ...], moment: datetime) -> tuple[Window, ...]:
    """Return the windows that are not over at a moment."""
    return windows[bisect_right(windows, moment, key=lambda window: window.end) :]
