"""SSH host keys: which an operator has approved, which wait for one. Answers come from memory."""

from __future__ import annotations

import base64
import binascii
import hashlib
import logging
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Literal

import msgspec

from monitor.ledger import audit
from monitor.ledger.database import Database, LedgerError, from_ms, to_ms

KEYS_PER_ADDRESS = 8
"""A server that shows a new key every time must not fill the ledger."""
MAX_KEY = 16_384

State = Literal["pending", "approved", "revoked"]
Place = tuple[str, str, int]
"""Device, address, port."""

log = logging.getLogger(__name__)


class HostKey(msgspec.Struct, frozen=True):
    """A key seen at one address and port of a device; times are aware UTC."""

    device: str
    address: str
    port: int
    key: str
    """OpenSSH line, ``"ssh-ed25519 AAAA…"``."""
    fingerprint: str
    """As OpenSSH shows it: ``"SHA256:…"`` without padding."""
    state: State
    seen_at: datetime
    decided_by: str
    decided_at: datetime | None


class LedgerHostKeys:
    """Implements `probes.core.hostkeys.HostKeys`. Lives on the event loop."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock
        self._approved: dict[Place, tuple[str, ...]] = {}
        self._seen: defaultdict[Place, set[str]] = defaultdict(set)

    def approved(self, device: str, address: str, port: int) -> tuple[str, ...]:
        """See `HostKeys.approved`."""
        return self._approved.get((device, address, port), ())

    def report(self, device: str, address: str, port: int, key: str) -> None:
        """See `HostKeys.report`. What is no OpenSSH key is ignored, and so is the ninth key of an address."""
        place = (device, address, port)
        seen = self._seen[place]
        if key in seen or len(seen) >= KEYS_PER_ADDRESS:
            return
        print_ = fingerprint(key)
        if print_ is None:
            return
        seen.add(key)
        row = (*place, key, print_, int(self._clock() * 1000))
        self._database.soon(partial(_insert, row=row), partial(self._forget, place, key))

    def _forget(self, place: Place, key: str, error: LedgerError) -> None:
        log.warning("a host key could not be stored; it is reported again", extra={"error": str(error)})
        self._seen[place].discard(key)

    def learn(self, keys: list[HostKey]) -> None:
        """Replace what is known by `keys`, every key of the ledger."""
        approved: defaultdict[Place, tuple[str, ...]] = defaultdict(tuple)
        for key in keys:
            place = (key.device, key.address, key.port)
            self._seen[place].add(key.key)
            if key.state == "approved":
                approved[place] += (key.key,)
        self._approved = dict(approved)

    async def stored(self, state: State) -> list[HostKey]:
        """Return the keys that wait for an operator, or those an operator approved or revoked."""
        return await self._database.read(partial(load, state=state))

    async def approve(self, device: str, fingerprint: str, who: str, at: datetime) -> list[HostKey]:
        """Approve the keys of `device` with this fingerprint; return them, none when unknown."""
        return await self._decide("approved", device, fingerprint, who, at)

    async def revoke(self, device: str, fingerprint: str, who: str, at: datetime) -> list[HostKey]:
        """No longer trust those keys, nor ask about them again."""
        return await self._decide("revoked", device, fingerprint, who, at)

    async def _decide(
        self, state: State, device: str, fingerprint: str, who: str, at: datetime
    ) -> list[HostKey]:
        def work(db: sqlite3.Connection) -> tuple[list[HostKey], list[HostKey]]:
            decided = decide(db, state, device, fingerprint, who, at)
            if decided:
                audit.add(db, at, who, f"host key {state}", device, fingerprint)
            return decided, load(db)

        decided, every = await self._database.write(work)
        self.learn(every)
        return decided


def fingerprint(key: str) -> str | None:
    """Return the SHA-256 fingerprint of an OpenSSH key line; `None` when it is none."""
    words = key.split(" ")
    if len(words) != 2 or len(key) > MAX_KEY or not words[0].isascii() or not words[0].isprintable():
        return None
    try:
        blob = base64.b64decode(words[1], validate=True)
    except (binascii.Error, ValueError):
        return None
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return f"SHA256:{digest}" if blob else None


def _insert(db: sqlite3.Connection, *, row: tuple[str, str, int, str, str, int]) -> None:
    db.execute(
        "INSERT INTO host_keys(device, address, port, key, fingerprint, state, seen_at)"
        " VALUES (?, ?, ?, ?, ?, 'pending', ?) ON CONFLICT DO NOTHING",
        row,
    )


def load(db: sqlite3.Connection, state: State | None = None) -> list[HostKey]:
    """Return every key, or those of one state, by device and address."""
    rows = db.execute(
        "SELECT device, address, port, key, fingerprint, state, seen_at, decided_by, decided_at"
        " FROM host_keys WHERE ? IS NULL OR state = ? ORDER BY device, address, port, key",
        (state, state),
    ).fetchall()
    return [_host_key(*row) for row in rows]


def _host_key(
    device: str,
    address: str,
    port: int,
    key: str,
    print_: str,
    state: State,
    seen: int,
    who: str,
    decided: int | None,
) -> HostKey:
    decided_at = None if decided is None else from_ms(decided)
    return HostKey(device, address, port, key, print_, state, from_ms(seen), who, decided_at)


def decide(
    db: sqlite3.Connection, state: State, device: str, print_: str, who: str, at: datetime
) -> list[HostKey]:
    """Give the keys of `device` with that fingerprint a new state and return them."""
    db.execute(
        "UPDATE host_keys SET state = ?, decided_by = ?, decided_at = ? WHERE device = ? AND fingerprint = ?",
        (state, who, to_ms(at), device, print_),
    )
    return [key for key in load(db) if (key.device, key.fingerprint) == (device, print_)]
