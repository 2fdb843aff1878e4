"""Reads one small ordinary file, and nothing that only looks like one (abuse case A08); writes one whole."""

from __future__ import annotations

import glob
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

UNFINISHED = ".unfinished"
"""End of the names of files that are being written."""
NO_FILE = "there is no such file"


class Unreadable(Exception):
    """The file cannot be used; the text says why, without its content."""


def read_bytes(path: Path, within: Path, limit: int) -> bytes:
    """Return the content of `path`, at most `limit` bytes. Raises `Unreadable`.

    Symbolic links are followed only to places under `within`; devices, pipes and folders are refused.
    """
    try:
        real = path.resolve(strict=True)
        if not real.is_relative_to(within.resolve()):
            raise Unreadable("a symbolic link that leads out of the folder is not followed")
        with os.fdopen(os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise Unreadable("not an ordinary file")
            raw = stream.read(limit + 1)
    except FileNotFoundError:
        raise Unreadable(NO_FILE) from None
    except IsADirectoryError:
        raise Unreadable("not an ordinary file") from None
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror or type(error).__name__}") from None
    except (RuntimeError, ValueError) as error:  # a loop of links; a NUL in the name
        raise Unreadable(f"cannot be read: {type(error).__name__}") from None
    if len(raw) > limit:
        raise Unreadable(f"larger than {limit // 1024} KiB")
    return raw


def is_folder(path: Path) -> bool:
    """Whether `path` is a folder, as far as we may know."""
    try:
        return path.is_dir()
    except OSError:
        return False


def below(folder: Path) -> list[Path]:
    """Return every file and folder below `folder`, sorted: none that is closed to us, nothing below a file."""
    return sorted(Path(at, name) for at, folders, names in os.walk(folder) for name in (*folders, *names))


def replace(path: Path, content: bytes, mode: int) -> None:
    """Write `path` with the permissions `mode`: whole or not at all, durable when this returns. Raises `OSError`."""
    with _written(path, content, mode) as temporary:
        temporary.replace(path)


def create(path: Path, content: bytes, mode: int) -> None:
    """Write a new file as `replace` does. Raises `FileExistsError` when there is one, `OSError`."""
    with _written(path, content, mode) as temporary:
        path.hardlink_to(temporary)  # fails where a file is, unlike a rename


@contextmanager
def _written(path: Path, content: bytes, mode: int) -> Iterator[Path]:
    """Yield a durable file beside `path`, to be given its name; what the block did is durable afterwards."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=UNFINISHED, dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(descriptor, mode)
            stream.write(content)
            _flush(stream)
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)
    _flush_folder(path.parent)


def sweep(path: Path) -> None:
    """Remove what `replace` and `create` left beside `path` when they were killed. Nobody may be writing it now.

    Only ordinary files whose names they make: a copy that somebody put beside it stays.
    """
    with suppress(OSError):
        for left in path.parent.glob(f".{glob.escape(path.name)}.????????{UNFINISHED}"):
            if stat.S_ISREG(left.lstat().st_mode):
                left.unlink()


def _flush(stream: BinaryIO) -> None:
    """Make what was written durable."""
    stream.flush()
    os.fsync(stream.fileno())


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
