"""How every channel does now, from the record and from the running service; and a message that tries one out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from alerts.telling.message import trial
from alerts.telling.notifier import Notifier, Refused, Settings, TryLater
from alerts.telling.queue import ChannelNow
from inventory.secrets import SecretMissing
from monitor.ledger import ChannelHealth
from monitor.listener import Listener

log = logging.getLogger(__name__)

PAUSE = timedelta(seconds=10)
"""Between two trials of one channel: a button is pressed more often than meant."""


class Trial(msgspec.Struct, frozen=True):
    """What came of a message that tried a channel out."""

    at: datetime
    error: str = ""
    """Why it was not taken; ``""`` when it was."""


class Bound(msgspec.Struct, frozen=True):
    """At most so many messages in so many seconds."""

    messages: int
    per: float


class ChannelState(msgspec.Struct, frozen=True):
    """One channel; times are aware UTC."""

    name: str
    kind: str
    """``""`` for one that the settings have no more."""
    state: str
    """``works``, ``fails``, ``unused`` (never told anything), ``removed``."""
    since: datetime | None
    """Since when it works or fails."""
    waiting: int
    """Messages not told yet."""
    error: str
    """Why an attempt failed last."""
    error_at: datetime | None
    delivered_at: datetime | None
    """When it took a message last."""
    limit: Bound | None
    """How much it is told at most."""
    told: int | None = None
    """How much of the limit is used now; `None` when no service runs."""
    replies: bool = False
    """Whether people may answer."""
    deaf: str = ""
    """Why answers are not heard now."""
    trial: Trial | None = None
    """The last trial since the start."""


class Unknown(LookupError):
    """There is no such channel."""


class TooSoon(Exception):
    """The channel was tried a moment ago, or is being tried."""


Health = Callable[[], Awaitable[Sequence[ChannelHealth]]]


class Channels:
    """What the pages know of channels, and how they try one."""

    def __init__(
        self,
        notifiers: Mapping[str, Notifier[Any]],
        health: Health,
        live: Callable[[], Mapping[str, ChannelNow]],
        hearing: Mapping[str, Listener],
        address: str,
        now: Callable[[], datetime],
    ) -> None:
        """`address` is the one people reach the pages at, for the message."""
        self._notifiers = notifiers
        self._health = health
        self._live = live
        self._hearing = hearing
        self._address = address
        self._now = now
        self._trials: dict[str, Trial] = {}
        self._trying: dict[str, datetime] = {}

    async def overview(self) -> list[ChannelState]:
        """Return every channel, by name: those of the settings, and those for which something still waits."""
        settings = {name: one.settings for name, one in self._notifiers.items()}
        live = self._live()
        return [self._with_life(one, live.get(one.name)) for one in states(settings, await self._health())]

    def _with_life(self, state: ChannelState, now: ChannelNow | None) -> ChannelState:
        listener = self._hearing.get(state.name)
        return msgspec.structs.replace(
            state,
            told=now.told if now else None,
            deaf=listener.problem if listener else "",
            trial=self._trials.get(state.name),
        )

    async def try_out(self, name: str) -> Trial:
        """Send a message that says it is a test, past the outbox and the limit. Raises `Unknown`, `TooSoon`."""
        notifier, now = self._notifiers.get(name), self._now()
        if notifier is None:
            raise Unknown(name)
        if name in self._trying and abs(now - self._trying[name]) < PAUSE:
            raise TooSoon
        self._trying[name] = now
        error = await _send(name, notifier, now, self._address)
        self._trials[name] = Trial(self._now(), error)
        return self._trials[name]


async def _send(name: str, notifier: Notifier[Any], now: datetime, address: str) -> str:
    message = trial(name, notifier.settings.language, now, address)
    try:
        async with asyncio.timeout(notifier.settings.timeout):
            await notifier.send(message)
    except (Refused, TryLater, SecretMissing) as error:
        return str(error)
    except TimeoutError:
        return f"no answer within {notifier.settings.timeout:g} s"
    except Exception as error:  # whoever pressed the button must read that it is our fault
        log.exception("a notifier failed unexpectedly", extra={"channel": name})
        return f"fault of ours: {type(error).__name__}"
    return ""


def states(settings: Mapping[str, Settings], health: Sequence[ChannelHealth]) -> list[ChannelState]:
    """Return how channels do by the record alone; one that is gone only while something waits for it."""
    known = {one.channel: one for one in health}
    gone = [one.channel for one in health if one.channel not in settings and one.waiting]
    return [
        _state(name, settings.get(name), known.get(name) or ChannelHealth(name))
        for name in sorted([*settings, *gone])
    ]


def _state(name: str, settings: Settings | None, health: ChannelHealth) -> ChannelState:
    limit = settings.limit if settings else None
    state = "unused" if health.works is None else "works" if health.works else "fails"
    return ChannelState(
        name,
        settings.kind if settings else "",
        state if settings else "removed",
        health.since,
        health.waiting,
        health.error,
        health.error_at,
        health.delivered_at,
        Bound(limit.messages, limit.per) if limit else None,
        replies=bool(getattr(settings, "replies", False)),
    )
