"""Which faults the simulated province knows, whom each can strike, and which are on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NamedTuple

from alerts.incident import Words
from monitor.demo.controls import Fault, FaultKind, FaultTarget, UnknownFault
from monitor.demo.layout import DATA_CENTRE, Layout, Place, SimulatedSite

CUT_UPLINK = "cut-uplink"
KILL_DEVICE = "kill-device"
SLOW_DEVICE = "slow-device"
FILL_DISK = "fill-disk"
OVERHEAT = "overheat"
EXPIRE_CERTIFICATE = "expire-certificate"
WEAKEN_SSH = "weaken-ssh"
OPEN_TELNET = "open-telnet"
DEFAULT_COMMUNITY = "default-community"
UPS_ON_BATTERY = "ups-on-battery"
BAD_GATEWAY = "bad-gateway"


class _Kind(NamedTuple):
    title: Words
    effect: Words
    strikes: Callable[[Place], bool]


def _any(place: Place) -> bool:
    return True


def _serving(service: str) -> Callable[[Place], bool]:
    return lambda place: place.serves(service)


def _of_role(*roles: str) -> Callable[[Place], bool]:
    return lambda place: place.role in roles


_DEVICE_FAULTS: dict[str, _Kind] = {
    KILL_DEVICE: _Kind(
        Words("Tắt thiết bị", "Kill a device"),
        Words("Thiết bị không trả lời gì.", "The device falls silent."),
        _any,
    ),
    SLOW_DEVICE: _Kind(
        Words("Làm chậm thiết bị", "Slow a device down"),
        Words("Mỗi câu trả lời chậm thêm 1,5 giây.", "Every answer takes 1.5 seconds more."),
        _any,
    ),
    FILL_DISK: _Kind(
        Words("Làm đầy ổ đĩa", "Fill a disk"),
        Words("Ổ đĩa /var của máy chủ đầy 97 %.", "The server's /var is 97 % full."),
        _of_role("server"),
    ),
    OVERHEAT: _Kind(
        Words("Làm quá nhiệt", "Overheat a device"),
        Words("Cảm biến báo 86 °C.", "The sensor reads 86 °C."),
        _of_role("router", "switch", "firewall", "server", "ups"),
    ),
    EXPIRE_CERTIFICATE: _Kind(
        Words("Làm hết hạn chứng thư", "Expire a certificate"),
        Words(
            "Chứng thư của hệ thống hết hạn hôm qua.",
            "The system's certificate ran out yesterday.",
        ),
        _serving("https"),
    ),
    WEAKEN_SSH: _Kind(
        Words("Làm yếu cấu hình SSH", "Weaken an SSH configuration"),
        Words(
            "Máy chủ nhận thuật toán cũ, đăng nhập bằng mật khẩu và đăng nhập root.",
            "The server offers old algorithms, password login and root login.",
        ),
        _serving("ssh"),
    ),
    OPEN_TELNET: _Kind(
        Words("Mở Telnet", "Open Telnet"),
        Words("Cổng Telnet trả lời.", "The Telnet port answers."),
        _serving("telnet"),
    ),
    DEFAULT_COMMUNITY: _Kind(
        Words("Đặt lại chuỗi SNMP mặc định", "Accept a default SNMP community"),
        Words("Thiết bị trả lời chuỗi “public”.", "The device answers to the community “public”."),
        _serving("snmp"),
    ),
    UPS_ON_BATTERY: _Kind(
        Words("Mất điện lưới", "Mains power fails"),
        Words("Bộ lưu điện chạy bằng ắc quy.", "The UPS runs on its battery."),
        _of_role("ups"),
    ),
    BAD_GATEWAY: _Kind(
        Words("Lỗi 502", "Answer 502"),
        Words("Hệ thống trả lời 502 Bad Gateway.", "The system answers 502 Bad Gateway."),
        _serving("https"),
    ),
}
_CUT = _Kind(
    Words("Cắt đường truyền của xã", "Cut a commune's uplink"),
    Words("Mọi thiết bị của xã không trả lời.", "Every device of the commune falls silent."),
    _any,
)


def kinds(layout: Layout) -> tuple[FaultKind, ...]:
    """Return every kind with its targets."""
    cut = tuple(FaultTarget(site.id, site.name) for site in layout.sites if site.id != DATA_CENTRE)
    return (
        FaultKind(CUT_UPLINK, _CUT.title, _CUT.effect, cut),
        *(
            FaultKind(name, kind.title, kind.effect, tuple(_targets(layout, kind)))
            for name, kind in _DEVICE_FAULTS.items()
        ),
    )


def _targets(layout: Layout, kind: _Kind) -> Iterator[FaultTarget]:
    for site in layout.sites:
        for place in site.places:
            if kind.strikes(place):
                yield FaultTarget(place.id, f"{site.name} – {place.called}")


def struck(layout: Layout, kind: str, target: str) -> tuple[Place, ...]:
    """Return the devices that fault `kind` on `target` strikes. Raises `UnknownFault`."""
    if kind == CUT_UPLINK:
        return _site(layout, target).places
    if kind not in _DEVICE_FAULTS:
        known = ", ".join((CUT_UPLINK, *_DEVICE_FAULTS))
        raise UnknownFault(f"there is no fault {kind[:40]!r}; there are {known}")
    place = next((place for place in layout.places if place.id == target), None)
    if place is None:
        raise UnknownFault(f"there is no device {target[:80]!r}; one is named as 18073/router is")
    if not _DEVICE_FAULTS[kind].strikes(place):
        raise UnknownFault(f"{kind} cannot strike {target}, which is a {place.role}")
    return (place,)


def _site(layout: Layout, target: str) -> SimulatedSite:
    for site in layout.sites:
        if site.id == target and site.id != DATA_CENTRE:
            return site
    raise UnknownFault(f"there is no commune {target[:80]!r}; a commune is named by its code, as 18073")


class Switches:
    """The faults that are on, in the order in which they were switched."""

    def __init__(self) -> None:
        self._on: dict[tuple[str, str], Fault] = {}

    def set(self, kind: str, target: str, now: datetime, *, on: bool) -> None:
        """Switch a fault on or off."""
        if on:
            self._on.setdefault((kind, target), Fault(kind, target, now))
        else:
            self._on.pop((kind, target), None)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is on."""
        return tuple(self._on.values())
