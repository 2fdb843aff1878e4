"""One process per store folder: an advisory lock that dies with its process."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from monitor.store import StoreInUse


class FolderLock:
    """An exclusive `flock` on ``folder/lock``; the kernel releases it even after kill -9."""

    def __init__(self, folder: Path) -> None:
        """Take the lock, creating `folder`. Raises `StoreInUse` naming the process that has it."""
        folder.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.read(self._fd, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._fd)
            raise StoreInUse(f"{folder} is in use by process {owner}: only one may open it") from error
        os.ftruncate(self._fd, 0)
        os.write(self._fd, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Let others in."""
        os.close(self._fd)
