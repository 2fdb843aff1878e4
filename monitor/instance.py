"""One service on one data folder: a lock that dies with its process, and a second service that stands by.

The lock tells whether the first is gone, its signature in the ledger whether it still works. A first that holds
the lock and has not signed for long is ended before it is replaced, for it has the store's files open.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import signal
import socket
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

log = logging.getLogger(__name__)

LOOK_EVERY = 1.0
"""Seconds between two looks of a service that stands by."""
MAX_CARD = 4096


class InUse(Exception):
    """Another service has the data folder; the text says which, and what to do."""


class Card(msgspec.Struct, frozen=True):
    """Which process holds the lock, well enough to be sure that it is that one."""

    pid: int
    began: str
    """When the process began, in the kernel's ticks: process numbers are used again."""
    space: str
    """In which numbering of processes: containers have their own."""
    host: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def own_card() -> Card:
    """Return that of this process."""
    return Card(os.getpid(), _began(os.getpid()), _space(), socket.gethostname())


class Seat:
    """The right to be the service of a data folder. Use as ``with``."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "instance.lock"

    def __enter__(self) -> Self:
        """Take it. Raises `InUse` naming who has it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            card = _card(self._path)
            os.close(self._file)
            raise InUse(
                f"{self._path.parent} is watched with already, by {card or 'another process'}: only one service may"
                " run on a data folder. Stop that one, or use `run --standby` to take over when it is gone"
            ) from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, msgspec.json.encode(own_card()), 0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it up."""
        os.close(self._file)


class Standby:
    """Waits until the seat of a data folder is free, and frees it when who has it no longer works."""

    def __init__(
        self,
        folder: Path,
        patience: float,
        *,
        look_every: float = LOOK_EVERY,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`patience`: seconds in which the first must be heard of."""
        self._folder = folder
        self._patience = patience
        self._look_every = look_every
        self._monotonic = monotonic
        self._heard: tuple[object, float] = (None, monotonic())
        self._told = ""

    async def wait(self) -> None:
        """Return when the seat was free a moment ago."""
        while not self._is_free():
            if self._silence() > self._patience:
                self._end()
            await asyncio.sleep(self._look_every)

    def _is_free(self) -> bool:
        try:
            with Seat(self._folder):
                return True
        except InUse as error:
            self._say(f"standing by: {error}")
            return False

    def _silence(self) -> float:
        """Return for how long the ledger has not changed hands nor been signed; by our own clock, which is not set."""
        sign, now = last_sign(self._folder / "ledger.sqlite"), self._monotonic()
        if sign != self._heard[0]:
            self._heard = (sign, now)
        return now - self._heard[1]

    def _end(self) -> None:
        card = _card(self._folder / "instance.lock")
        if card is None or card.space != _space() or card.began != _began(card.pid):
            who = card or "the process that has the data folder"
            self._say(f"{who} does not work, and cannot be ended from here: end it by hand")
            return
        log.critical(
            "the service that has the data folder does not work: ending it", extra={"who": str(card)}
        )
        with suppress(ProcessLookupError):
            try:
                os.kill(card.pid, signal.SIGKILL)
            except PermissionError:
                self._say(f"{card} does not work, and may not be ended by us: end it by hand")

    def _say(self, text: str) -> None:
        if text != self._told:
            log.warning(text)
        self._told = text


def last_sign(ledger: Path) -> tuple[int, int] | None:
    """Return what changes while a service works with a ledger: its epoch and when it was last heard of.

    `None` when it cannot be read. The file is only read, and not brought up to date: the other may be older than we.
    """
    try:
        with closing(sqlite3.connect(f"{ledger.absolute().as_uri()}?mode=ro", uri=True, timeout=1)) as db:
            row = db.execute("SELECT epoch, seen_at FROM leader").fetchone()
            return (int(row[0]), int(row[1])) if row else None
    except sqlite3.Error:
        return None


def _card(path: Path) -> Card | None:
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(MAX_CARD), type=Card)
    except (OSError, msgspec.DecodeError):
        return None


def _began(pid: int) -> str:
    """Return when a process began (proc(5), field 22 of ``stat``); "" when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _space() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""
