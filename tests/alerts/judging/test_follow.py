"""The judge takes in another inventory or other rules while it judges."""

from __future__ import annotations

import pytest

from alerts.incident import DeviceState, Step
from alerts.rule import RuleBook
from inventory.model import Device
from probes.core.observation import Outcome
from probes.core.words import say
from tests.alerts.province import Watch, built_in, check, device, inventory

ROUTER, SWITCH, SERVER = "18562/router", "18562/switch", "18562/server"


@pytest.fixture(scope="module")
def book() -> RuleBook:
    return built_in()


def commune() -> tuple[Device, ...]:
    return device("router"), device("switch", "router"), device("server", "switch")


@pytest.fixture
def watch(book: RuleBook) -> Watch:
    watch = Watch(book, inventory(*commune()))
    answer(watch, ROUTER, SWITCH, SERVER)
    return watch.wait(60)


def answer(watch: Watch, *devices: str) -> None:
    for name in devices:
        watch.see(f"{name}:icmp").see(f"{name}:snmp")


def silence(watch: Watch, *devices: str, times: int = 5) -> None:
    for _ in range(times):
        for name in devices:
            watch.see(f"{name}:icmp", Outcome.TIMEOUT).see(f"{name}:snmp", Outcome.TIMEOUT)


def moved(one: Device, **changes: object) -> Device:
    return one.model_copy(update=changes)


def test_the_same_inventory_changes_nothing(watch: Watch) -> None:
    silence(watch, ROUTER)
    steps = list(watch.steps)
    watch.follow(inventory(*commune()))
    assert watch.steps == steps and watch.last.status == ()


def test_an_open_incident_stays_open_and_is_resolved_by_the_next_answers(watch: Watch) -> None:
    silence(watch, ROUTER)
    router, switch, server = commune()
    watch.follow(inventory(moved(router, title="Bộ định tuyến chính"), switch, server))
    assert watch.steps == [("device-down", "router", "", Step.OPENED)]
    assert watch.state(ROUTER) is DeviceState.DOWN
    for _ in range(3):
        answer(watch, ROUTER)
    assert watch.steps[-1] == ("device-down", "router", "", Step.RESOLVED)


def test_soft_failures_are_remembered_over_a_change(watch: Watch, book: RuleBook) -> None:
    silence(watch, ROUTER, times=2)
    router, switch, server = commune()
    watch.follow(inventory(moved(router, title="Khác"), switch, server))
    silence(watch, ROUTER, times=1)
    assert watch.state(ROUTER) is DeviceState.DOWN


def test_a_removed_device_closes_its_incident_with_the_reason(watch: Watch) -> None:
    silence(watch, SERVER)
    answer(watch, SWITCH)
    silence(watch, SERVER)
    router, switch, _ = commune()
    watch.follow(inventory(router, switch))
    assert watch.steps[-1] == ("device-down", "server", "", Step.RESOLVED)
    assert "removed from the inventory" in say(watch.transitions[-1].note, "en")
    assert watch.see(f"{SERVER}:icmp", Outcome.TIMEOUT).last.transitions == ()


def test_an_added_device_is_judged_from_its_first_answer(watch: Watch) -> None:
    watch.follow(inventory(*commune(), device("ups", "switch")))
    answer(watch, "18562/ups")
    assert watch.state("18562/ups") is DeviceState.UP


def test_another_address_is_another_machine_until_it_answers(watch: Watch) -> None:
    router, switch, server = commune()
    watch.follow(inventory(router, switch, moved(server, address="192.0.2.99")))
    assert watch.state(SERVER) is DeviceState.NO_DATA
    answer(watch, SERVER)
    assert watch.state(SERVER) is DeviceState.UP


def test_an_incident_outlives_a_change_of_address(watch: Watch) -> None:
    """Missing data is not recovery: only an answer from the new address resolves."""
    silence(watch, ROUTER)
    router, switch, server = commune()
    watch.follow(inventory(moved(router, address="192.0.2.99"), switch, server))
    assert [step for *_, step in watch.steps] == [Step.OPENED]
    for _ in range(3):
        answer(watch, ROUTER)
    assert [step for *_, step in watch.steps] == [Step.OPENED, Step.RESOLVED]


