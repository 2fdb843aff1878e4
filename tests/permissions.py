"""Files that are not ours to read, also where tests run as the superuser, to whom usually nothing is closed."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_VERSION_3 = 0x20080522
_DAC_OVERRIDE_AND_READ_SEARCH = 0b110
"""Capabilities to pass by the modes of files (capabilities(7), capset(2))."""


@contextmanager
def not_ours(*folders: Path) -> Iterator[None]:
    """Close `folders` to this thread, and to those that it starts, while the block runs."""
    modes = [folder.stat().st_mode & 0o777 for folder in folders]
    for folder in folders:
        folder.chmod(0)
    try:
        with _bound_by_modes():
            yield
    finally:
        for folder, mode in zip(folders, modes, strict=True):
            folder.chmod(mode)


@contextmanager
def _bound_by_modes() -> Iterator[None]:
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable: capabilities 0..31, then 32..63
    assert libc.capget(header, sets) == 0
    before = sets[0]
    sets[0] = before & ~_DAC_OVERRIDE_AND_READ_SEARCH
    assert libc.capset(header, sets) == 0
    try:
        yield
    finally:
        sets[0] = before
        assert libc.capset(header, sets) == 0
