"""Faults of a demonstration that are remembered and do nothing."""

from __future__ import annotations

from datetime import UTC, datetime

from alerts.incident import Words
from inventory.model import Inventory
from monitor.demo.controls import DemoControls, Fault, FaultKind, FaultTarget, Received, UnknownFault


class Switches(DemoControls):
    """Faults that are remembered and do nothing."""

    def __init__(self, inventory: Inventory) -> None:
        targets = tuple(FaultTarget(site.id, site.name) for site in inventory.sites.values())
        titles = {
            "cut-uplink": Words("Cắt đường truyền", "Cut the uplink"),
            "fill-disk": Words("Đầy ổ đĩa", "Fill a disk"),
            "weaken-ssh": Words("Làm yếu cấu hình SSH", "Weaken SSH"),
        }
        effect = Words(
            "Cả xã không trả lời; một sự cố, các thiết bị phía sau không tới được.", "All is silent."
        )
        self._kinds = tuple(FaultKind(kind, title, effect, targets) for kind, title in titles.items())
        self._faults: dict[tuple[str, str], Fault] = {}

    async def kinds(self) -> tuple[FaultKind, ...]:
        return self._kinds

    async def faults(self) -> tuple[Fault, ...]:
        return tuple(self._faults.values())

    async def received(self) -> tuple[Received, ...]:
        take = "/a/AAAAAAAAAAAAAAAA"
        return (
            Received(datetime.now(UTC), "[SỰ CỐ] mất kết nối", "Nơi: <Xã>", "0912", "Nguyễn Văn An", take),
        )

    async def switch(self, kind: str, target: str, on: bool) -> None:
        if kind not in {known.id for known in self._kinds}:
            raise UnknownFault(f"there is no fault {kind!r}")
        if on:
            self._faults.setdefault((kind, target), Fault(kind, target, datetime.now(UTC)))
        else:
            self._faults.pop((kind, target), None)
