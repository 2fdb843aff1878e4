"""One rendering of a view, ready to be sent to however many viewers: hashed, framed and compressed once.

A stream of raw deflate blocks that each end with a full flush may be put together from blocks that were compressed
apart (RFC 1951, section 3.2.4: a full flush ends at a byte and forgets what came before). So 500 viewers get the same
bytes, and no viewer has a compressor of its own. Where a form carries the key of the reader's session, the key goes
between such blocks as it is.
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


def stored(data: bytes) -> bytes:
    """Return at most 64 kB as a deflate block that is not compressed (section 3.2.4): it costs nothing to make."""
    return b"\x00" + len(data).to_bytes(2, "little") + (len(data) ^ 0xFFFF).to_bytes(2, "little") + data


class Rendered:
    """HTML of a view at one moment; `mark` stands where a reader's own key belongs."""

    def __init__(self, html: str, mark: str = "") -> None:
        self.html = html
        self._mark = mark.encode()

    @cached_property
    def digest(self) -> str:
        """Names this rendering: a viewer who has it need not get it again."""
        return hashlib.sha256(self.html.encode()).hexdigest()[:16]

    def message(self, key: str) -> bytes:
        """Return the rendering as a server-sent event for the reader with `key`."""
        return key.encode().join(self._parts)

    def packed(self, key: str) -> bytes:
        """Return `message` compressed; the same bytes for all readers, but for the key."""
        return self._packed[0] if len(self._packed) == 1 else stored(key.encode()).join(self._packed)

    @cached_property
    def _parts(self) -> list[bytes]:
        lines = "".join(f"data: {line}\n" for line in self.html.splitlines())
        whole = f"id: {self.digest}\n{lines}\n".encode()
        return whole.split(self._mark) if self._mark else [whole]

    @cached_property
    def _packed(self) -> list[bytes]:
        return [packed(part) for part in self._parts]
