"""Follows the files while the service runs: edited, validated whole, taken in at once; or refused, and why.

A bad edit changes nothing: the last good inventory stays in force, and every page, the log and a metric say so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import msgspec
from watchfiles import awatch

from alerts.judging.topology import Topology
from inventory.document import Invalid, Problem
from inventory.files import below, is_folder
from inventory.tree import Tree, read_tree, stamps
from monitor import configuration
from monitor.binding import Bound, bound
from monitor.change import Change, change
from monitor.configuration import Configuration
from monitor.ledger import Ledger, LedgerError, Revision
from monitor.ledger.bindings import Places
from monitor.settings import load_settings
from probes.core.words import Said, Words

log = logging.getLogger(__name__)

LOOK_EVERY = 5.0
"""Seconds until the files are looked at though nobody told of a change: network file systems tell nothing."""
LOOK_AT_A_FILE = 1.0
"""The same for an inventory of one file."""
SETTLED = 100
"""Milliseconds without a further change after which an edit is taken as finished."""
SHOWN = 20
"""Mistakes that one line of the log names."""

_RESTART = Words(
    "tệp đã được sửa; khởi động lại dịch vụ để áp dụng", "the file was changed; restart the service to use it"
)


class InventoryState(msgspec.Struct, frozen=True):
    """Which inventory is in force, and whether the files on disk say something else."""

    revision: int
    """Number of the revision in force; 0 when the ledger did not take it."""
    loaded_at: datetime
    devices: int
    warnings: tuple[Problem, ...] = ()
    """What is doubtful in it."""
    problems: tuple[Problem, ...] = ()
    """Mistakes in the files on disk, for which they are not in force; empty when they are."""
    refused_at: datetime | None = None
    held: tuple[str, ...] = ()
    """Devices whose credentials are held back until somebody confirms where they go."""
    restart: bool = False
    """Whether the settings file was changed since the start: that wants a restart."""
    unfit: str = ""
    """The first mistake in the settings file: the service would not start with it."""


class Preview(msgspec.Struct, frozen=True):
    """What files would lead to, were they taken in."""

    problems: tuple[Problem, ...]
    """Mistakes, or warnings when there is no mistake."""
    change: Change | None
    """`None` when there is a mistake."""


class Revisions(Protocol):
    """The part of the ledger that remembers the files."""

    async def add(
        self, files: Mapping[str, bytes], at: datetime, author: str = "", note: str = ""
    ) -> Revision:
        """Remember the files."""
        ...


class Bindings(Protocol):
    """The part of the ledger that knows where credentials may be sent."""

    @property
    def known(self) -> Places:
        """Every binding."""
        ...

    async def attach(self, places: Places, at: datetime) -> None:
        """Bind credentials of devices that had none yet."""
        ...

    async def hold(self, places: Places, at: datetime, who: str) -> None:
        """Record that somebody's edit would have sent credentials elsewhere."""
        ...


class _Coming(msgspec.Struct, frozen=True):
    """What was read, ready to be put in force."""

    change: Change
    bound: Bound


