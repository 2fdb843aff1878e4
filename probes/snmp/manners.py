"""How one device is asked: within a budget of requests for each poll, and less once it has been silent for long."""

from __future__ import annotations

import asyncio

from probes.core.observation import Answer, Fact, Outcome
from probes.core.probe import ProbeFailure
from probes.core.words import Words
from probes.snmp.ber import oid, read_varbinds
from probes.snmp.breaker import Breaker
from probes.snmp.engine import Asks, Peer
from probes.snmp.form import Read
from probes.snmp.message import Pdu
from probes.snmp.template import Template

KNOCK = Template.get((oid("1.3.6.1.2.1.1.3.0"),))
"""sysUpTime: the cheapest question, which every agent can answer."""


class Spent(ProbeFailure):
    """The budget of one poll is used up; what was learnt is kept, and the next poll goes on from there."""


class Manners:
    """Asks one device by `engine`, and knows what was asked since `begin`. It is an engine itself."""

    __slots__ = ("_breaker", "_budget", "_engine", "_left", "heard")

    def __init__(self, engine: Asks, budget: int) -> None:
        """`budget`: requests that one poll may cost."""
        self._engine = engine
        self._budget = self._left = budget
        self._breaker = Breaker()
        self.heard = False
        """Whether the device has answered anything since `begin`."""

    async def begin(self, peer: Peer) -> None:
        """Begin a poll. Raises `ProbeFailure` when the device has been silent for long and still is."""
        self._left, self.heard = self._budget, False
        if self._breaker.is_open:
            once = Peer(peer.address, peer.security, peer.wait, tries=1)
            try:
                await self.request(once, KNOCK)
            except ProbeFailure as failure:
                raise self._told(failure) from failure

    async def request(self, peer: Peer, template: Template, read: Read = read_varbinds) -> Pdu:
        """Return the response, whatever its error-status. Raises `ProbeFailure`, `Spent` among them."""
        if self._left <= 0:
            raise Spent(
                Outcome.PROTOCOL_ERROR,
                Words(
                    f"một lần đo cần hơn {self._budget} câu hỏi; lần sau hỏi tiếp",
                    f"one poll took more than {self._budget} requests; the next one goes on from there",
                ),
            )
        self._left -= 1
        try:
            answer = await self._engine.request(peer, template, read)
        except asyncio.CancelledError:  # a deadline shorter than our patience
            self._missed()
            raise
        except ProbeFailure as failure:
            if failure.outcome.is_silence:
                self._missed()
            else:
                self._breaker.answered()
            raise
        self.heard = True
        self._breaker.answered()
        return answer

    def _missed(self) -> None:
        if not self.heard:
            self._breaker.stayed_silent()

    def _told(self, failure: ProbeFailure) -> ProbeFailure:
        """Say what is asked while the device is silent; its own answer closes the breaker."""
        if not self._breaker.is_open:
            return failure
        said, polls = failure.detail, self._breaker.silent
        detail = Words(
            f"{said.vi}; không trả lời {polls} lần liền, chỉ còn hỏi sysUpTime",
            f"{said.en}; silent for {polls} polls, asked only for sysUpTime",
        )
        facts = (*failure.answer.facts, Fact("snmp.breaker", "open"))
        return ProbeFailure(failure.outcome, detail, Answer(failure.answer.samples, facts))
