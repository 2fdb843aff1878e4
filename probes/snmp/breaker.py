"""A circuit breaker: a device that stays silent is asked less, with one cheap request, until it answers."""

from __future__ import annotations

SILENT_POLLS = 3
"""Silent polls in a row after which less is asked: not yet while a device restarts or a line hiccups."""


class Breaker:
    """Counts a device's silent polls."""

    __slots__ = ("silent",)

    def __init__(self) -> None:
        self.silent = 0
        """Silent polls in a row."""

    @property
    def is_open(self) -> bool:
        """Whether only one cheap request is to be asked."""
        return self.silent >= SILENT_POLLS

    def answered(self) -> None:
        """Take note that the device was heard, with whatever."""
        self.silent = 0

    def stayed_silent(self) -> None:
        """Take note that a poll ended in silence."""
        self.silent += 1