class Reloader:
    """Run it as a part of the service: `run` returns only when cancelled."""

    def __init__(
        self,
        running: Configuration,
        held: Places,
        follow: Callable[[Change], None],
        revisions: Revisions,
        bindings: Bindings,
        now: Callable[[], datetime],
    ) -> None:
        """`follow` puts a change in force; it is called in the event loop and does not fail.

        `running` is bound already, and `held` is what that held back.
        """
        self._running = running
        self._follow = follow
        self._revisions = revisions
        self._bindings = bindings
        self._now = now
        self._lock = asyncio.Lock()
        self._again = asyncio.Event()
        self._seen: object = None
        self._held = held
        self._links: Topology | None = None
        """What is behind what, as far as it was worked out already."""
        devices = len(running.inventory.devices)
        self.state = InventoryState(0, now(), devices, running.warnings, held=_devices(held))

    @property
    def running(self) -> Configuration:
        """The configuration in force."""
        return self._running

    @property
    def problem(self) -> str:
        """Why the files on disk are not in force, in one line; empty when they are."""
        if not self.state.problems:
            return ""
        first, *others = self.state.problems
        more = f" (+{len(others)})" if others else ""
        return f"{first}{more}"

    async def begin(self) -> None:
        """Remember what the service starts with."""
        await self._remember("", "")

    @property
    def held(self) -> str:
        """Whose credentials are held back, in one line; empty when nobody's are."""
        devices = self.state.held
        more = f" (+{len(devices) - 3})" if len(devices) > 3 else ""
        advice = "commune-monitor secret confirm DEVICE"
        return f"{', '.join(devices[:3])}{more}: {advice}" if devices else ""

    @property
    def outdated(self) -> Said:
        """What to do about the settings file, in one line; empty while it says what the service started with."""
        if unfit := self.state.unfit:
            return Words(
                f"tệp có lỗi, dịch vụ sẽ không khởi động lại được: {unfit}",
                f"the file has mistakes, the service would not start again: {unfit}",
            )
        return _RESTART if self.state.restart else ""

    def on_disk(self) -> Tree:
        """Return the files as they are on the disk now. Blocks: call it in a thread."""
        return read_tree(self._running.edited[0], self._running.tree)

    def again(self) -> None:
        """Read everything again soon, though no file was edited: somebody confirmed where credentials may go."""
        self._again.set()

    async def run(self) -> None:
        """Follow the files until cancelled; first of all look whether they still say what the service began with."""
        await self._look()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_files())
            group.create_task(self._follow_word())

    async def _follow_word(self) -> None:
        while True:
            await self._again.wait()
            self._again.clear()
            await self.reload()

    async def _follow_files(self) -> None:
        while True:
            try:
                async for _ in _changes(self._running.edited):
                    await self._look()
            except (
                OSError,
                RuntimeError,
            ) as error:  # a folder is gone, no more inotify watches: look by ourselves
                log.warning("edited files are noticed late", extra={"error": str(error)})
                await asyncio.sleep(LOOK_EVERY)
                await self._look()

    async def reload(self, author: str = "", note: str = "") -> InventoryState:
        """Take in what the files say now. `author` and `note` are remembered with the revision, if there is one."""
        async with self._lock:
            try:
                coming = await asyncio.to_thread(_read, self._running, self._bindings.known, self._links)
            except Invalid as error:
                self._refuse(error.problems)
            else:
                await self._take(coming, author, note)
        return self.state

    async def preview(self, files: Mapping[str, bytes | None]) -> Preview:
        """Return what would follow if these files on the disk were so (`None`: gone). Nothing is changed."""
        known = self._bindings.known
        try:
            async with self._lock:  # reading has a memory, which is one thread's at a time
                coming = await asyncio.to_thread(_read_with, self._running, known, self._links, files)
        except Invalid as error:
            return Preview(error.problems, None)
        return Preview(coming.change.configuration.warnings, coming.change)

    async def _look(self) -> None:
        seen = await asyncio.to_thread(_looks, self._running)
        if seen != self._seen:
            self._seen = seen
            await self.reload()

    async def _take(self, coming: _Coming, author: str, note: str) -> None:
        change = coming.change
        self._follow(change)
        before, self._held = self._held, coming.bound.held
        self._links = change.topology
        self._running = change.configuration
        self.state = InventoryState(
            self.state.revision,
            self._now(),
            len(change.inventory.devices),
            change.configuration.warnings,
            held=_devices(coming.bound.held),
            **self._settings(),
        )
        if change.touched or change.fresh or change.gone:
            checks = f"+~{len(change.fresh)} -{len(change.gone)}"
            log.info("the files were taken in", extra={"devices": change.touched.counts, "checks": checks})
        await self._remember(author, note)
        try:
            await self._bindings.attach(coming.bound.fresh, self._now())
            newly = {holder: places for holder, places in self._held.items() if before.get(holder) != places}
            if newly:
                await self._bindings.hold(newly, self._now(), author or "an edit of the files")
        except LedgerError as error:
            log.error("where credentials may go is not recorded yet", extra={"error": str(error)})

    async def _remember(self, author: str, note: str) -> None:
        try:
            revision = await self._revisions.add(self._running.tree.files, self._now(), author, note)
        except LedgerError as error:
            log.error("this revision of the inventory is not remembered", extra={"error": str(error)})
        else:
            self.state = msgspec.structs.replace(self.state, revision=revision.id)

    def _refuse(self, problems: Sequence[Problem]) -> None:
        if tuple(problems) != self.state.problems:
            texts = [str(problem) for problem in problems[:SHOWN]]
            log.error(
                "the files have mistakes: what was in force stays in force",
                extra={"mistakes": len(problems), "problems": texts},
            )
        self.state = msgspec.structs.replace(
            self.state, problems=tuple(problems), refused_at=self._now(), **self._settings()
        )

    def _settings(self) -> dict[str, Any]:
        """Return whether the settings file says something else than it did at the start, and what is wrong in it."""
        try:
            return {"restart": load_settings(self._running.path) != self._running.settings, "unfit": ""}
        except Invalid as error:
            return {"restart": True, "unfit": str(error.problems[0])}


async def last_good(path: Path) -> tuple[Configuration, Revision] | None:
    """Return the configuration with the inventory that was last in force, if its files have mistakes now.

    `None` when there never was one, or when the mistakes are elsewhere. Raises `LedgerError`.
    """
    try:
        settings = load_settings(path)
        file = path.parent / settings.data / "ledger.sqlite"
        newest = await _newest(file) if file.exists() else None
        if newest is None:
            return None
        revision, files = newest
        return configuration.load(path, Tree(path.parent / settings.inventory, files)), revision
    except Invalid:
        return None


async def _newest(file: Path) -> tuple[Revision, Mapping[str, bytes]] | None:
    async with Ledger(file) as ledger:
        found = await ledger.revisions.newest(1)
        return (found[0], await ledger.revisions.files(found[0].id)) if found else None


def _read(running: Configuration, known: Places, links: Topology | None, tree: Tree | None = None) -> _Coming:
    coming, found = bound(configuration.reload(running, tree), known)
    return _Coming(change(running, coming, links), found)


def _read_with(
    running: Configuration, known: Places, links: Topology | None, files: Mapping[str, bytes | None]
) -> _Coming:
    return _read(running, known, links, read_tree(running.edited[0], running.tree).altered(files))


def _devices(held: Places) -> tuple[str, ...]:
    return tuple(dict.fromkeys(device for device, _ in held))


def _looks(running: Configuration) -> object:
    """Return what is the same as long as nobody has edited anything."""
    inventory, *others = running.edited
    every = [path for other in others for path in (other, *below(other))]
    return stamps(inventory), {path: _modified(path) for path in (running.path, *every)}


def _modified(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


async def _changes(edited: Sequence[Path]) -> AsyncIterator[object]:
    """Yield when something in a folder of `edited` may have changed, and often enough for what is no folder.

    The folder of a single file is not watched: the service writes its own data beside it all the time.
    """
    folders = [path for path in edited if is_folder(path)]
    pause = LOOK_EVERY if edited[0] in folders else LOOK_AT_A_FILE
    while not folders:
        await asyncio.sleep(pause)
        yield None
    async for found in awatch(*folders, step=SETTLED, rust_timeout=int(pause * 1000), yield_on_timeout=True):
        yield found
