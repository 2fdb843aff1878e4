"""What tests of judging begin with: the built-in rules, and a commune that is up."""

from __future__ import annotations

import pytest

from alerts.rule import RuleBook
from tests.alerts.judging.commune import ROUTER, SERVER, SWITCH
from tests.alerts.province import Watch, built_in, device, inventory


@pytest.fixture(scope="module")
def book() -> RuleBook:
    return built_in()


@pytest.fixture
def commune(book: RuleBook) -> Watch:
    watch = Watch(book, inventory(device("router"), device("switch", "router"), device("server", "switch")))
    for name in (ROUTER, SWITCH, SERVER):
        watch.see(f"{name}:icmp").see(f"{name}:snmp")
    return watch.wait(60)
