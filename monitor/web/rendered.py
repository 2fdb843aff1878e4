"""One rendering of a view, ready to be sent to however many viewers: hashed, framed and compressed once.

A stream of raw deflate blocks that each end with a full flush may be put together from blocks that were compressed
apart (RFC 1951, section 3.2.4: a full flush ends at a byte and forgets what came before). So 500 viewers get the same
bytes, and no viewer has a compressor of its own.
"""

from __future__ import annotations

import hashlib
import zlib
from functools import cached_property

LEVEL = 6
BEGIN = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""Head of a gzip stream (RFC 1952) whose blocks follow; a stream of events has no end that could be checked."""


def packed(data: bytes) -> bytes:
    """Return `data` as deflate blocks that may stand anywhere in a stream."""
    press = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return press.compress(data) + press.flush(zlib.Z_FULL_FLUSH)


class Rendered:
    """HTML of a view at one moment."""

    def __init__(self, html: str) -> None:
        self.html = html

    @cached_property
    def digest(self) -> str:
        """Names this rendering: a viewer who has it need not get it again."""
        return hashlib.sha256(self.html.encode()).hexdigest()[:16]

    @cached_property
    def message(self) -> bytes:
        """The rendering as a server-sent event."""
        lines = "".join(f"data: {line}\n" for line in self.html.splitlines())
        return f"id: {self.digest}\n{lines}\n".encode()

    @cached_property
    def packed(self) -> bytes:
        """`message` compressed."""
        return packed(self.message)
