"""What every check saw last, written beside the ledger from time to time: rules are tried against it.

One JSON object a line, compressed; the file is replaced whole. It holds what the pages show, and no secret.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from monitor.board import Board
from probes.core.observation import Observation
from probes.core.words import Said, Words

NAME = "last-seen.jsonl.gz"
EVERY = 600.0
"""Seconds between two times of writing."""
SOON = 60.0
"""Seconds after the start until it is written first: by then most has been asked."""
MAX_LINE = 4 * 1024 * 1024


class LastSeen:
    """Run it as a part of the service: `run` returns only when cancelled."""

    def __init__(self, folder: Path, board: Board, *, soon: float = SOON, every: float = EVERY) -> None:
        self._path = folder / NAME
        self._board = board
        self._soon = soon
        self._every = every
        self.problem: Said = ""
        """Why it cannot be written now, in one line; empty when it can."""

    async def run(self) -> None:
        """Write until cancelled."""
        await asyncio.sleep(self._soon)
        while True:
            await self.write()
            await asyncio.sleep(self._every)

    async def write(self) -> None:
        """Write once; what was written before stays when that fails."""
        found = [
            last
            for device in self._board.inventory.devices
            for check in self._board.checks(device)
            if (last := self._board.last(check.id)) is not None
        ]
        try:
            await asyncio.to_thread(_write, self._path, found)
        except OSError as error:
            path, why = self._path, error.strerror
            self.problem = Words(f"không ghi được {path}: {why}", f"{path} cannot be written: {why}")
        else:
            self.problem = ""


def _write(path: Path, found: Sequence[Observation]) -> None:
    fresh = path.with_name(f"{path.name}.new")
    encoder = msgspec.json.Encoder()
    with gzip.open(fresh, "wb", compresslevel=1) as file:
        for observation in found:
            file.write(encoder.encode(observation) + b"\n")
    fresh.chmod(0o640)
    fresh.replace(path)


def last_seen(folder: Path) -> Iterator[Observation]:
    """Yield what every check saw last. Raises `OSError` when there is no file, `ValueError` when it is damaged."""
    decoder = msgspec.json.Decoder(Observation)
    try:
        with gzip.open(folder / NAME, "rb") as file:
            while line := file.readline(MAX_LINE):
                yield decoder.decode(line)
    except (EOFError, msgspec.DecodeError, gzip.BadGzipFile) as error:
        raise ValueError(f"{folder / NAME} is damaged: {error}") from error
