"""What a restart goes on with, and what is no longer watched."""

from __future__ import annotations

from alerts.incident import DeviceState
from alerts.rule import RuleBook
from probes.core.words import say
from tests.alerts.judging.commune import RESOLVED, ROUTER, SERVER, SWITCH, answer, silence
from tests.alerts.province import Watch, device, inventory


def test_a_restart_continues_without_a_second_opening_and_can_resolve(commune: Watch) -> None:
    silence(commune, SERVER, SWITCH, ROUTER, times=4)
    again = commune.restarted()
    silence(again, ROUTER, SWITCH, SERVER, times=4)
    assert again.steps == []
    assert again.state(ROUTER) is DeviceState.DOWN
    assert again.state(SERVER) is DeviceState.UNREACHABLE
    answer(again, ROUTER, times=2)
    assert again.steps == [("device-down", "router", "", RESOLVED)]


def test_what_is_no_longer_watched_is_closed_and_says_so(commune: Watch, book: RuleBook) -> None:
    silence(commune, ROUTER, times=4)
    smaller = Watch(book, inventory(device("switch")), commune.open_incidents())
    smaller.tick()
    assert [(t.step, say(t.note, "vi").split(":")[0]) for t in smaller.transitions] == [
        (RESOLVED, "không theo dõi nữa")
    ]
