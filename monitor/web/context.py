"""What the pages are given: the present, the record, the rules, the clock. They construct none of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from alerts.duty.who import Who
from alerts.rule import RuleBook
from inventory.schema import Schema
from monitor.access.access import Access
from monitor.board import Board
from monitor.channels import Channels
from monitor.demo.controls import DemoControls
from monitor.ledger import Ledger
from monitor.operations import Operations
from monitor.quality.figures import Quality
from monitor.quiet import Quiets
from monitor.reload import Reloader
from monitor.store import Store
from monitor.vitals import Vitals
from monitor.web.effects import Effects
from monitor.web.finder import Finder
from monitor.web.seen import Seen
from monitor.web.summary import Summaries


@dataclass(frozen=True)
class WebContext:
    """Everything the pages need, made by the composition root."""

    board: Board
    store: Store
    ledger: Ledger
    operations: Operations
    """What people do about incidents."""
    who: Callable[[], Who]
    """Who is told of what, by the configuration in force."""
    quiets: Quiets
    """What is quiet, and what is under maintenance."""
    channels: Channels
    """The ways in which people are told."""
    rules: Callable[[], RuleBook]
    """The rules in force."""
    vitals: Callable[[], Vitals]
    now: Callable[[], datetime]
    """The time, aware UTC."""
    quality: Callable[[], Quality | None] = lambda: None
    """How good the alarms of the last 30 days were; `None` before that was measured."""
    language: str = "vi"
    """Language until the reader chooses."""
    reloader: Reloader | None = None
    """Which inventory is in force, and what an edit would change; `None` where no files are behind the pages."""
    editing: bool = False
    """Whether the files may be edited on a page."""
    schema: Callable[[], Schema] = dict
    """The JSON Schema of an inventory file, for the editor to complete from."""
    demo: DemoControls | None = None
    access: Access | None = None
    """Who may do what; `None` where everybody who reaches the pages may do everything."""
    proxies: tuple[str, ...] = ()
    """Networks of proxies that may say for whom they ask."""
    hosts: frozenset[str] | None = None
    """Names in ``Host`` headers that are answered, without the port; `None` answers all. Stops DNS rebinding."""
    pace: float = 0.5
    """Least seconds between two updates of one viewer."""
    seen: Seen = field(default_factory=Seen)
    """What every check saw last; the feed keeps it."""
    summaries: Summaries = field(default_factory=Summaries)
    """How every site does."""
    effects: Effects = field(default_factory=Effects)
    """What an incident stops."""
    finder: Finder = field(default_factory=Finder)
    """Finds sites and devices."""
