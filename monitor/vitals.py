"""How the monitor itself does: lateness, queues, store, ledger. Its health page, every page and ``/healthz`` tell."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

import msgspec

from alerts.incident import Words
from monitor.scheduler import Load
from monitor.store import StoreHealth
from probes.core.probe import Check
from probes.core.words import Said

_LATE = 5.0
"""Seconds of lateness that an operator should know of."""
_LEAST_PATIENCE = 60.0
"""Seconds without any answer that mean nothing yet, however often is asked."""


class Problem(msgspec.Struct, frozen=True):
    """Something wrong with the monitor itself."""

    words: Words
    """One line."""
    part: str
    """What it concerns, in one word: ``"store"``, ``"audit"``."""
    grave: bool = True
    """Whether the pages, the record or the alerts cannot be relied on; ``/healthz`` answers 503 then."""


class Traps(msgspec.Struct, frozen=True):
    """Datagrams at the port for SNMP traps that became no observation, since the start."""

    unknown: int = 0
    """From addresses of no device."""
    refused: int = 0
    """Garbage, or with a credential that is not the device's."""
    dropped: int = 0
    """No room: they came too fast."""


class SelfWatch(msgspec.Struct, frozen=True):
    """Who notices when the monitor itself no longer works."""

    outside: bool
    """Whether somebody outside is pinged."""
    pinged_at: datetime | None
    """When that one last took a ping."""
    pinged_well: bool
    """Whether it was told that all is well."""
    morning: str
    """When the word each morning is told, ``"07:30"`` in Viet Nam; ``""`` when it is not."""
    word_at: datetime | None
    """When it was last told by this process."""
    watchdog: float
    """Seconds after which systemd restarts the service; 0 when it does not."""
    epoch: int
    """The how-manieth service this is on its ledger."""


class Vitals(msgspec.Struct, frozen=True):
    """The monitor's own health at one moment."""

    started: datetime
    version: str
    scheduler: Load
    store: StoreHealth
    unstored_transitions: int
    """Batches of transitions that the ledger has not taken yet."""
    traps: Traps | None
    """`None` when nothing listens for traps."""
    problems: tuple[Problem, ...]
    """What is wrong with the monitor itself; empty when all is well."""
    watch: SelfWatch | None = None
    """How it is itself watched; `None` where nobody says."""

    @property
    def failing(self) -> bool:
        """Whether one of the problems is grave."""
        return any(problem.grave for problem in self.problems)


