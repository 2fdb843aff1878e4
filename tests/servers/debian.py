"""Finds the real servers from Debian that a test needs, or says exactly how to install the missing one."""

from __future__ import annotations

import os
import shutil

import pytest

_SYSTEM_PLACES = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def require(binary: str, *, package: str) -> str:
    """Return the path of `binary`; fail the test naming the Debian `package` when it is not installed.

    An ordinary user's PATH lacks /usr/sbin, where the servers are: it is searched too.
    """
    path = shutil.which(binary, path=f"{os.environ.get('PATH', '')}:{_SYSTEM_PLACES}")
    if path is None:
        pytest.fail(
            f"{binary} is not installed and this test needs it: sudo apt-get install {package}", pytrace=False
        )
    return path
