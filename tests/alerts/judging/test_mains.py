"""The mains of several sites: one incident of their power feed, not one for each UPS."""

from __future__ import annotations

from alerts.incident import DeviceState, Step, Transition
from inventory.model import Inventory, Site
from tests.alerts.province import OWNER, Watch, built_in, device, number

OPENED, CHANGED, RESOLVED = Step.OPENED, Step.CHANGED, Step.RESOLVED
SITES = [f"{18000 + number}" for number in range(8)]


def feed(*fed: str) -> Inventory:
    """Eight communes of a router and a UPS; the first six, or those named, have one power feed."""
    devices = {key: (device("router", site=key), device("ups", "router", site=key)) for key in SITES}
    return Inventory(
        tuple(
            Site(
                id=key, name=f"Xã {key}", kind="commune", owner=OWNER, devices=devices[key],
                power_feed="north" if key in (fed or SITES[:6]) else "",
            )
            for key in SITES
        ),
        {}, {},
    )  # fmt: skip


def watching(inventory: Inventory) -> Watch:
    watch = Watch(built_in(), inventory)
    for site in SITES:
        for name in ("router", "ups"):
            watch.see(f"{site}/{name}:icmp", took=0.05)
    return watch


def ups(watch: Watch, sites: list[str], *, on_battery: bool = True, times: int = 2) -> Watch:
    for _ in range(times):
        for site in sites:
            watch.see(
                f"{site}/ups:snmp", samples=number("hw.battery.discharging", float(on_battery)), took=0.05
            )
    return watch.tick()


def keys(steps: list[Transition]) -> list[tuple[str, str, str, Step]]:
    return [(t.key.rule, t.key.device, t.key.subject, t.step) for t in steps]


FEED = ("mains-lost", "@power", "north")


def test_a_power_cut_of_a_feed_is_one_incident_that_names_the_sites() -> None:
    watch = ups(watching(feed()), SITES[:4])
    assert keys(watch.transitions) == [(*FEED, OPENED)]
    (opened,) = watch.transitions
    assert opened.sites == tuple(SITES[:4])
    assert opened.evidence == ", ".join(f"{site}/ups" for site in SITES[:4])
    assert opened.summary.vi == "4/6 đơn vị mất điện lưới, đang chạy bằng ắc quy: nguồn điện north"
    ups(watch.wait(120), SITES[:5])
    assert keys(watch.transitions)[1:] == [(*FEED, CHANGED)], "the fifth is added; nobody is told of it"
    assert watch.transitions[1].sites == tuple(SITES[:5])
    assert [watch.state(f"{site}/ups") for site in SITES[:6]] == [*[DeviceState.DEGRADED] * 5, DeviceState.UP]
    ups(ups(watch.wait(60), SITES[:5], on_battery=False).wait(121), SITES[:5], on_battery=False)
    assert keys(watch.transitions)[2:] == [(*FEED, RESOLVED)]
    assert watch.state(f"{SITES[0]}/ups") is DeviceState.UP
    assert not watch.tick().engine.waits


def test_one_ups_is_told_of_by_itself_after_a_while() -> None:
    watch = ups(watching(feed()), SITES[:1])
    assert watch.transitions == []
    ups(watch.wait(95), SITES[:1])
    assert keys(watch.transitions) == [("ups-on-battery", f"{SITES[0]}/ups", "", OPENED)]


def test_a_site_without_others_on_its_feed_is_told_of_at_once() -> None:
    watch = ups(watching(feed(SITES[0])), SITES[:1])
    assert keys(watch.transitions) == [("ups-on-battery", f"{SITES[0]}/ups", "", OPENED)]


def test_a_ups_that_falls_silent_is_not_back_on_the_mains() -> None:
    watch = ups(watching(feed()), SITES[:4])
    for _ in range(200):
        watch.wait(5).tick()
    assert keys(watch.transitions) == [(*FEED, OPENED)]


def test_what_stays_on_its_battery_when_most_are_back_is_judged_by_itself() -> None:
    watch = ups(watching(feed()), SITES[:4])
    for _ in range(7):
        ups(ups(watch.wait(60), SITES[1:4], on_battery=False), SITES[:1])
    assert keys(watch.transitions) == [
        (*FEED, OPENED),
        (*FEED, RESOLVED),
        ("ups-on-battery", f"{SITES[0]}/ups", "", OPENED),
    ]


def test_a_restart_goes_on_with_what_is_open() -> None:
    again = ups(watching(feed()), SITES[:4]).restarted()
    ups(again, SITES[:4])
    ups(again.wait(400), SITES[:4])
    assert again.transitions == []
    ups(ups(again, SITES[:4], on_battery=False).wait(121), SITES[:4], on_battery=False)
    assert keys(again.transitions) == [(*FEED, RESOLVED)]


def test_a_feed_that_is_no_more_ends_it() -> None:
    watch = ups(watching(feed()), SITES[:4])
    watch.follow(feed(SITES[0])).tick()
    assert keys(watch.transitions)[1:2] == [(*FEED, RESOLVED)]
