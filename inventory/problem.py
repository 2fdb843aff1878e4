"""A mistake in a file: where it is, what is wrong, what would be right."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

Severity = Literal["error", "warning"]


def file_name(path: Path) -> str:
    """Return a path as text that can always be printed, whatever bytes and signs the name has."""
    text = str(path).encode("utf-8", "backslashreplace").decode("utf-8")
    return text if text.isprintable() else repr(text)[1:-1]


class Problem(msgspec.Struct, frozen=True, order=True):
    """One mistake. Lines and columns count from 1, in characters; 0 when the file as a whole is meant."""

    file: str
    line: int
    column: int
    path: str
    """Keys down to the place: ``"sites.18073.devices.router.role"``; ``""`` for the file as a whole."""
    message: str
    severity: Severity = "error"

    def as_warning(self) -> Problem:
        """Return the same, as something doubtful that stops nobody."""
        return Problem(self.file, self.line, self.column, self.path, self.message, "warning")

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        what = f"{self.path}: {self.message}" if self.path else self.message
        return f"{where}: {what}" if self.severity == "error" else f"{where}: warning: {what}"


class Invalid(Exception):
    """Files are not usable; `problems` are all the mistakes in them, sorted by place. A line of text each."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))
