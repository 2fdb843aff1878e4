"""A credential goes where it is bound to, and nowhere else until a person says so."""

from __future__ import annotations

from typing import Any

import pytest

from inventory.secrets import Credential, Secret
from monitor.binding import bind, carried, place
from monitor.plan import Plan
from probes.core.probe import Check, Params, Target

COMMUNITY = Credential("snmp_v2c", {}, {"community": Secret("x")})
KEY = Credential("ssh_key", {"user": "u"}, {"key": Secret("x")})


class PortParams(Params):
    port: int = 161


class UrlParams(Params):
    url: str = "http://{address}/"
    verify: bool = True
    ca_file: str | None = None
    server_name: str = ""


def check(
    address: str = "192.0.2.1",
    name: str = "snmp",
    params: Params | None = None,
    credential: Credential | None = COMMUNITY,
) -> Check:
    return Check(name, name, Target("18073/router", address, credential), params or PortParams(), 60.0, 10.0)


def plan(*checks: Check) -> Plan:
    return Plan({"18073/router": checks})


def bound_to(*checks: Check) -> dict[tuple[str, str], frozenset[str]]:
    """Return the bindings after these checks were seen for the first time."""
    return dict(bind(plan(*checks), {}).fresh)


def test_a_device_seen_for_the_first_time_is_bound_to_where_it_is() -> None:
    found = bind(plan(check()), {})
    assert found.fresh == {("18073/router", "snmp"): frozenset({"192.0.2.1:161"})}
    assert not found.held and list(found.plan) == [check()]


def test_another_address_gets_no_credential_and_the_reason_says_what_to_do() -> None:
    found = bind(plan(check("192.0.2.66")), bound_to(check()))
    (one,) = found.plan
    assert one.target.credential is None
    assert "192.0.2.1:161" in one.blocked.en and "secret confirm 18073/router" in one.blocked.en
    assert found.held == {("18073/router", "snmp"): frozenset({"192.0.2.66:161"})}


def test_another_port_is_another_place() -> None:
    (one,) = bind(plan(check(params=PortParams(port=1161))), bound_to(check())).plan
    assert one.blocked


def test_the_old_address_gets_it_again() -> None:
    found = bind(plan(check()), bound_to(check()))
    assert not found.held and not next(iter(found.plan)).blocked


def test_checks_without_a_credential_go_on_at_the_new_address() -> None:
    ping = check("192.0.2.66", "icmp", Params(), None)
    found = bind(plan(ping, check("192.0.2.66")), bound_to(check()))
    assert [bool(one.blocked) for one in found.plan] == [False, True]


def test_ssh_is_left_to_its_approved_host_key() -> None:
    found = bind(plan(check("192.0.2.66", "ssh", None, KEY)), bound_to(check("192.0.2.1", "ssh", None, KEY)))
    assert not found.held


def test_another_host_in_the_url_or_no_encryption_is_another_place() -> None:
    def page(url: str) -> Check:
        return check(name="http", params=UrlParams(url=url))

    known = bound_to(page("https://{address}/login"))
    assert not bind(plan(page("https://{address}/other")), known).held
    for elsewhere in ("http://{address}/login", "https://evil.example/", "https://{address}:8443/"):
        assert bind(plan(page(elsewhere)), known).held, elsewhere


def test_who_vouches_for_a_server_is_part_of_its_place() -> None:
    url = "https://{address}/"
    known = bound_to(check(name="http", params=UrlParams(url=url)))
    for weaker in (
        UrlParams(url=url, verify=False),
        UrlParams(url=url, ca_file="/tmp/mine.pem"),
        UrlParams(url=url, server_name="mine.example"),
        UrlParams(url=url, server_name="x (certificate not verified)"),
    ):
        assert bind(plan(check(name="http", params=weaker)), known).held, weaker


@pytest.mark.parametrize(
    ("before", "after", "held"),
    [
        ({"verify": False}, {}, False),
        ({"verify": False}, {"ca_file": "/etc/ca.pem"}, False),
        ({"ca_file": "/etc/ca.pem"}, {}, False),
        ({"ca_file": "/etc/ca.pem"}, {"ca_file": "/tmp/mine.pem"}, True),
        ({"ca_file": "/etc/ca.pem"}, {"verify": False}, True),
        ({"verify": False}, {"server_name": "mine.example"}, True),
    ],
)
def test_a_stricter_proof_of_the_same_server_needs_no_confirmation(
    before: dict[str, Any], after: dict[str, Any], held: bool
) -> None:
    def page(params: dict[str, Any]) -> Check:
        return check(name="http", params=UrlParams(url="https://{address}/", **params))

    found = bind(plan(page(after)), bound_to(page(before)))
    (one,) = found.plan
    assert (bool(found.held), bool(one.blocked), one.target.credential is None) == (held, held, held)


def test_a_second_new_place_beside_the_known_one_is_held_back_alone() -> None:
    other = Check(
        "other", "snmp", Target("18073/router", "192.0.2.1", COMMUNITY), PortParams(port=1), 60.0, 10.0
    )
    found = bind(plan(check(), other), bound_to(check()))
    assert [bool(one.blocked) for one in found.plan] == [False, True]


def test_a_place_is_told_with_its_port() -> None:
    assert place(check("2001:db8::1", "http", UrlParams())) == "2001:db8::1 http://[2001:db8::1]"
    assert place(check("192.0.2.1", "icmp", Params())) == "192.0.2.1"


def test_another_name_frees_no_credential() -> None:
    known = {("18077/router", "snmp"): frozenset({"192.0.2.1:161"})}
    moved = {"18077/router": "18073/router"}
    assert not bind(plan(check()), carried(known, moved)).fresh
    (one,) = bind(plan(check("192.0.2.66")), carried(known, moved)).plan
    assert one.target.credential is None
    assert carried(known, {"other/router": "18073/router"}) == known


def test_another_probe_does_not_carry_the_credential_to_a_new_place() -> None:
    known = bound_to(check())
    other = check("192.0.2.66", "snmp_community")
    found = bind(plan(other), known)
    assert found.held and not found.fresh
    assert next(iter(found.plan)).target.credential is None
    again = bind(plan(other), known | dict(found.fresh))
    assert next(iter(again.plan)).target.credential is None, "not at the second sight either"


def test_a_moved_device_attaches_no_probe_while_it_is_held() -> None:
    found = bind(plan(check("192.0.2.66"), check("192.0.2.66", "snmp_community")), bound_to(check()))
    assert not found.fresh and all(one.blocked for one in found.plan)


def test_another_probe_at_the_place_the_device_was_always_at_needs_nobody() -> None:
    found = bind(plan(check(), check(name="snmp_community")), bound_to(check()))
    assert not found.held and list(found.fresh) == [("18073/router", "snmp_community")]
