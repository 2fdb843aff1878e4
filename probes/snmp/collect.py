"""Reading what is not known yet: many variables, or whole columns, from agents that err in every way."""

from __future__ import annotations

from collections.abc import Sequence

from probes.core.observation import Outcome
from probes.core.probe import ProbeFailure
from probes.core.words import Words
from probes.snmp import ber, message
from probes.snmp.ber import Malformed, Value, VarBind
from probes.snmp.engine import Asks, Peer
from probes.snmp.form import Read
from probes.snmp.message import Pdu
from probes.snmp.template import Template

MAX_BINDS = 48
"""Variables in one answer: about 1.2 kB, so that no datagram is fragmented."""
MAX_REQUESTS = 400
"""Requests that reading one table may take: an agent that goes on and on is cut off here (abuse case A28)."""
_ABSENT = frozenset({ber.NULL, ber.NO_SUCH_OBJECT, ber.NO_SUCH_INSTANCE, ber.END_OF_MIB})

Column = dict[bytes, tuple[int, Value]]
"""Tag and value by row index (BER), in the agent's order."""


class Collector:
    """Reads from one agent; learns how much fits into its answers."""

    def __init__(self, engine: Asks, peer: Peer) -> None:
        self._engine = engine
        self._peer = peer
        self.binds = MAX_BINDS

    @property
    def bulk(self) -> bool:
        """Whether this agent's version knows GETBULK."""
        return self._peer.security.bulk

    def shrink(self) -> None:
        """Take note that an answer was too big."""
        self.binds = max(1, self.binds // 2)

    async def request(self, template: Template, read: Read = ber.read_varbinds) -> Pdu:
        """Ask the agent; `read` reads the answer's variables. Raises `ProbeFailure`."""
        return await self._engine.request(self._peer, template, read)

    async def get(self, oids: Sequence[bytes]) -> dict[bytes, tuple[int, Value]]:
        """Return what the agent has of `oids`. Raises `ProbeFailure` when it does not answer."""
        found: dict[bytes, tuple[int, Value]] = {}
        waiting = [tuple(oids[at : at + self.binds]) for at in range(0, len(oids), self.binds)]
        while waiting:
            some = waiting.pop()
            answer = await self.request(Template.get(some))
            if answer.error_status:
                waiting += self._smaller(some, answer)
            else:
                wanted = set(some)
                found |= {
                    b[0]: (b[1], b[2]) for b in answer.varbinds if b[0] in wanted and b[1] not in _ABSENT
                }
        return found

    def _smaller(self, oids: tuple[bytes, ...], answer: Pdu) -> list[tuple[bytes, ...]]:
        """Return what to ask instead after an error: without the variable that is to blame, or by halves."""
        if len(oids) == 1:
            return []
        if answer.error_status != message.TOO_BIG and 1 <= answer.error_index <= len(oids):
            return [oids[: answer.error_index - 1] + oids[answer.error_index :]]
        half = len(oids) // 2
        if answer.error_status == message.TOO_BIG:
            self.binds = min(self.binds, half)
        return [oids[:half], oids[half:]]

    async def walk(self, columns: Sequence[bytes], rows: int) -> list[Column]:
        """Return the `columns`, each with at most `rows` rows.

        Raises `ProbeFailure`: protocol_error for rows that do not increase, or that never end.
        """
        walk = _Walk(columns, rows)
        for _ in range(MAX_REQUESTS):
            active = walk.active
            if not active:
                return walk.columns
            answer = await self.request(self._next([walk.last[at] for at in active]))
            if not answer.error_status:
                walk.take(active, answer.varbinds)
            elif answer.error_status == message.TOO_BIG and self.binds > len(active):
                self.binds = max(len(active), self.binds // 2)
            else:
                walk.give_up(active, answer.error_index)
        raise ProbeFailure(Outcome.PROTOCOL_ERROR, _NO_END)

    def _next(self, oids: list[bytes]) -> Template:
        if self._peer.security.bulk:
            return Template.bulk(tuple(oids), max(1, self.binds // len(oids)))
        return Template.get_next(tuple(oids))


_NO_END = Words(
    f"bảng của thiết bị không hết sau {MAX_REQUESTS} câu hỏi",
    f"a table did not end within {MAX_REQUESTS} requests",
)
_EMPTY = Words("trả lời trống giữa chừng một bảng", "an empty answer where a table goes on")
_CIRCLES = Words(
    "bảng của thiết bị lặp vòng: OID không tăng", "the agent's table goes in circles: OIDs do not increase"
)


class _Walk:
    """How far the reading of some columns is."""

    def __init__(self, columns: Sequence[bytes], rows: int) -> None:
        self._prefixes = columns
        self._rows = rows
        self.last = list(columns)
        self.columns: list[Column] = [{} for _ in columns]
        self._ended = [False] * len(columns)

    @property
    def active(self) -> list[int]:
        return [at for at, ended in enumerate(self._ended) if not ended]

    def take(self, active: list[int], binds: list[VarBind]) -> None:
        if not binds:
            raise ProbeFailure(Outcome.PROTOCOL_ERROR, _EMPTY)
        for position, bind in enumerate(binds):
            at = active[position % len(active)]
            if not self._ended[at]:
                self._one(at, *bind)

    def _one(self, at: int, oid: bytes, tag: int, value: Value) -> None:
        prefix, column = self._prefixes[at], self.columns[at]
        if tag in _ABSENT or not oid.startswith(prefix) or len(column) >= self._rows:
            self._ended[at] = True
            return
        index, before = oid[len(prefix) :], self.last[at][len(prefix) :]
        try:
            increases = ber.split_index(index) > ber.split_index(before)
        except Malformed:
            increases = False
        if not increases:
            raise ProbeFailure(Outcome.PROTOCOL_ERROR, _CIRCLES)
        column[index] = tag, value
        self.last[at] = oid

    def give_up(self, active: list[int], index: int) -> None:
        """End the column that is to blame; v1 agents say noSuchName at the end of everything."""
        if 1 <= index <= len(active):
            self._ended[active[index - 1]] = True
            return
        for at in active:
            self._ended[at] = True
