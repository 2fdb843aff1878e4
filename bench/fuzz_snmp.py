"""Mutated SNMP replies: ``python -m bench.fuzz_snmp [--replies N] [--seed S] [--json]``.

Each reply is a good one in which bytes were changed, cut, doubled or put in. It goes where a hostile agent's datagrams
go: the community's and the v3 user's door, the v3 door with the right digest (the agent itself is hostile), the reader
of known forms, and, one in fifty, a whole poll of a device. No exception may leave but the documented ones, and memory
must not grow. Exit code 1 when something else was seen; the seed and the number of the reply are printed with it.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec

import inventory.profiles
from inventory.profile import load_profiles
from probes.core.probe import ProbeFailure
from probes.snmp import ber, message
from probes.snmp.ber import Malformed, VarBind, oid
from probes.snmp.engine import Peer
from probes.snmp.form import Read, Reader
from probes.snmp.keys import KeyRing
from probes.snmp.message import Message, Pdu
from probes.snmp.security import Community
from probes.snmp.session import Session, studies
from probes.snmp.template import Template
from probes.snmp.usm import EngineState, User, parse

KEY = 0x01020304
ENGINE_ID = bytes.fromhex("80001f8880deadbeef")
DOCUMENTED = (Malformed, ProbeFailure)
LOOKS = 10
"""How often memory is looked at. It grows while the bounded caches of texts and templates fill, and then no more."""

BINDS: list[VarBind] = [
    (oid("1.3.6.1.2.1.1.3.0"), ber.TIMETICKS, 123_456_789),
    (oid("1.3.6.1.2.1.1.5.0"), ber.OCTETS, "máy chủ xã".encode()),
    (oid("1.3.6.1.2.1.1.2.0"), ber.OID, oid("1.3.6.1.4.1.8072.3.2.10")),
    (oid("1.3.6.1.2.1.31.1.1.1.6.1"), ber.COUNTER64, 2**63 + 5),
    (oid("1.3.6.1.2.1.2.2.1.8.1"), ber.INTEGER, -1),
    (oid("1.3.6.1.2.1.2.2.1.10.1"), ber.COUNTER32, 2**32 - 1),
    (oid("1.3.6.1.4.1.9.9.9"), ber.OPAQUE, 23.5),
    (oid("1.3.6.1.2.1.4.20.1.1"), ber.IP_ADDRESS, b"\xc0\x00\x02\x01"),
    (oid("1.3.6.1.9.1"), ber.NO_SUCH_OBJECT, None),
    (oid("1.3.6.1.9.2"), ber.END_OF_MIB, None),
]


class Mutator:
    """Changes replies, always in the same way for one seed."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)

    def mutated(self, reply: bytes) -> bytes:
        """Return `reply` with one to four changes."""
        out = bytearray(reply)
        for _ in range(self.dice.randint(1, 4)):
            self.dice.choice((self._set, self._set, self._flip, self._cut, self._double, self._put))(out)
        return bytes(out)

    def _place(self, out: bytearray) -> int:
        return self.dice.randrange(len(out)) if out else 0

    def _set(self, out: bytearray) -> None:
        if out:
            out[self._place(out)] = self.dice.choice(
                (0, 1, 0x30, 0x7F, 0x80, 0x82, 0x84, 0xFF, self.dice.randrange(256))
            )

    def _flip(self, out: bytearray) -> None:
        if out:
            out[self._place(out)] ^= 1 << self.dice.randrange(8)

    def _cut(self, out: bytearray) -> None:
        del out[self._place(out) : self._place(out) + self.dice.randrange(1, 40)]

    def _double(self, out: bytearray) -> None:
        at = self._place(out)
        out[at:at] = out[at : at + self.dice.randrange(1, 40)]

    def _put(self, out: bytearray) -> None:
        at = self._place(out)
        out[at:at] = self.dice.randbytes(self.dice.randrange(1, 12))


class HostileAgent:
    """An engine whose agent gives mutated answers to everything that a session asks."""

    def __init__(self, mutator: Mutator) -> None:
        self._mutator = mutator

    async def request(self, peer: Peer, template: Template, read: Read = ber.read_varbinds) -> Pdu:
        """Answer with mutated variables, those asked for or the ones that follow them. Raises `Malformed` never."""
        dice = self._mutator.dice
        values = [dice.choice(BINDS)[1:] for _ in template.oids]
        names = [
            name + bytes((dice.randrange(1, 127),)) * (template.tag != message.GET) for name in template.oids
        ]
        binds = [(name, *value) for name, value in zip(names, values, strict=True)]
        content = b"".join(ber.varbind(*bind) for bind in binds)
        if dice.random() < 0.5:
            content = self._mutator.mutated(content)
        try:
            found = read(content, 0, len(content))
        except Malformed:
            found = []
        return Pdu(
            message.RESPONSE, KEY, dice.choice((0, 0, 0, 0, 1, 2, 5, 99)), dice.randrange(-1, 4), found
        )


