"""Answers in the form of the one before are read by one comparison instead of by parsing.

From poll to poll a device's answer differs in the bytes of its numbers and in nothing else: names, types and even
lengths stay, for counters and gauges seldom change their width. A `Form` is an answer with these bytes blanked.
One comparison proves that another answer has it, byte for byte; one `struct.unpack` then cuts out the numbers.
Measured: 24 variables in 4 µs, where parsing takes 14; a form takes about 2 kB of memory.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from probes.snmp import ber
from probes.snmp.ber import Value, VarBind

Read = Callable[[bytes, int, int], list[VarBind]]
"""Reads the variables between two positions of a datagram, as `ber.read_varbinds` does."""

_WIDEST = {ber.COUNTER32: 4, ber.GAUGE32: 4, ber.TIMETICKS: 4, ber.UINTEGER32: 4, ber.COUNTER64: 8}
"""Bytes of an unsigned number; what stands before them is padding and must stay as it is."""


class Form:
    """What stays the same in every answer that looks like `content`, whose variables are `binds`."""

    __slots__ = ("_cut", "_kept", "_mask", "_names", "_stay", "_tags")

    def __init__(self, content: bytes, binds: list[VarBind]) -> None:
        mask = bytearray(b"\xff" * len(content))
        cut, done, at = ">", 0, 0
        self._stay: list[tuple[int, Value]] = []
        """Place and value of what is no number, or a negative one: its bytes must be the same."""
        for place, (_, tag, value) in enumerate(binds):
            start, at = _value_span(content, at)
            width = min(at - start, 8 if tag == ber.INTEGER else _WIDEST.get(tag, 0))
            if not width or not isinstance(value, int) or value < 0:
                self._stay.append((place, value))
                continue
            start = at - width
            mask[start:at] = bytes(width)
            if tag == ber.INTEGER:
                mask[start] = 0x80  # the sign
            cut, done = f"{cut}{start - done}x{width}s", at
        self._cut = struct.Struct(f"{cut}{len(content) - done}x")
        self._mask = int.from_bytes(mask)
        self._kept = int.from_bytes(content) & self._mask
        self._names = [name for name, _, _ in binds]
        self._tags = bytes(tag for _, tag, _ in binds)

    def read(self, content: bytes) -> list[VarBind] | None:
        """Return the variables of `content`, which has the length of the first; None when it has another form."""
        if int.from_bytes(content) & self._mask != self._kept:
            return None
        values: list[Value] = list(map(int.from_bytes, self._cut.unpack(content)))
        for place, value in self._stay:
            values.insert(place, value)
        return list(zip(self._names, self._tags, values, strict=True))

    @property
    def size(self) -> int:
        """Bytes of an answer of this form."""
        return self._cut.size


class Reader:
    """Reads the answers to one request from one device, by the form of the last ones where that fits."""

    __slots__ = ("_form", "_size")

    def __init__(self) -> None:
        self._form: Form | None = None
        self._size = 0

    def read(self, buffer: bytes, at: int, end: int) -> list[VarBind]:
        """Return the variables between two positions. Raises `Malformed`."""
        content = buffer[at:end]
        if self._form is not None and self._form.size == len(content):
            found = self._form.read(content)
            if found is not None:
                return found
        binds = ber.read_varbinds(buffer, at, end)
        # A form costs as much as three readings, so it is made where the answer seems to have settled.
        if len(content) == self._size:
            self._form = Form(content, binds)
        self._size = len(content)
        return binds


def _value_span(content: bytes, at: int) -> tuple[int, int]:
    """Return where the value of the well-formed variable at `at` starts and ends."""
    _, at, _ = ber.header(content, at)
    _, _, at = ber.header(content, at)
    _, start, end = ber.header(content, at)
    return start, end
