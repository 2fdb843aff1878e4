"""Answers to confined work that come through the library `requests` are read up to a bound, however they are packed.

Apprise reads every answer whole and unpacks it: one megabyte of zeros packed is a gigabyte in memory. It offers no
place to say how much is wanted, so the library's way to send is wrapped, once for the process; other users of the
library are not touched.
"""

from __future__ import annotations

import io
from functools import cache, wraps
from typing import Any

import requests
from urllib3.exceptions import HTTPError

from alerts.telling.confined import is_confined

MOST = 256 * 1024
"""Bytes of an answer, unpacked; what comes behind them is not read."""


@cache
def install() -> None:
    """Bound what confined work reads."""
    send = requests.adapters.HTTPAdapter.send

    @wraps(send)
    def bounded(self: Any, request: Any, *arguments: Any, **options: Any) -> Any:
        response = send(self, request, *arguments, **options)
        if is_confined():
            response.raw = io.BytesIO(_beginning(response))
        return response

    requests.adapters.HTTPAdapter.send = bounded


def _beginning(response: Any) -> bytes:
    """Return the first bytes of the body, unpacked, and leave the rest."""
    try:
        body: bytes = response.raw.read(MOST, decode_content=True)
    except (HTTPError, OSError) as error:
        raise requests.exceptions.ConnectionError(type(error).__name__) from None
    response.raw.close()
    return body
