"""A request written once: only its id (and what a credential adds) changes from poll to poll."""

from __future__ import annotations

from functools import lru_cache

from probes.snmp import ber, message


class Template:
    """A request for `oids` (BER content).

    For a GETBULK `first` and `second` are non-repeaters and max-repetitions.
    """

    __slots__ = ("_head", "first", "oids", "second", "tag", "tail", "wire")

    def __init__(self, tag: int, oids: tuple[bytes, ...], first: int = 0, second: int = 0) -> None:
        self.tag = tag
        self.oids = oids
        self.first = first
        self.second = second
        binds = ber.tlv(ber.SEQUENCE, b"".join(ber.varbind(oid) for oid in oids))
        self.tail = ber.integer(first) + ber.integer(second) + binds
        whole = ber.tlv(tag, b"\x02\x04\0\0\0\0" + self.tail)
        self._head = whole[: len(whole) - len(self.tail) - 4]
        self.wire: dict[tuple[int, bytes], tuple[bytes, bytes]] = {}
        """Whole messages around the request id, by version and community; few, as credentials are."""

    @classmethod
    @lru_cache(maxsize=8192)
    def get(cls, oids: tuple[bytes, ...]) -> Template:
        """Ask for exactly these variables. Devices that are alike share their templates."""
        return cls(message.GET, oids)

    @classmethod
    def get_next(cls, oids: tuple[bytes, ...]) -> Template:
        """Ask for what follows each of these."""
        return cls(message.GET_NEXT, oids)

    @classmethod
    @lru_cache(maxsize=8192)
    def bulk(cls, oids: tuple[bytes, ...], repetitions: int) -> Template:
        """Ask for `repetitions` successors of each of these."""
        return cls(message.GET_BULK, oids, 0, repetitions)

    def pdu(self, request_id: int) -> bytes:
        """Return the encoded PDU; `request_id` has four bytes (see `RequestIds`)."""
        return self._head + request_id.to_bytes(4, "big") + self.tail
