"""What fell together: areas, sites with several ways in, the blind monitor; flapping, a clock that is set."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest

from alerts.incident import DeviceState, Incident, IncidentKey, Status, Step, Transition
from alerts.judging.impact import Impacts
from alerts.telling.notifier import Settings
from inventory.model import Inventory, Service, Site, Text
from probes.core.observation import Outcome
from probes.core.words import say
from tests.alerts.province import OWNER, Watch, built_in, device, inventory, number, rules
from tests.alerts.tellers import everybody, messages

OPENED, CHANGED, RESOLVED = Step.OPENED, Step.CHANGED, Step.RESOLVED
COMMUNES = [f"{18000 + number}" for number in range(12)]


def province(*extra: Site, ways: int = 1, services: dict[str, Service] | None = None) -> Inventory:
    """Twelve communes of a router and a server; the first six fed by one feed, every other of one carrier."""

    def commune(number: int, key: str) -> Site:
        routers = [f"router-{way}" if way else "router" for way in range(ways)]
        devices = (*(device(name, site=key) for name in routers), device("server", *routers, site=key))
        feed, carrier = "north" if number < 6 else "south", "vnpt" if number % 2 else "viettel"
        return Site(
            id=key, name=f"Xã {number}", kind="commune", owner=OWNER, carrier=carrier, power_feed=feed,
            devices=devices,
        )  # fmt: skip

    sites = [commune(number, key) for number, key in enumerate(COMMUNES)]
    return Inventory((*sites, *extra), {}, {}, services=services or {})


def silent(watch: Watch, sites: Iterable[str], name: str = "router", times: int = 3) -> None:
    for _ in range(times):
        for site in sites:
            for check in ("icmp", "snmp"):
                watch.see(f"{site}/{name}:{check}", Outcome.TIMEOUT)


def answering(watch: Watch, sites: Iterable[str], *names: str) -> Watch:
    for site in sites:
        for name in names or ("router", "server"):
            watch.see(f"{site}/{name}:icmp", took=0.05).see(f"{site}/{name}:snmp", took=0.05)
    return watch


@pytest.fixture
def watch() -> Watch:
    found = Watch(built_in(), province())
    return answering(found, COMMUNES)


def keys(watch: Watch) -> list[tuple[str, str, str, Step]]:
    return [(t.key.rule, t.key.device, t.key.subject, t.step) for t in watch.transitions]


def test_sites_of_one_power_feed_that_fall_together_are_one_incident_with_a_guess(watch: Watch) -> None:
    silent(watch, COMMUNES[:6])
    answering(watch, COMMUNES[6:])
    watch.tick()
    assert keys(watch) == [("common-cause", "@power", "north", OPENED)]
    opened = watch.transitions[0]
    assert opened.sites == tuple(COMMUNES[:6])
    assert opened.summary.vi == "6/6 đơn vị cùng mất kết nối: nguồn điện north"
    assert opened.cause is not None and "Có thể mất điện" in opened.cause.vi
    assert "nhà mạng viettel: 3/6" in say(opened.evidence, "vi") and "carrier viettel: 3/6" in say(
        opened.evidence, "en"
    )
    assert watch.state("18000/router") is DeviceState.UNREACHABLE
    silent(watch, COMMUNES[:6], "server", times=1)
    assert watch.state("18000/server") is DeviceState.UNREACHABLE
    answering(watch, COMMUNES)
    watch.wait(60).tick()
    assert keys(watch)[1:] == []
    answering(watch.wait(61), COMMUNES)
    watch.tick()
    assert keys(watch)[1:] == [("common-cause", "@power", "north", RESOLVED)]


def test_of_sites_that_fall_together_it_is_known_since_when_they_could_have_been_noticed(
    watch: Watch,
) -> None:
    first = watch.now
    silent(watch, COMMUNES[:6])
    answering(watch, COMMUNES[6:])
    watch.tick()
    opened = watch.transitions[0]
    assert opened.since is not None and first <= opened.since < opened.at
    assert opened.since <= first + timedelta(minutes=1), "the first attempt that failed, not the last"


def test_a_single_site_is_told_of_by_itself_once_its_neighbours_answered(watch: Watch) -> None:
    silent(watch, COMMUNES[:1])
    assert keys(watch) == [] and "18001/router:icmp" in watch.last.rechecks
    answering(watch, COMMUNES[1:])
    watch.tick()
    assert keys(watch) == [("device-down", "18000/router", "", OPENED)]
    cause = watch.transitions[0].cause
    assert cause is not None and "line" in cause.en


def test_without_word_of_the_neighbours_it_is_told_after_twenty_seconds(watch: Watch) -> None:
    silent(watch, COMMUNES[:1])
    watch.see("18011/server:icmp")
    watch.wait(21).tick()
    assert keys(watch) == [("device-down", "18000/router", "", OPENED)]


def test_what_falls_later_joins_and_what_stays_silent_is_judged_by_itself_in_the_end(watch: Watch) -> None:
    silent(watch, COMMUNES[:5])
    answering(watch, COMMUNES[5:])
    watch.tick().wait(900)
    silent(watch, COMMUNES[5:6])
    answering(watch, COMMUNES[6:]).tick().wait(5).tick()
    assert keys(watch) == [
        ("common-cause", "@power", "north", OPENED),
        ("common-cause", "@power", "north", CHANGED),
    ]
    assert COMMUNES[5] in watch.transitions[-1].sites
    answering(watch, COMMUNES[1:])
    for _ in range(12):
        silent(answering(watch.wait(20), COMMUNES[1:]).tick(), COMMUNES[:1], times=1)
    answering(watch, COMMUNES[1:])
    watch.tick()
    assert keys(watch)[2:] == [
        ("common-cause", "@power", "north", RESOLVED),
        ("device-down", "18000/router", "", OPENED),
    ]


def test_a_restart_goes_on_with_what_is_open(watch: Watch) -> None:
    silent(watch, COMMUNES[:6])
    answering(watch, COMMUNES[6:])
    again = watch.tick().restarted()
    assert again.engine.waits
    silent(again, COMMUNES[:6], times=4)
    answering(again, COMMUNES[6:])
    again.tick().wait(130).tick()
    assert keys(again) == []
    answering(again, COMMUNES)
    answering(again.wait(121), COMMUNES).tick()
    assert keys(again) == [("common-cause", "@power", "north", RESOLVED)]


def test_a_site_with_two_ways_in_is_one_incident_and_one_way_is_its_own() -> None:
    watch = answering(Watch(built_in(), province(ways=2)), COMMUNES, "router", "router-1", "server")
    for _ in range(3):
        silent(watch, COMMUNES[:1], "router", 1)
        silent(watch, COMMUNES[:1], "router-1", 1)
    answering(watch, COMMUNES[1:], "router", "router-1")
    watch.tick()
    assert keys(watch) == [("site-down", "18000", "", OPENED)]
    silent(watch, COMMUNES[1:2])
    answering(watch, COMMUNES[1:2], "router-1")
    answering(watch, COMMUNES[2:])
    watch.tick()
    assert keys(watch)[1:] == [("device-down", "18001/router", "", OPENED)]


def test_a_monitor_that_sees_nobody_says_so_once_and_judges_nobody(watch: Watch) -> None:
    silent(watch, COMMUNES, times=4)
    watch.wait(600).tick()
    silent(watch, COMMUNES, "server")
    assert keys(watch) == [("monitor-blind", "@monitor", "", OPENED)]
    assert {watch.state(f"{site}/router") for site in COMMUNES} == {DeviceState.NO_DATA}
    answering(watch, COMMUNES)
    answering(watch.wait(31), COMMUNES).tick()
    assert keys(watch)[1:] == [("monitor-blind", "@monitor", "", RESOLVED)]
    assert watch.state("18000/router") is DeviceState.UP


def test_who_answered_last_is_asked_before_the_monitor_calls_itself_blind() -> None:
    sites = [f"{18000 + number}" for number in range(30)]
    last = Site(id="zz", name="Trung tâm", kind="data_centre", devices=(device("server", site="zz"),))
    routers = (Site(id=key, name=key, kind="commune", devices=(device("router", site=key),)) for key in sites)
    watch = answering(Watch(built_in(), Inventory((*routers, last), {}, {})), sites, "router")
    watch.see("zz/server:icmp")
    silent(watch, sites, times=2)
    silent(watch, sites[:1], times=1)
    assert "zz/server:icmp" in watch.last.rechecks
    answering(watch, ["zz"], "server")
    silent(watch, sites, times=1)
    assert "monitor-blind" not in {rule for rule, *_ in keys(watch)}


def test_what_was_down_before_the_monitor_went_blind_stays_down(watch: Watch) -> None:
    silent(watch, COMMUNES[:1])
    answering(watch, COMMUNES[1:])
    watch.tick()
    silent(watch, COMMUNES, times=4)
    assert watch.state("18000/router") is DeviceState.DOWN
    answering(watch, COMMUNES[1:])
    answering(watch.wait(31), COMMUNES[1:]).tick()
    assert [step for rule, *_, step in keys(watch) if rule == "device-down"] == [OPENED]


def test_a_site_with_two_ways_in_that_flaps_is_told_twice_and_over_after_a_calm() -> None:
    watch = answering(Watch(built_in(), province(ways=2)), COMMUNES, "router", "router-1", "server")
    for _ in range(5):
        for _ in range(3):
            silent(watch, COMMUNES[:1], "router", 1)
            silent(watch, COMMUNES[:1], "router-1", 1)
        answering(watch, COMMUNES[1:], "router", "router-1")
        watch.tick()
        answering(watch, COMMUNES, "router", "router-1")
        answering(watch.wait(130), COMMUNES, "router", "router-1").tick()
    assert [step for rule, *_, step in keys(watch) if rule == "site-down"] == [OPENED, RESOLVED, OPENED]
    assert watch.transitions[-1].summary.vi.endswith("(chập chờn)")
    answering(watch.wait(901), COMMUNES, "router", "router-1").tick()
    assert keys(watch)[-1] == ("site-down", "18000", "", RESOLVED)


def test_one_way_that_falls_while_its_site_flaps_is_told_of_only_when_the_site_is_well() -> None:
    watch = answering(Watch(built_in(), province(ways=2)), COMMUNES, "router", "router-1", "server")
    for _ in range(2):
        for name in ("router", "router-1") * 3:
            silent(watch, COMMUNES[:1], name, 1)
        answering(watch, COMMUNES[1:], "router", "router-1")
        answering(watch.tick(), COMMUNES, "router", "router-1")
        answering(watch.wait(130), COMMUNES, "router", "router-1").tick()
    told = len(keys(watch))
    for _ in range(35):
        silent(watch.wait(30), COMMUNES[:1], times=1)
        answering(watch, COMMUNES, "router-1").tick()
    assert keys(watch)[told:] == [
        ("site-down", "18000", "", RESOLVED),
        ("device-down", "18000/router", "", OPENED),
    ]


def test_the_other_way_into_a_site_that_is_back_is_counted_anew() -> None:
    watch = answering(Watch(built_in(), province(ways=2)), COMMUNES, "router", "router-1", "server")
    for name in ("router", "router-1") * 3:
        silent(watch, COMMUNES[:1], name, 1)
    answering(watch, COMMUNES[1:], "router", "router-1")
    answering(watch.tick(), COMMUNES[:1], "router")
    told = [("site-down", "18000", "", OPENED)]
    for attempt in (1, 2, 3):
        silent(watch, COMMUNES[:1], "router-1", times=1)
        answering(watch, COMMUNES[1:], "router", "router-1")
        answering(watch, COMMUNES[:1], "router").tick()
        assert keys(watch) == (
            told if attempt < 3 else [*told, ("device-down", "18000/router-1", "", OPENED)]
        )


def test_a_restart_does_not_forget_what_flaps(watch: Watch) -> None:
    def fall_and_return(now: Watch) -> None:
        silent(now, COMMUNES[:1])
        answering(now, COMMUNES[1:])
        now.tick()
        answering(now, COMMUNES)
        now.wait(60)

    fall_and_return(watch)
    (resolved,) = [t for t in watch.transitions if t.step is RESOLVED]
    again = answering(watch.restarted(), COMMUNES)
    again.engine.remember([incident_of(resolved)])
    fall_and_return(again)
    assert [step for rule, *_, step in keys(again) if rule == "device-down"] == [OPENED]
    assert again.transitions[0].summary.en.endswith("(flapping)")
    third = again.restarted()
    answering(answering(third, COMMUNES).wait(60), COMMUNES)
    assert keys(third) == [], "what flaps is over only after a calm, after a restart too"
    answering(third.wait(901), COMMUNES)
    assert [step for *_, step in keys(third)] == [RESOLVED]


def incident_of(step: Transition) -> Incident:
    """What the ledger holds after a step that resolved something."""
    about = (step.key, step.kind, step.severity, Status.RESOLVED, step.summary, step.evidence)
    return Incident(1, *about, step.at, step.at, step.at)


def test_what_comes_again_soon_flaps_and_is_over_only_after_a_calm(watch: Watch) -> None:
    for _ in range(4):
        silent(watch, COMMUNES[:1])
        answering(watch, COMMUNES[1:])
        watch.tick()
        answering(watch, COMMUNES)
        watch.wait(60)
    steps = [step for rule, *_, step in keys(watch) if rule == "device-down"]
    assert steps == [OPENED, RESOLVED, OPENED]
    assert watch.transitions[-1].summary.en.endswith("(flapping)")
    answering(watch.wait(901), COMMUNES)
    assert keys(watch)[-1][3] is RESOLVED


@pytest.mark.parametrize("step", [-3600.0, 3600.0])
def test_a_clock_that_is_set_changes_no_judgement(watch: Watch, step: float) -> None:
    silent(watch, COMMUNES[:6], times=2)
    watch.now += timedelta(seconds=step)
    watch.engine.shift(timedelta(seconds=step))
    silent(watch.tick(), COMMUNES[:6], times=1)
    answering(watch, COMMUNES[6:])
    watch.tick()
    assert keys(watch) == [("common-cause", "@power", "north", OPENED)]


def test_a_device_that_needs_every_parent_is_unreachable_when_one_is_down() -> None:
    both = device("b", "x", "y").model_copy(update={"every_parent": True})
    watch = Watch(built_in(), inventory(device("x"), device("y", "x"), both))
    for name in ("x", "y", "b"):
        watch.see(f"18562/{name}:icmp").see(f"18562/{name}:snmp")
    for _ in range(3):
        for name in ("y", "b"):
            watch.see(f"18562/{name}:icmp", Outcome.TIMEOUT).see(f"18562/{name}:snmp", Outcome.TIMEOUT)
    watch.see("18562/x:icmp").tick()
    assert watch.state("18562/y") is DeviceState.DOWN
    assert watch.state("18562/b") is DeviceState.UNREACHABLE


LASTING = """
rules:
  - id: hot
    title: {vi: Nóng, en: Hot}
    threshold: {metric: hw.temperature, warning: {above: 65 °C, clear: 60 °C}}
    for: 5m
    resolve_for: 10m