def test_a_device_that_loses_its_parent_stands_for_itself(watch: Watch) -> None:
    silence(watch, ROUTER, SWITCH, SERVER)
    assert watch.state(SWITCH) is DeviceState.UNREACHABLE
    watch.follow(inventory(device("switch"), device("server", "switch")))
    silence(watch, SWITCH, SERVER)
    assert watch.state(SWITCH) is DeviceState.DOWN
    assert ("device-down", "switch", "", Step.OPENED) in watch.steps
    assert watch.state(SERVER) is DeviceState.UNREACHABLE


def test_a_device_put_behind_a_dead_parent_becomes_unreachable(watch: Watch) -> None:
    watch.follow(inventory(*commune(), device("ups")))
    answer(watch, "18562/ups", SWITCH, SERVER)
    silence(watch, ROUTER)
    answer(watch, "18562/ups")
    watch.tick().follow(inventory(*commune(), device("ups", "router")))
    silence(watch, "18562/ups", times=1)
    assert watch.state("18562/ups") is DeviceState.UNREACHABLE


def test_the_incident_of_a_removed_check_is_closed(watch: Watch) -> None:
    for _ in range(4):
        watch.see(f"{SERVER}:icmp").see(f"{SERVER}:snmp", Outcome.TIMEOUT)
    opened = [key for key in watch.steps if key[1] == "server"]
    assert opened and opened[-1][3] is Step.OPENED
    router, switch, server = commune()
    watch.follow(inventory(router, switch, moved(server, checks=(check("icmp"),))))
    assert watch.steps[-1][3] is Step.RESOLVED
    watch.see(f"{SERVER}:icmp")
    assert watch.state(SERVER) is DeviceState.UP


def test_the_incident_of_a_removed_rule_is_closed_and_states_stay(watch: Watch) -> None:
    silence(watch, ROUTER)
    others = RuleBook(rule for rule in watch.book if rule.id != "device-down")
    watch.follow(inventory(*commune()), others)
    assert watch.steps[-1] == ("device-down", "router", "", Step.RESOLVED)
    assert "quy tắc đã bị bỏ" in say(watch.transitions[-1].note, "vi")
    assert watch.state(ROUTER) is DeviceState.DOWN


def test_a_device_with_another_id_keeps_its_state_and_its_open_incident(watch: Watch) -> None:
    silence(watch, ROUTER)
    router, switch, server = commune()
    core = moved(router, id="18562/core", name="core", formerly=(ROUTER,))
    behind = moved(switch, parents=("18562/core",))
    watch.follow(inventory(core, behind, server))
    assert [step for *_, step in watch.steps] == [Step.OPENED]
    assert watch.state("18562/core") is DeviceState.DOWN
    for _ in range(3):
        answer(watch, "18562/core")
    assert watch.steps[-1] == ("device-down", "core", "", Step.RESOLVED)
    assert watch.see(f"{ROUTER}:icmp", Outcome.TIMEOUT).last.transitions == ()


def test_two_devices_that_became_one_have_one_incident(watch: Watch) -> None:
    silence(watch, ROUTER)
    ups = device("ups")
    watch.follow(inventory(*commune(), ups))
    silence(watch, "18562/ups")
    router, switch, server = commune()
    core = moved(router, id="18562/core", name="core", formerly=(ROUTER, "18562/ups"))
    watch.follow(inventory(core, moved(switch, parents=("18562/core",)), server))
    assert watch.state("18562/core") is DeviceState.DOWN
    for _ in range(3):
        answer(watch, "18562/core")
    assert [key for key in watch.steps if key[3] is Step.RESOLVED] == [
        ("device-down", "core", "", Step.RESOLVED)
    ]


def test_a_former_id_of_another_address_keeps_the_incident_until_the_new_machine_answers(
    watch: Watch,
) -> None:
    silence(watch, ROUTER)
    router, switch, server = commune()
    core = moved(router, id="18562/core", name="core", address="192.0.2.99", formerly=(ROUTER,))
    watch.follow(inventory(core, moved(switch, parents=("18562/core",)), server))
    assert [step for *_, step in watch.steps] == [Step.OPENED]
    for _ in range(3):
        answer(watch, "18562/core")
    assert [step for *_, step in watch.steps] == [Step.OPENED, Step.RESOLVED]
