"""Hears what people answer on one channel, and lets them take incidents on; it remembers before it acts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from alerts.incident import Incident, Status, Words
from alerts.telling.backoff import Backoff
from alerts.telling.bot_api import BotNotifier
from alerts.telling.notifier import Notifier, Refused, TryLater
from alerts.telling.replies import (
    ALREADY,
    FAILED,
    GONE,
    HOW,
    TAKEN,
    USED,
    Heard,
    may_speak,
    pressed,
    who,
    wish,
)
from monitor.ledger import Ledger
from probes.core.text import clean

log = logging.getLogger(__name__)

PATIENCE = 60.0
"""Seconds one question for updates may take in all; it stays open for less."""
MAX_NOTE = 300

TakeOn = Callable[[Sequence[int], str, str], Awaitable[list[Incident]]]
"""Takes incidents on that nobody has: numbers, who, note. Returns those of which it was possible."""
PersonOf = Callable[[str, str], str | None]
"""Returns the name of the person on duty with an address on a channel."""


class Listener:
    """Run it as a task: `run` returns only when cancelled."""

    def __init__(
        self,
        channel: str,
        bot: BotNotifier[Any],
        ledger: Ledger,
        take_on: TakeOn,
        person_of: PersonOf,
        now: Callable[[], datetime],
        backoff: Backoff | None = None,
    ) -> None:
        self.channel = channel
        self._bot = bot
        self._ledger = ledger
        self._take = take_on
        self._person_of = person_of
        self._now = now
        self._backoff = backoff or Backoff()
        self._failures = 0
        self._after = ""
        self.problem = ""
        """Why nothing is heard now, one line; empty while the channel listens."""
        self.ignored = 0
        """Answers of people who may not speak."""

    async def run(self) -> None:
        """Hear and act until cancelled."""
        while True:
            try:
                await self._listen()
            except (TryLater, Refused) as error:
                await self._rest(str(error), getattr(error, "retry_after", None))
            except TimeoutError:
                await self._rest(f"no answer within {PATIENCE:g} s", None)
            except Exception as error:  # a full disk or a bug: the channel must be heard again afterwards
                log.exception("answers on a channel cannot be heard", extra={"channel": self.channel})
                await self._rest(f"fault of ours: {type(error).__name__}", None)

    async def _listen(self) -> None:
        """Hear once. What was heard is confirmed by the next question; one without an answer needs no confirmation.

        So numbers of another bot, or of the same one after a silent week, may be lower than those of before.
        """
        async with asyncio.timeout(PATIENCE):
            heard = await self._bot.hear(self._after)
        self._failures, self.problem = 0, ""
        self._after = heard[-1].id if heard else ""
        for one in heard:
            if await self._ledger.heard.first_time(self.channel, one.id, self._now()):
                await self._act(one)

    async def _rest(self, problem: str, asked: float | None) -> None:
        if not self.problem:
            log.warning("a channel does not listen", extra={"channel": self.channel, "error": problem})
        self._failures, self.problem = self._failures + 1, problem
        await asyncio.sleep(self._backoff.seconds(self._failures, asked))

    async def _act(self, heard: Heard) -> None:
        """Do what was asked for, and say what came of it; to strangers nothing is said."""
        if not heard.chat:
            return
        person = self._person_of(self.channel, heard.user)
        if not may_speak(self._bot, heard, person):
            self.ignored += 1
            return
        try:
            words = await self._answer(heard, person)
        except Exception:  # whoever answered must hear that it was not recorded
            log.exception("an answer cannot be acted on", extra={"channel": self.channel})
            words = FAILED
        if words is not None:
            await self._say(heard, words)

    async def _say(self, heard: Heard, words: Words) -> None:
        try:
            async with asyncio.timeout(self._bot.settings.timeout):
                await self._bot.answer(heard, words.in_language(self._bot.settings.language))
        except (TryLater, Refused, TimeoutError) as error:
            log.warning("an answer cannot be given", extra={"channel": self.channel, "error": str(error)})

    async def _answer(self, heard: Heard, person: str | None) -> Words | None:
        if heard.button:
            return await self._press(heard, person)
        said, number = wish(heard.text)
        meant = await self._ledger.heard.incident_of(self.channel, heard.thread) or number
        if said and meant is not None:
            return await self._take_on(meant, heard, person, clean(heard.text, MAX_NOTE))
        spoken_to = heard.thread or heard.chat == heard.user
        return _filled(HOW, id=meant or 123) if spoken_to else None

    async def _press(self, heard: Heard, person: str | None) -> Words:
        code = pressed(heard.button)
        take = await self._ledger.takes.find(code) if code else None
        if take is None or take.channel != self.channel:
            return USED
        incident = await self._ledger.incidents.by_id(take.incident)
        if take.used_at is not None and incident is not None and incident.status is Status.OPEN:
            return USED  # given back since: the next message has a code of its own
        words = await self._take_on(take.incident, heard, person or take.name or None, "")
        await self._ledger.takes.use(code, self._now())
        return words

    async def _take_on(self, number: int, heard: Heard, person: str | None, note: str) -> Words:
        incident = await self._ledger.incidents.by_id(number)
        known = person is not None or await self._ledger.heard.was_told(self.channel, number)
        if incident is None or not known:
            return _filled(GONE, id=number)
        author = who(heard, person, self._bot.service)
        if not await self._take([number], author, note):
            return await self._why_not(number)
        what = incident.summary
        return Words(
            TAKEN.vi.format(id=number, who=author, what=what.vi),
            TAKEN.en.format(id=number, who=author, what=what.en),
        )

    async def _why_not(self, number: int) -> Words:
        """Return why an incident cannot be taken on: somebody has it, perhaps since just now, or it is over."""
        incident = await self._ledger.incidents.by_id(number)
        if incident is None or incident.status is not Status.ACKNOWLEDGED:
            return _filled(GONE, id=number)
        return _filled(ALREADY, id=number, who=incident.acknowledged_by)


def _filled(words: Words, **values: object) -> Words:
    return Words(words.vi.format(**values), words.en.format(**values))


def listeners(
    channels: Mapping[str, Notifier[Any]],
    ledger: Ledger,
    take_on: TakeOn,
    person_of: PersonOf,
    now: Callable[[], datetime],
) -> dict[str, Listener]:
    """Return a listener, not yet running, for every channel whose settings want one."""
    return {
        name: Listener(name, channel, ledger, take_on, person_of, now)
        for name, channel in channels.items()
        if isinstance(channel, BotNotifier) and channel.hears
    }


def first_problem(hearing: Mapping[str, Listener]) -> str:
    """Return why a channel does not listen, with its name; ``""`` when all do."""
    return next((f"{name}: {one.problem}" for name, one in hearing.items() if one.problem), "")