"""


def test_a_rule_may_ask_how_long_it_must_last(tmp_path: Path) -> None:
    watch = Watch(rules(tmp_path, LASTING), inventory(device("router")))
    opened, resolved = 0.0, 0.0
    for minute, value in enumerate((70, 50, *[70] * 7, *[50] * 12)):
        watch.wait(59.5).see("18562/router:snmp", samples=number("hw.temperature", value, "Cel"))
        if watch.last.transitions:
            opened, resolved = (opened, minute) if opened else (minute, resolved)
    assert (opened, resolved) == (7, 19)


def test_an_incident_names_the_services_it_stops_and_the_communes_that_use_them() -> None:
    words = {"portal": "Cổng dịch vụ công", "lgsp": "Trục LGSP", "map": "Bản đồ"}
    services = {
        name: Service(name=name, title=Text(vi=words[name], en=name), runs_on=on, needs=needs, used_by=())
        for name, on, needs in (
            ("portal", ("dc/web",), ("lgsp",)),
            ("lgsp", ("dc/bus",), ()),
            ("map", ("dc/web",), ()),
        )
    }
    centre = Site(
        id="dc", name="TTDL", kind="data_centre", devices=(device("bus", site="dc"), device("web", site="dc"))
    )
    everything = province(centre, services=services)
    watch = answering(Watch(built_in(), everything), COMMUNES)
    answering(watch, ["dc"], "bus", "web")
    silent(watch, ["dc"], "bus")
    answering(watch, ["dc"], "web")
    (incident,) = answering(watch, COMMUNES).tick().open_incidents()
    assert incident.key == IncidentKey("device-down", "dc/bus")
    impact = Impacts(everything).of(incident)
    assert [service.name for service in impact.services] == ["lgsp", "portal"]
    assert len(impact.users) == 12
    teller = everybody(built_in(), everything, {"duty": Settings(kind="test")}, "http://x")
    (message,) = messages(teller, incident, watch.transitions[0])
    assert "Dịch vụ ngừng: Trục LGSP, Cổng dịch vụ công" in message.text
    assert "Ảnh hưởng: 1 thiết bị, 12 đơn vị không dùng được dịch vụ" in message.text


def test_a_message_about_several_sites_names_them_and_the_guess(watch: Watch) -> None:
    silent(watch, COMMUNES[:6])
    answering(watch, COMMUNES[6:])
    watch.tick()
    teller = everybody(built_in(), watch.inventory, {"duty": Settings(kind="test")}, "http://x")
    (message,) = messages(teller, watch.open_incidents()[0], watch.transitions[0])
    assert message.title == (
        "[SỰ CỐ NGHIÊM TRỌNG] Nhiều đơn vị: 6/6 đơn vị cùng mất kết nối: nguồn điện north"
    )
    assert "Đơn vị: Xã 0, Xã 1, Xã 2" in message.text and "Nhận định: Có thể mất điện" in message.text
    assert "12 thiết bị, 6 đơn vị mất kết nối hoàn toàn" in message.text
