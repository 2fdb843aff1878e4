"""What is probably broken: power, line, switch or device. A guess, told with what speaks for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from alerts.incident import Words
from alerts.judging.areas import Area, Common
from alerts.judging.watched import Watched
from probes.core.text import clean
from probes.core.words import Said, joined

ON_BATTERY = frozenset({"ups-on-battery", "trap-ups-on-battery"})
"""Rules that say that the mains failed."""
BATTERY_RULES = ON_BATTERY | {"battery-low", "trap-ups-battery-low"}
"""Rules whose judgements speak for a power cut."""


def guess_of_device(
    watched: Watched, parents: Sequence[Watched], behind: int, of_site: Iterable[Watched]
) -> Words:
    """Return the guess for one device that is down; `behind` devices are cut off with it."""
    if battery := on_battery(of_site):
        return _power(battery)
    alive = [parent.id for parent in parents if not parent.cut_off]
    inside = [parent for parent in alive if parent.partition("/")[0] == watched.site.id]
    if behind and inside:
        named, vi, en = inside[0], *(clean(watched.device.called(language), 64) for language in ("vi", "en"))
        return Words(
            f"Có thể hỏng {vi} hoặc dây, nguồn của nó: {named} vẫn trả lời, mọi thiết bị phía sau không trả lời",
            f"Probably {en}, its cable or its power: {named} answers, all behind it is silent",
        )
    if inside:
        return Words(
            f"Có thể hỏng chính thiết bị: {inside[0]} phía trước vẫn trả lời",
            f"Probably the device itself: {inside[0]} before it answers",
        )
    if behind:
        return Words(
            "Có thể đứt đường truyền hoặc mất điện tại đơn vị: mọi thiết bị cùng lúc không trả lời, UPS không báo gì",
            "Probably its line, or the power on site: everything fell silent at once, and no UPS spoke before",
        )
    return Words(
        "Chưa rõ: không có thiết bị nào khác để so sánh", "Unclear: there is no other device to compare with"
    )


def guess_of_site(devices: Iterable[Watched]) -> Words:
    """Return the guess for a site that is cut off as a whole."""
    if battery := on_battery(devices):
        return _power(battery)
    return Words(
        "Có thể đứt đường truyền hoặc mất điện tại đơn vị: mọi đường vào cùng lúc không trả lời",
        "Probably its lines, or the power on site: every way in fell silent",
    )


def guess_of_area(area: Area, devices: Iterable[Watched]) -> tuple[Words, Said]:
    """Return the guess for several sites, and the signs of it as evidence."""
    battery = on_battery(devices)
    signs = joined((Words("chạy bằng ắc quy", "on battery"), ", ".join(battery[:5])), ": ") if battery else ""
    if battery or area.common is Common.POWER:
        return _power(battery) if battery else guess_of_feed(area), signs
    if area.common is Common.CARRIER:
        return Words(
            f"Có thể do {area.called.vi}: các đơn vị này cùng nhà mạng, không cùng nguồn điện",
            f"Probably the {area.called.en}: these sites share it, and no power feed",
        ), signs
    return Words(
        "Có thể do phần dùng chung của tỉnh: các đơn vị không cùng nhà mạng hay nguồn điện",
        "Probably something the province shares: the sites have neither carrier nor power feed in common",
    ), signs


def on_battery(devices: Iterable[Watched]) -> list[str]:
    """Return the devices that said they run on their battery."""
    return [
        watched.id
        for watched in devices
        if any(key.rule in BATTERY_RULES and track.seen_at for key, track in watched.tracks.items())
    ]


def _power(battery: list[str]) -> Words:
    named = ", ".join(battery[:3])
    return Words(
        f"Có thể mất điện: {named} đã báo chạy bằng ắc quy",
        f"Probably the power: {named} reported its battery",
    )


def guess_of_feed(area: Area) -> Words:
    """Return the guess for sites that have a power feed in common."""
    return Words(
        f"Có thể mất điện: các đơn vị cùng {area.called.vi}",
        f"Probably the power: these sites share {area.called.en}",
    )
