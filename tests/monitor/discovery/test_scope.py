"""Only permitted networks are swept, at most a /16 at once, never what the policy rules out."""

from __future__ import annotations

import ipaddress
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.network_policy import NetworkPolicy
from monitor.discovery.scope import OutOfScope, scope

USUAL = NetworkPolicy()


def swept(
    *wanted: str, permitted: tuple[str, ...] = ("10.20.0.0/16",), policy: NetworkPolicy = USUAL
) -> tuple[str, ...]:
    return scope(wanted, permitted, policy, random.Random(1))


def test_every_host_of_a_network_is_visited_once_and_in_no_order() -> None:
    addresses = swept("10.20.1.0/24", "10.20.1.0/28", "10.20.1.9")
    assert sorted(addresses, key=ipaddress.ip_address) == [f"10.20.1.{n}" for n in range(1, 255)]
    assert list(addresses) != sorted(addresses, key=ipaddress.ip_address)


@pytest.mark.parametrize("wanted", ["10.21.0.0/24", "10.0.0.0/8", "192.168.1.1", "::/0", "2001:db8::/120"])
def test_a_network_that_is_not_permitted_is_refused_with_what_to_do(wanted: str) -> None:
    with pytest.raises(
        OutOfScope, match=r"is not inside `discover: networks:` .*\(10\.20\.0\.0/16\); add it there"
    ):
        swept(wanted)
    with pytest.raises(OutOfScope, match=r"discovery is off.*`discover: \{networks: \["):
        swept(wanted, permitted=())


@pytest.mark.parametrize("wanted", ["ten", "10.20.1.7/24", "10.20.0.0/99", ""])
def test_what_is_no_network_is_said(wanted: str) -> None:
    with pytest.raises(OutOfScope, match="wants a network such as"):
        swept(wanted)


def test_at_most_a_16_is_swept_at_once() -> None:
    assert len(swept("10.20.0.0/16")) == 65534
    with pytest.raises(OutOfScope, match="more than 65536 addresses"):
        swept("10.20.0.0/15", permitted=("10.0.0.0/8",))
    with pytest.raises(OutOfScope, match="more than 65536 addresses"):
        swept("2001:db8::/64", permitted=("2001:db8::/32",))


def test_what_the_policy_rules_out_is_left_out_or_refused() -> None:
    policy = NetworkPolicy(deny=("10.20.1.0/29",))
    assert swept("10.20.1.0/28", policy=policy) and "10.20.1.3" not in swept("10.20.1.0/28", policy=policy)
    with pytest.raises(OutOfScope, match="loopback"):
        swept("127.0.0.0/29", permitted=("127.0.0.0/8",))


@given(st.ip_addresses(v=4), st.integers(22, 32))
def test_nothing_outside_the_permitted_networks_is_ever_visited(
    address: ipaddress.IPv4Address, length: int
) -> None:
    network = ipaddress.ip_network((address, length), strict=False)
    limit = ipaddress.ip_network("10.20.0.0/16")
    try:
        addresses = swept(str(network))
    except OutOfScope:
        return
    assert all(ipaddress.ip_address(one) in limit for one in addresses)