class Campaign:
    """Sends mutated replies through every door."""

    def __init__(self, seed: int) -> None:
        self._mutator = Mutator(seed)
        self._ring = KeyRing()
        self._user = User(
            "giam-sat", ("SHA256", "mat-khau-dai"), ("AES128", "mat-khau-dai"), self._ring, time.monotonic
        )
        self._forget()
        self._community = Community("public")
        self._reader = Reader()
        self._good = message.encode(Message(message.V2C, b"public", Pdu(message.RESPONSE, KEY, 0, 0, BINDS)))
        self._sealed = self._user.seal(Template.get((BINDS[0][0],)), KEY)
        profiles = load_profiles(Path(inventory.profiles.__path__[0]))
        self._study = studies(profiles, None, 64, ())
        self.ends: Counter[str] = Counter()
        self.doors: tuple[Callable[[], None], ...] = (
            self._v2c,
            self._v2c,
            self._form,
            self._v3,
            self._vouched,
        )

    def _forget(self) -> None:
        self._user.recall(EngineState(ENGINE_ID, 3, time.monotonic() - 500))

    def _v2c(self) -> None:
        reply = self._mutator.mutated(self._good)
        message.key_of(reply)
        self._community.open(reply, KEY)

    def _form(self) -> None:
        self._community.open(self._mutator.mutated(self._good), KEY, self._reader.read)

    def _v3(self) -> None:
        reply = self._mutator.mutated(self._sealed)
        message.key_of(reply)
        self._user.open(reply, KEY)

    def _vouched(self) -> None:
        """The agent itself is hostile: the digest is right, what it vouches for is not."""
        reply = self._mutator.mutated(self._sealed)
        parsed = parse(reply)
        keys = self._ring.keys(self._user.auth, self._user.priv, ENGINE_ID)
        if len(parsed.digest) != keys.digest_bytes:
            return
        at, end = parsed.digest_at, parsed.digest_at + keys.digest_bytes
        blank = reply[:at] + bytes(keys.digest_bytes) + reply[end:]
        self._user.open(blank[:at] + keys.sign(blank) + blank[end:], KEY)

    async def poll(self) -> None:
        """Let a new session poll a hostile agent twice."""
        peer = Peer(("192.0.2.1", 161), self._community)
        session = Session(HostileAgent(self._mutator), peer, self._study, budget=500)
        for _ in range(2):
            await session.poll()

    async def one(self, number: int) -> None:
        """Send one reply. Raises whatever is not documented."""
        try:
            if number % 50 == 0:
                await self.poll()
            else:
                self.doors[number % len(self.doors)]()
            self.ends["taken"] += 1
        except DOCUMENTED as error:
            self.ends[type(error).__name__] += 1
        if number % 1000 == 0:
            self._forget()


class Figures(msgspec.Struct):
    """What a campaign found."""

    replies: int
    seed: int
    ends: dict[str, int]
    seconds: float
    rss_mib: list[float]
    """After each tenth of the replies."""
    undocumented: str = ""


def resident() -> float:
    """Return the memory of this process, MiB."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


async def run(replies: int, seed: int) -> Figures:
    """Send `replies` mutated replies."""
    campaign, began = Campaign(seed), time.monotonic()
    memory: list[float] = []
    undocumented = ""
    for number in range(1, replies + 1):
        try:
            await campaign.one(number)
        except Exception as error:  # noqa: BLE001  this is what the campaign looks for
            undocumented = f"reply {number}: {type(error).__name__}: {error}"
            break
        if number % max(1, replies // LOOKS) == 0:
            memory.append(resident())
    seconds = round(time.monotonic() - began, 1)
    return Figures(number, seed, dict(campaign.ends), seconds, memory, undocumented)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--replies", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = msgspec.to_builtins(asyncio.run(run(options.replies, options.seed)))
    print(json.dumps(figures) if options.json else "  ".join(f"{k}={v}" for k, v in figures.items()))
    sys.exit(bool(figures["undocumented"]))


if __name__ == "__main__":
    main()
