"""Values are believable: a working day, counters that never go back, devices that differ."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from monitor.demo.curve import DAY, Curve, booted
from monitor.demo.faults import OVERHEAT, UPS_ON_BATTERY
from monitor.demo.layout import Place
from monitor.demo.machine import Machine
from monitor.demo.mib import Mib, Moment, variable
from monitor.demo.mib_tables import charge, cpu, mibs
from probes.snmp import ber

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC).timestamp() - 7 * 3600
"""Of Viet Nam."""
seeds = st.integers(0, 2**32 - 1)
times = st.floats(1.7e9, 2.2e9)


@given(seeds, times, st.floats(0.01, 1e6))
def test_a_counter_never_goes_back(seed: int, time: float, step: float) -> None:
    curve = Curve(seed)
    assert curve.at(time) > 0
    assert curve.sum(time, time + step) > 0


@given(seeds)
def test_noon_is_busier_than_midnight(seed: int) -> None:
    curve = Curve(seed)
    assert curve.at(NOON) > 1.2 > 0.9 > curve.at(NOON + DAY / 2)


@given(seeds, times)
def test_a_device_started_two_to_32_days_ago(seed: int, now: float) -> None:
    assert 2 * DAY - 1 <= now - booted(seed, now) <= 32 * DAY + 1


@given(seeds, times)
def test_processors_are_never_busier_than_they_can_be(seed: int, now: float) -> None:
    machine = Machine(Place(f"{seed}/server", "server", "127.42.1.3"))
    assert 0 < cpu(Moment(machine, now)) < 0.6


def test_a_battery_runs_down_while_the_mains_are_away() -> None:
    machine = Machine(Place("18073/ups", "ups", "127.42.1.5"))
    assert charge(Moment(machine)) == 100
    machine.switch(UPS_ON_BATTERY, on=True)
    later = machine.since(UPS_ON_BATTERY) + 600
    assert charge(Moment(machine, later)) == 70


def test_a_fault_tells_the_servers_once() -> None:
    machine, told = Machine(Place("18073/ups", "ups", "127.42.1.5")), []
    machine.changed.append(lambda: told.append(machine.has(OVERHEAT)))
    for on in (True, True, False, False):
        machine.switch(OVERHEAT, on=on)
    assert told == [True, False]


def test_variables_are_found_in_the_order_of_their_numbers_not_of_their_bytes() -> None:
    names = ["1.3.6.1.1.2", "1.3.6.1.1.10", "1.3.6.1.1.200", "1.3.6.1.1.10.1"]
    mib = Mib(variable(name, ber.INTEGER, 1) for name in names)
    found, name = [], ber.oid("1.3")
    while following := mib.after(name):
        name = following.name
        found.append(ber.dotted(name))
    assert found == ["1.3.6.1.1.2", "1.3.6.1.1.10", "1.3.6.1.1.10.1", "1.3.6.1.1.200"]


def test_every_value_can_be_encoded() -> None:
    for role, mib in mibs().items():
        moment, name = Moment(Machine(Place(f"18073/{role}", role, "127.42.1.1"))), ber.oid("0.1")
        count = 0
        while following := mib.after(name):
            name, count = following.name, count + 1
            ber.varbind(*following.bind(moment))
        assert count == len(mib)
