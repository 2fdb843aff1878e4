"""A random key of this installation, kept in a file that nobody else may read."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

BYTES = 32


def own_key(path: Path) -> bytes:
    """Return the key in the file `path`, made at the first call. Raises `OSError`."""
    with suppress(FileExistsError):
        fresh = path.with_suffix(f".{os.getpid()}.new")
        _write(fresh, secrets.token_bytes(BYTES))
        try:
            os.link(fresh, path)  # whole or not at all, and never over another
        finally:
            fresh.unlink()
    key = path.read_bytes()
    if len(key) != BYTES:
        raise OSError(f"{path} is no key of {BYTES} bytes; delete it, and links in messages sent so far end")
    return key


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123  a descriptor, for its mode
        file.write(content)
        file.flush()
        os.fsync(descriptor)