class Pulse:
    """Whether answers of checks keep coming in. A stuck scheduler or pipeline is silent, and shows in nothing else."""

    def __init__(self, checks: Iterable[Check], clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` is monotonic, in seconds. Without checks silence is in order."""
        rhythm = min((check.interval + check.timeout for check in checks), default=float("inf"))
        self._patience = max(_LEAST_PATIENCE, 2 * rhythm)
        self._clock = clock
        self._last = clock()

    def follow(self, checks: Iterable[Check]) -> None:
        """Expect the rhythm of other checks from now on."""
        self.__init__(checks, self._clock)  # type: ignore[misc]

    def beat(self) -> None:
        """An answer was taken in."""
        self._last = self._clock()

    @property
    def silence(self) -> float:
        """Seconds without an answer when that is too long, else 0."""
        passed = self._clock() - self._last
        return passed if passed > self._patience else 0.0


class VitalsSource(msgspec.Struct, frozen=True):
    """Where the figures come from."""

    started: datetime
    version: str
    load: Callable[[], Load]
    store: Callable[[], StoreHealth]
    pulse: Pulse
    unstored: Callable[[], int]
    traps: Callable[[], Traps | None]
    parts: Mapping[str, Callable[[], Said | None]]
    """Why each part of the service does not work now, in one line, empty when it does; by a name of `_PARTS`."""
    watch: Callable[[], SelfWatch | None] = lambda: None

    def read(self) -> Vitals:
        """Take the figures now."""
        load, store = self.load(), self.store()
        problems = (*self._failures(store), *_lateness(load))
        return Vitals(
            self.started, self.version, load, store, self.unstored(), self.traps(), problems, self.watch()
        )

    def _failures(self, store: StoreHealth) -> Iterator[Problem]:
        if silence := self.pulse.silence:
            yield Problem(
                Words(
                    f"Không có kết quả đo nào từ {silence:.0f} giây nay: các trạng thái đang hiện đã cũ",
                    f"No check has been answered for {silence:.0f} s: the states shown are old",
                ),
                "checks",
            )
        told = {name: problem() for name, problem in self.parts.items()} | {"store": store.problem}
        for name, text in told.items():
            if text:
                why = text if isinstance(text, Words) else Words(text, text)
                words = Words(f"{_PARTS[name].vi}: {why.vi}", f"{_PARTS[name].en}: {why.en}")
                yield Problem(words, name, grave=name not in _HARMLESS)


def _lateness(load: Load) -> Iterator[Problem]:
    if load.late_p99 > _LATE:
        yield Problem(
            Words(
                f"Đo chậm hơn kế hoạch: {load.late_p99:.1f} giây (bách phân vị 99)".replace(".", ","),
                f"Polling is late: {load.late_p99:.1f} s (99th percentile)",
            ),
            "lateness",
            grave=False,
        )


_PARTS = {
    "pipeline": Words("Xử lý kết quả đo", "Judging"),
    "ledger": Words("Sổ sự cố", "The ledger"),
    "escalation": Words("Báo tiếp khi chưa ai nhận", "Telling on"),
    "rota": Words("Lịch trực", "Duty rota"),
    "addresses": Words(
        "Địa chỉ trong lịch trực sai, kênh không gửi được",
        "Addresses in the duty file that their channel cannot use",
    ),
    "webhooks": Words("Webhook không nhận thay đổi", "A webhook takes no changes"),
    "dispatcher": Words("Gửi cảnh báo", "Telling people"),
    "operations": Words("Tiếp nhận sự cố", "Taking incidents on"),
    "channels": Words("Kênh báo tin không hoạt động", "A channel to people does not work"),
    "replies": Words("Nghe trả lời trên kênh tin", "Hearing answers on channels"),
    "quiet": Words("Tạm dừng cảnh báo, bảo trì", "Silences and maintenance"),
    "traps": Words("Nhận SNMP trap", "SNMP traps"),
    "store": Words("Kho số liệu", "The store"),
    "inventory": Words(
        "Tệp danh mục có lỗi, danh mục đã nạp trước đó vẫn có hiệu lực",
        "The inventory's files have mistakes, what was loaded before stays in force",
    ),
    "settings": Words("Tệp cấu hình dịch vụ", "The settings file"),
    "bindings": Words(
        "Thông tin đăng nhập được giữ lại cho đến khi có người xác nhận địa chỉ mới",
        "Credentials are held back until somebody confirms the new address",
    ),
    "secrets": Words("Bí mật đã lưu", "Stored secrets"),
    "certificate": Words(
        "Chứng chỉ TLS của các trang, chứng chỉ đã nạp trước đó vẫn được dùng",
        "The certificate of the pages, the one loaded before stays in use",
    ),
    "last-seen": Words("Ghi kết quả đo gần nhất", "Writing what was seen last"),
    "quality": Words("Đo chất lượng cảnh báo", "Measuring the alarms"),
    "heartbeat": Words("Báo sống ra bên ngoài", "The ping to the watcher outside"),
    "morning": Words("Tin báo sống mỗi sáng", "The word each morning"),
    "audit": Words("Nhật ký ai đã làm gì", "The record of who did what"),
}
_HARMLESS = frozenset(
    {
        "quality",
        "heartbeat",
        "morning",
        "rota",
        "addresses",
        "channels",
        "webhooks",
        "replies",
        "store",
        "inventory",
        "settings",
        "bindings",
        "secrets",
        "audit",
        "certificate",
    }
)
"""Parts whose failure leaves states and alerts true: without the store only the charts are missing."""
