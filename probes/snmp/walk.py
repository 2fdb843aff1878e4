"""One part of an agent's tree, row by row, for people who look inside."""

from __future__ import annotations

from collections.abc import AsyncIterator

from probes.core.observation import Outcome
from probes.core.probe import ProbeFailure
from probes.core.words import Words
from probes.snmp import ber, message
from probes.snmp.ber import Malformed, VarBind
from probes.snmp.engine import Asks, Peer
from probes.snmp.message import Pdu
from probes.snmp.template import Template

REPETITIONS = 20
_CIRCLES = Words(
    "thiết bị trả lời lặp vòng: OID không tăng", "the agent goes in circles: OIDs do not increase"
)


async def walk(engine: Asks, peer: Peer, root: bytes, rows: int) -> AsyncIterator[VarBind]:
    """Yield at most `rows` variables under `root` (BER content), in the agent's order.

    Raises `ProbeFailure`; protocol_error when the agent goes in circles or ends with an error of its own.
    """
    last, repetitions = root, REPETITIONS if peer.security.bulk else 1
    while rows > 0:
        answer = await engine.request(peer, _next(peer, last, min(repetitions, rows)))
        if answer.error_status == message.TOO_BIG and repetitions > 1:
            repetitions //= 2
            continue
        for bind in _found(answer, root):
            if not _increases(last, bind[0]):
                raise ProbeFailure(Outcome.PROTOCOL_ERROR, _CIRCLES)
            last = bind[0]
            yield bind
            rows -= 1
        if _is_end(answer, root):
            return


def _next(peer: Peer, after: bytes, repetitions: int) -> Template:
    return Template.bulk((after,), repetitions) if peer.security.bulk else Template.get_next((after,))


def _found(answer: Pdu, root: bytes) -> list[VarBind]:
    if answer.error_status not in (message.NO_ERROR, message.NO_SUCH_NAME):
        name = message.error_name(answer.error_status)
        raise ProbeFailure(
            Outcome.PROTOCOL_ERROR, Words(f"thiết bị báo lỗi {name}", f"the agent answers {name}")
        )
    return [] if answer.error_status else [bind for bind in answer.varbinds if _is_inside(bind, root)]


def _is_end(answer: Pdu, root: bytes) -> bool:
    return not answer.varbinds or bool(answer.error_status) or not _is_inside(answer.varbinds[-1], root)


def _is_inside(bind: VarBind, root: bytes) -> bool:
    return bind[1] != ber.END_OF_MIB and bind[0].startswith(root)


def _increases(before: bytes, after: bytes) -> bool:
    try:
        return ber.arcs(after) > ber.arcs(before)
    except Malformed:
        return False
