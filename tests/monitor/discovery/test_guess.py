"""A role is proposed with its reasons; what says nothing gets none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.discovery.guess import Guess, guess, layers, load_signs
from monitor.discovery.sweep import Found
from tests.monitor.discovery.found import AT, found

SIGNS = load_signs()
ROLES = {sign.role for sign in SIGNS}

SEEN = [
    (
        "printer",
        found(tcp=(80, 9100), snmp__sys_descr="HP ETHERNET MULTI-ENVIRONMENT,ROM none,JETDIRECT,JD149"),
        "TCP 9100 is open",
    ),
    ("printer", found(tcp=(80, 443, 9100), http__title="HP LaserJet M404dn"), "page title 'LaserJet'"),
    (
        "router",
        found(tcp=(22, 8291), snmp__sys_descr="RouterOS CCR1009", snmp__sys_services="78"),
        "sysDescr 'RouterOS'",
    ),
    (
        "switch",
        found(snmp__sys_descr="Cisco IOS Software, Catalyst 2960", snmp__sys_services="6"),
        "sysDescr 'Catalyst'",
    ),
    ("switch", found(snmp__sys_descr="GS1900-24", snmp__sys_services="2"), "network layers '2'"),
    ("firewall", found(tcp=(443,), http__title="FortiGate"), "page title 'FortiGate'"),
    ("server", found(tcp=(22, 80), ssh__version="SSH-2.0-OpenSSH_9.2p1 Debian-2"), "SSH 'OpenSSH'"),
    ("server", found(tcp=(445, 3389)), "TCP 3389 is open"),
    (
        "conference",
        found(sip__status="200 OK", sip__user_agent="PolycomRealPresenceGroup"),
        "SIP answers '200 OK'",
    ),
    ("conference", found(tcp=(80, 1720)), "TCP 1720 is open"),
    ("nvr", found(tcp=(80, 554), http__server="App-webs/"), "web server 'App-webs'"),
    ("ups", found(snmp__profile="ups-mib", snmp__sys_services="72"), "SNMP profile 'ups-mib'"),
    (
        "access_point",
        found(tcp=(22,), snmp__sys_descr="UAP-AC-Pro-Gen2", ssh__version="SSH-2.0-dropbear"),
        "sysDescr 'UAP'",
    ),
    ("web", found(tcp=(443,), http__status="200"), "http.status '200'"),
]


@pytest.mark.parametrize(
    ("role", "seen", "reason"), SEEN, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_role_is_guessed_with_its_reasons(role: str, seen: Found, reason: str) -> None:
    guessed = guess(seen, SIGNS, ROLES)
    assert guessed.role == role
    assert reason in guessed.reasons


def test_what_shows_nothing_gets_no_role() -> None:
    assert guess(found(), SIGNS, ROLES) == Guess()


def test_only_roles_of_the_inventory_are_proposed() -> None:
    assert guess(found(tcp=(9100,)), SIGNS, ROLES - {"printer"}).role != "printer"


@pytest.mark.parametrize(
    ("services", "words"),
    [("78", "2 3 4 7"), ("2", "2"), ("72", "4 7"), ("", ""), ("x", ""), ("99999", ""), ("0", "")],
)
def test_the_layers_of_sys_services(services: str, words: str) -> None:
    assert layers(services) == words


@given(
    st.dictionaries(
        st.sampled_from(sorted({sign.fact for sign in SIGNS if sign.fact})), st.text(max_size=200)
    )
)
def test_no_text_of_a_device_breaks_the_guess(facts: dict[str, str]) -> None:
    guessed = guess(Found("10.0.0.1", AT, facts=facts), SIGNS, ROLES)
    assert guessed.role in {*ROLES, ""}
