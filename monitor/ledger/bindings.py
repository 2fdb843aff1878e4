"""Where each credential may be sent: the places a device was first seen at, or that a person confirmed since."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial

from monitor.ledger import audit
from monitor.ledger.database import Database, to_ms

Holder = tuple[str, str]
"""A device and a probe: who holds a credential."""
Places = Mapping[Holder, frozenset[str]]
MOST_HELD = 200
"""Lines that one edit may add to the record."""


class LedgerBindings:
    """The bindings in memory, at most a second behind another process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.known: Places = {}
        self.changed: Callable[[], None] = lambda: None
        """Called when another process, such as the command line, has changed them."""

    def learn(self, known: Places) -> None:
        """Replace what is known by what the ledger holds."""
        before, self.known = self.known, known
        if before != known:
            self.changed()

    async def attach(self, places: Places, at: datetime) -> None:
        """Bind credentials of devices that had none yet."""
        if places:
            await self._database.write(partial(put, places=places, at=at, who=""))
            self.known = {**self.known, **places}

    async def hold(self, places: Places, at: datetime, who: str) -> None:
        """Record that credentials would have gone to `places` by what `who` did, and do not."""
        await self._database.write(partial(_hold, places=places, at=at, who=who))

    async def confirm(self, places: Places, at: datetime, who: str) -> None:
        """Bind credentials to these places and no others, because `who` says so."""
        self.known = await self._database.write(partial(_confirm, places=places, at=at, who=who))


def load(db: sqlite3.Connection) -> Places:
    """Return every binding."""
    found: dict[Holder, set[str]] = {}
    for device, probe, place in db.execute("SELECT device, probe, place FROM bindings"):
        found.setdefault((device, probe), set()).add(place)
    return {holder: frozenset(places) for holder, places in found.items()}


def put(db: sqlite3.Connection, places: Places, at: datetime, who: str) -> None:
    """Replace the places of each holder in `places`."""
    db.executemany("DELETE FROM bindings WHERE device = ? AND probe = ?", list(places))
    db.executemany("INSERT INTO bindings VALUES (?, ?, ?, ?, ?)", _rows(places, at, who))


def _rows(places: Places, at: datetime, who: str) -> Iterable[tuple[str, str, str, int, str]]:
    return [
        (device, probe, place, to_ms(at), who)
        for (device, probe), every in places.items()
        for place in sorted(every)
    ]


def _hold(db: sqlite3.Connection, places: Places, at: datetime, who: str) -> None:
    for (device, probe), every in list(places.items())[:MOST_HELD]:
        places_of = ", ".join(sorted(every))
        audit.add(db, at, who, "credentials held back", device, f"{probe}: not sent to {places_of}")
    if len(places) > MOST_HELD:
        audit.add(db, at, who, "credentials held back", f"{len(places) - MOST_HELD} more", "")


def _confirm(db: sqlite3.Connection, places: Places, at: datetime, who: str) -> Places:
    put(db, places, at, who)
    for (device, probe), every in places.items():
        audit.add(db, at, who, "credentials confirmed", device, f"{probe}: {', '.join(sorted(every))}")
    return load(db)
