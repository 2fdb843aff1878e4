"""A word each morning that the monitor lives, with the figures of the day before: its absence is an alarm too."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from alerts.calendar import VIETNAM
from alerts.duty.policy import Stage, Targets
from alerts.duty.who import Who
from alerts.incident import DeviceState, Incident, IncidentKey, Kind, Severity, Status, Step, Words
from alerts.quantity import duration
from alerts.telling.notification import Message, Receiver, Telling
from monitor.ledger.morning import Day
from monitor.selfwatch.settings import MorningSettings
from probes.core.words import Said

log = logging.getLogger(__name__)

LATEST = timedelta(hours=6)
"""How long after its time the word is still told: the monitor was just started."""
LOOK_EVERY = 20.0
SETTLE = 180.0
"""Seconds after a start until the word may be told: before, nothing is known of most devices."""
DUTY = "duty"
"""Name of the channel that is told unless the settings say whom."""


NOBODY = Words(
    "không có ai để báo: không có kênh nào của `morning: {tell: …}`, hoặc không có ai trực",
    "nobody to tell: no channel of `morning: {tell: …}` is there, or nobody is on duty",
)


class Records(Protocol):
    """The part of the ledger that counts, and that tells once."""

    async def day(self, start: datetime, end: datetime) -> Day:
        """Return the figures of a time."""
        ...

    async def tell_once(self, word: str, telling: Telling, at: datetime) -> bool:
        """Put messages in the outbox unless some whose keys begin with `word` were ever put there."""
        ...


class Unchecked(msgspec.Struct, frozen=True):
    """What nobody looked at."""

    blocked: int = 0
    """Checks that cannot be asked: their credential has no value, or is held back."""
    never: int = 0
    """Devices that have never answered."""


def due(now: datetime, settings: MorningSettings) -> str:
    """Return the day, ``"2026-11-27"`` in Viet Nam, whose word is due now; "" when none is."""
    local = now.astimezone(VIETNAM)
    at = datetime.combine(local.date(), settings.at, VIETNAM)
    return local.date().isoformat() if at <= local < at + LATEST else ""


def report(states: Counter[DeviceState], day: Day, unchecked: Unchecked, problems: Sequence[Words]) -> Words:
    """Return the text, one line a subject."""
    up, degraded = states[DeviceState.UP], states[DeviceState.DEGRADED]
    down, unreachable, no_data = (
        states[one] for one in (DeviceState.DOWN, DeviceState.UNREACHABLE, DeviceState.NO_DATA)
    )
    vi = [
        f"Thiết bị: {states.total()}; hoạt động {up}, suy giảm {degraded}, mất kết nối {down},"
        f" không với tới {unreachable}, chưa có dữ liệu {no_data}",
        f"Sự cố hôm qua: mới {day.opened}, đã khắc phục {day.resolved}; đang mở {day.open_now}",
        f"Tin đã gửi hôm qua: {day.told}" + (f"; không gửi được {day.given_up}" if day.given_up else ""),
    ]
    en = [
        f"Devices: {states.total()}; up {up}, degraded {degraded}, down {down}, unreachable {unreachable},"
        f" no data {no_data}",
        f"Incidents yesterday: {day.opened} new, {day.resolved} resolved; {day.open_now} open now",
        f"Messages told yesterday: {day.told}" + (f"; {day.given_up} could not be" if day.given_up else ""),
    ]
    missing = _missing(day, unchecked)
    vi.append(f"Không được kiểm tra: {'; '.join(one.vi for one in missing) or 'không có'}")
    en.append(f"Not checked: {'; '.join(one.en for one in missing) or 'nothing'}")
    for problem in problems[:5]:
        vi.append(f"Hệ thống giám sát: {problem.vi}")
        en.append(f"The monitor itself: {problem.en}")
    return Words("\n".join(vi), "\n".join(en))


def _missing(day: Day, unchecked: Unchecked) -> list[Words]:
    found = []
    if day.absent:
        long = day.absent.total_seconds()
        found.append(
            Words(
                f"hệ thống giám sát không chạy {duration(long, 'vi')}",
                f"the monitor did not run for {duration(long, 'en')}",
            )
        )
    if unchecked.blocked:
        found.append(
            Words(
                f"{unchecked.blocked} phép đo thiếu thông tin đăng nhập",
                f"{unchecked.blocked} checks without a credential",
            )
        )
    if unchecked.never:
        found.append(
            Words(
                f"{unchecked.never} thiết bị chưa từng trả lời",
                f"{unchecked.never} devices that have never answered",
            )
        )
    return found


def message(
    channel: str, to: str, name: str, language: str, word: str, text: Words, now: datetime
) -> Message:
    """Return the word to one receiver; about no incident, so its number is 0."""
    title = Words("Hệ thống giám sát vẫn hoạt động", "The monitor is alive")
    incident = Incident(
        0,
        IncidentKey("alive", "@monitor"),
        Kind.INCIDENT,
        Severity.LOW,
        Status.RESOLVED,
        title,
        "",
        now,
        now,
        now,
    )
    head = f"[{now.astimezone(VIETNAM):%d/%m/%Y}] {title.in_language(language)}"
    key = f"{word}:{channel}:{to}"
    return Message(channel, key, head, text.in_language(language), Step.NOTED, incident, to=to, name=name)


class Morning:
    """Run it as a part of the service: `run` returns only when cancelled."""

    def __init__(
        self,
        settings: MorningSettings,
        records: Records,
        text: Callable[[Day], Words],
        who: Callable[[], Who],
        wake: Callable[[], None],
        now: Callable[[], datetime],
        look_every: float = LOOK_EVERY,
    ) -> None:
        """`text` says the figures; `wake` is called when there is something to deliver."""
        self._settings = settings
        self._records = records
        self._text = text
        self._who = who
        self._wake = wake
        self._now = now
        self._look_every = look_every
        self._done = ""
        self.last: datetime | None = None
        """When the last word was put in the outbox by this process."""
        self.problem: Said = ""
        """Why the word cannot be told now, in one line; empty when it can."""

    async def run(self) -> None:
        """Tell each morning until cancelled."""
        await asyncio.sleep(SETTLE)
        while True:
            await self.look()
            await asyncio.sleep(self._look_every)

    async def look(self) -> None:
        """Tell the word that is due now, if there is one."""
        now = self._now()
        day = due(now, self._settings)
        if not day or day == self._done:
            return
        try:
            await self._tell(day, now)
        except Exception as error:  # a full disk passes; the word is tried again
            if not self.problem:
                log.exception("the word of the morning cannot be told; trying again until it can")
            self.problem = str(error)

    async def _tell(self, day: str, now: datetime) -> None:
        midnight = datetime.combine(now.astimezone(VIETNAM).date(), datetime.min.time(), VIETNAM)
        figures = await self._records.day(midnight - timedelta(days=1), midnight)
        word, text, chains = f"alive:{day}", self._text(figures), []
        who = self._who()
        for one in self._receivers(who, now):
            ways = [(channel, to, one.name, who.channels[channel].language) for channel, to in one.ways]
            chains.append(
                tuple(
                    message(channel, to, name, language, word, text, now)
                    for channel, to, name, language in ways
                )
            )
        if not chains:
            self.problem = NOBODY
            return
        telling = Telling(tuple(chains), who.roster.duty.patience, None)
        if await self._records.tell_once(word, telling, now):
            self.last = now
            self._wake()
        self._done, self.problem = day, ""

    def _receivers(self, who: Who, now: datetime) -> list[Receiver]:
        stage = Stage(tell=self._settings.tell or unless_said(who))
        return [one.receiver for one in who.roster.receivers(stage, tuple(who.channels), None, now)]


def unless_said(who: Who) -> Targets:
    """Return whom the settings mean that say nothing: the channel called ``duty``, or else the first."""
    name = DUTY if DUTY in who.channels else next(iter(who.channels), DUTY)
    return (f"channel:{name}",)
