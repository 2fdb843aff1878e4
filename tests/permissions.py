"""Files that are not ours to read, also where tests run as the superuser, to whom nothing is closed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534


@contextmanager
def not_ours(*folders: Path) -> Iterator[None]:
    """Close `folders`, of a test's own folder, to us while the block runs; a superuser becomes nobody."""
    modes = [folder.stat().st_mode & 0o777 for folder in folders]
    was = os.geteuid()
    for folder in folders:
        folder.chmod(0)
    if was == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(was)
        for folder, mode in zip(folders, modes, strict=True):
            folder.chmod(mode)
