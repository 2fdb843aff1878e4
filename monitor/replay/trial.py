"""Two rule books over the same history, attempt by attempt, and what each would have told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from alerts.duty.roster import Roster
from alerts.duty.who import Who
from alerts.rule import Rule, RuleBook
from alerts.telling.message import Composer
from alerts.telling.teller import Codes, Teller
from inventory.secrets import SecretMissing
from monitor.configuration import Configuration
from monitor.replay.attempts import Attempts, Left
from monitor.replay.compare import Comparison, compare
from monitor.replay.history import History
from monitor.replay.replay import Happened, Replay
from monitor.store import StoreUnavailable
from monitor.store.settings import DuckDBSettings, influx_access

if TYPE_CHECKING:
    from monitor.replay.influx import InfluxHistory


class Trial(msgspec.Struct, frozen=True):
    """What came of it."""

    start: datetime
    """When the first attempt that was judged ended, and the last."""
    end: datetime
    attempts: int
    restarts: int
    """How often the service was not running."""
    comparison: Comparison
    not_replayed: tuple[str, ...]
    """What the history does not tell, one line each."""
    rules_without_history: tuple[str, ...]
    """Proposed rules that were not tried: they look at what the history does not hold."""


def try_rules(configuration: Configuration, proposed: RuleBook, start: datetime, end: datetime) -> Trial:
    """Judge the history by the rules in force and by those proposed. Raises `StoreUnavailable`."""
    attempts = Attempts(configuration.inventory)
    with ExitStack() as stack:
        history = stack.enter_context(_history(configuration, attempts))
        span = history.span(start, end)
        if span is None:
            raise StoreUnavailable(_NO_HISTORY[configuration.settings.store.kind])
        start, end = span
        same = proposed == configuration.rules
        books = (configuration.rules,) if same else (configuration.rules, proposed)
        replays = [
            stack.enter_context(closing(Replay(book, configuration.inventory, teller(configuration, book))))
            for book in books
        ]
        first, last = end, start
        for observation in history.observations(start, end, wanted(*books)):
            first, last = min(first, observation.time), observation.time
            for replay in replays:
                replay.take(observation)
        told: list[list[Happened]] = [list(replay.happened()) for replay in replays]
        compared = compare(told[0], told[-1])
        restarts = replays[0].restarts
    missing = tuple(_left(attempts.left))
    return Trial(first, last, attempts.count, restarts, compared, missing, tuple(without_history(proposed)))


_NO_HISTORY = {
    "duckdb": "there is no history yet: the first hour is closed some minutes after its end",
    "influxdb": "there is no history in InfluxDB in this time: nothing was written there, or --since is too short",
}


@contextmanager
def _history(configuration: Configuration, attempts: Attempts) -> Iterator[History | InfluxHistory]:
    """Open the store's history, only to be read."""
    folder, settings = configuration.data / "store", configuration.settings.store
    if isinstance(settings, DuckDBSettings):
        yield History(folder, attempts)
        return
    from monitor.replay.influx import InfluxHistory  # its client takes long to import

    try:
        access = influx_access(settings, configuration.secrets)
    except SecretMissing as error:
        raise StoreUnavailable(str(error)) from None
    with InfluxHistory(folder, attempts, access) as history:
        yield history


def teller(configuration: Configuration, rules: RuleBook) -> Teller:
    """Return who is told by `rules` and by the channels and the duty file in force. Nothing is quiet."""
    settings, inventory = configuration.settings, configuration.inventory
    composer = Composer(rules, inventory, settings.notifiers, settings.web.address)
    who = Who(Roster(configuration.duty), inventory, settings.notifiers)
    return Teller(composer, who, Codes(bytes(32)))


def wanted(*books: RuleBook) -> frozenset[str]:
    """Return the metrics that rules look at."""
    return frozenset(
        rule.threshold.metric for book in books for rule in book if rule.threshold and rule.enabled
    )


def without_history(rules: RuleBook) -> list[str]:
    """Return the rules that a history of numbers says nothing about."""
    return [rule.id for rule in rules if rule.enabled and _needs_facts(rule)]


def _needs_facts(rule: Rule) -> bool:
    return rule.fact is not None or rule.event is not None


def _left(left: Left) -> list[str]:
    said = [
        "facts (configuration) and traps are not in the history: findings and events were not tried",
        "checks were asked again as they were then, not as other rules would have had them asked",
        "the inventory, the channels and the duty file are those of now; silences and escalation are left out",
        "states at the beginning are not known: what was open before it opens again",
    ]
    if left.unknown_outcome:
        said.append(f"{left.unknown_outcome} attempts failed before it was stored how: taken as silence")
    if left.shared_moment:
        said.append(
            f"{left.shared_moment} times several checks of a device ended in the same millisecond:"
            " their numbers were given to one of them"
        )
    if left.unknown_device:
        said.append(
            f"{left.unknown_device} attempts at checks that are no longer in the inventory were left out"
        )
    return said
