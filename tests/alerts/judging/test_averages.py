"""Averages, and lines that lose packets: what is told of them, of whom, and what a restart remembers."""

from __future__ import annotations

from alerts.incident import Step
from probes.core.observation import Outcome
from tests.alerts.province import Watch, built_in, device, inventory, number

OPENED, RESOLVED = Step.OPENED, Step.RESOLVED


def _ping(watch: Watch, loss: float, *names: str, times: int = 1) -> Watch:
    for _ in range(times):
        for name in names or ("router",):
            watch.see(f"18562/{name}:icmp", samples=number("icmp.loss", loss))
    return watch


def _loses_half() -> Watch:
    return _ping(Watch(built_in(), inventory(device("router"))), 0.5, times=60)


def test_lost_packets_of_a_line_are_told_of_its_nearest_device_only() -> None:
    watch = Watch(built_in(), inventory(device("router"), device("server", "router")))
    for _ in range(60):
        for name in ("router", "server"):
            watch.see(f"18562/{name}:icmp", samples=number("icmp.loss", 0.5))
    assert watch.steps == [("packet-loss", "router", "", OPENED)]


def test_single_lost_packets_are_no_incident() -> None:
    watch = Watch(built_in(), inventory(device("router")))
    for attempt in range(300):
        watch.see("18562/router:icmp", samples=number("icmp.loss", 1 / 3 if attempt % 4 == 0 else 0.0))
    assert watch.steps == []


def test_a_restart_does_not_end_what_an_average_says() -> None:
    again = _loses_half().restarted()
    _ping(again, 0.5, times=30)
    assert again.steps == []
    _ping(again, 0.0, times=80)
    assert again.steps == [("packet-loss", "router", "", RESOLVED)]


def test_an_edited_device_keeps_its_averages() -> None:
    watch = _loses_half()
    titled = device("router").model_copy(update={"title": "Bộ định tuyến"})
    _ping(watch.follow(inventory(titled)), 0.5, times=30)
    assert watch.steps == [("packet-loss", "router", "", OPENED)]


def test_a_device_behind_a_line_that_loses_half_as_much_is_not_told_of() -> None:
    watch = Watch(built_in(), inventory(device("router"), device("server", "router")))
    _ping(watch, 1 / 3, "router", "server", times=5)
    for attempt in range(300):
        _ping(watch, 1 / 3 if attempt % 5 < 2 else 0.0, "router")
        _ping(watch, 1 / 3 if attempt % 4 < 3 else 0.0, "server")
    assert watch.steps == [], "most of it is the way's, which is not so bad that anybody is told"
    for _ in range(60):
        _ping(_ping(watch, 0.0, "router"), 0.5, "server")
    assert watch.steps == [("packet-loss", "server", "", OPENED)]


def _snmp_silent(loss: float, attempts: int) -> Watch:
    watch = _ping(Watch(built_in(), inventory(device("router"))).see("18562/router:snmp"), 0.0)
    for _ in range(attempts):
        _ping(watch, loss).see("18562/router:snmp", Outcome.TIMEOUT)
    return _ping(watch, loss)


def test_a_silent_service_is_told_of_soon_unless_pings_lose_most_of_their_packets() -> None:
    told = [("service-failed", "router", "", OPENED)]
    assert _snmp_silent(0.0, 4).steps == told
    assert _snmp_silent(1 / 3, 4).steps == told, "one packet of three says little"
    assert _snmp_silent(2 / 3, 11).steps == []
    assert _snmp_silent(2 / 3, 12).steps == told
