"""Parents and children: who is down, who is only behind it, who waits for whom."""

from __future__ import annotations

from alerts.incident import DeviceState
from alerts.rule import RuleBook
from probes.core.words import say
from tests.alerts.judging.commune import OPENED, RESOLVED, ROUTER, SERVER, SWITCH, answer, silence
from tests.alerts.province import Watch, device, inventory


def test_a_cut_commune_is_one_incident_of_its_router(commune: Watch) -> None:
    silence(commune, SERVER, SWITCH, ROUTER, times=6)
    assert [commune.state(d) for d in (ROUTER, SWITCH, SERVER)] == [
        DeviceState.DOWN,
        DeviceState.UNREACHABLE,
        DeviceState.UNREACHABLE,
    ]
    assert commune.steps == [("device-down", "router", "", OPENED)]
    assert "2 thiết bị phía sau" in commune.transitions[0].summary.vi
    assert SWITCH in say(commune.transitions[0].evidence, "vi")


def test_what_is_unreachable_behind_two_levels_names_the_device_that_is_truly_down(commune: Watch) -> None:
    silence(commune, SERVER, SWITCH, ROUTER, times=6)
    assert commune.reason(SERVER).en == "Unreachable: router xã is down"


def test_a_child_waits_until_its_parents_were_asked_again(commune: Watch) -> None:
    silence(commune, SWITCH, times=3)
    assert commune.state(SWITCH) is DeviceState.UP
    assert {f"{ROUTER}:icmp", f"{ROUTER}:snmp"} <= set(commune.last.rechecks)
    commune.see(f"{ROUTER}:icmp")
    assert commune.state(SWITCH) is DeviceState.DOWN
    assert commune.steps == [("device-down", "switch", "", OPENED)]


def test_a_child_waits_five_minutes_at_most(commune: Watch) -> None:
    silence(commune, SWITCH, times=3)
    commune.wait(100).tick()
    assert commune.steps == []
    silence(commune, SWITCH)
    commune.wait(200)
    silence(commune, SWITCH)
    commune.tick()
    assert commune.steps == [("device-down", "switch", "", OPENED)]


def test_children_still_silent_get_their_own_incident_after_fresh_attempts(commune: Watch) -> None:
    silence(commune, SERVER, SWITCH, ROUTER, times=4)
    commune.see(f"{ROUTER}:icmp")
    assert {f"{SWITCH}:icmp", f"{SWITCH}:snmp"} <= set(commune.last.rechecks)
    assert commune.state(SWITCH) is DeviceState.UNREACHABLE
    silence(commune, SWITCH, times=2)
    assert [step for step in commune.steps if step[1] == "switch"] == []
    commune.see(f"{ROUTER}:snmp")
    silence(commune, SWITCH)
    commune.see(f"{ROUTER}:snmp")
    assert commune.state(SWITCH) is DeviceState.DOWN
    assert commune.state(SERVER) is DeviceState.UNREACHABLE
    assert commune.steps[-1] == ("device-down", "switch", "", OPENED)


def test_an_incident_of_a_child_stays_when_its_parent_falls_too(commune: Watch) -> None:
    silence(commune, SERVER, times=3)
    answer(commune, SWITCH, ROUTER)
    assert commune.steps == [("device-down", "server", "", OPENED)]
    silence(commune, SERVER, SWITCH, ROUTER, times=4)
    assert commune.state(SERVER) is DeviceState.UNREACHABLE
    assert commune.steps == [("device-down", "server", "", OPENED), ("device-down", "router", "", OPENED)]
    answer(commune, ROUTER, SWITCH, SERVER, times=2)
    assert sorted(step[1] for step in commune.steps if step[3] is RESOLVED) == ["router", "server"]


def test_a_device_with_two_parents_is_unreachable_only_when_both_are_down(book: RuleBook) -> None:
    devices = inventory(device("a"), device("b"), device("c", "a", "b"))
    watch = Watch(book, devices)
    answer(watch, "18562/a", "18562/b", "18562/c")
    silence(watch, "18562/a", "18562/c", times=3)
    answer(watch, "18562/b")
    silence(watch, "18562/c")
    answer(watch, "18562/b")
    watch.tick()
    assert watch.state("18562/c") is DeviceState.DOWN
    assert sorted(watch.steps) == [("device-down", "a", "", OPENED), ("device-down", "c", "", OPENED)]
    silence(watch, "18562/b", "18562/c", times=3)
    assert watch.state("18562/c") is DeviceState.UNREACHABLE


def test_an_outage_found_at_the_start_is_one_incident_too(book: RuleBook) -> None:
    watch = Watch(book, inventory(device("router"), device("switch", "router"), device("server", "switch")))
    silence(watch, SERVER, SWITCH, ROUTER, times=5)
    assert watch.steps == [("device-down", "router", "", OPENED)]
    assert watch.state(SERVER) is DeviceState.UNREACHABLE
