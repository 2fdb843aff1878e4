"""Which addresses are asked: the usual ones, what the settings add and take away, and no way around by notation."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from inventory.network_policy import NetworkPolicy

USUAL = NetworkPolicy()


@pytest.mark.parametrize(
    "address",
    ["10.20.0.7", "192.168.1.1", "172.16.0.1", "100.64.0.9", "203.0.113.5", "fd00::7", "2001:db8::1"],
)
def test_private_and_public_addresses_may_be_asked(address: str) -> None:
    assert USUAL.refusal(address) == ""


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("127.0.0.1", "loopback"),
        ("127.42.1.3", "loopback"),
        ("::1", "loopback"),
        ("0.0.0.0", "unspecified"),
        ("::", "unspecified"),
        ("169.254.169.254", "metadata"),
        ("fe80::1", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("fd00:ec2::254", "metadata"),
        ("100.100.100.200", "metadata"),
        ("224.0.0.251", "multicast"),
        ("ff02::1", "multicast"),
        ("255.255.255.255", "broadcast"),
    ],
)
def test_what_only_this_machine_can_reach_is_not_asked_and_the_setting_is_named(
    address: str, what: str
) -> None:
    refusal = USUAL.refusal(address)
    assert refusal.startswith(f"{address} is ")
    assert what in refusal
    assert "`network: {allow: …}` of the settings file" in refusal


@pytest.mark.parametrize(
    "address",
    ["::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "64:ff9b::a9fe:a9fe"],
)
def test_an_address_inside_an_ipv6_address_counts(address: str) -> None:
    assert USUAL.refusal(address)


@given(st.ip_addresses(v=4, network="127.0.0.0/8"))
def test_no_form_of_a_loopback_address_gets_through(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    for prefix in (0, 0xFFFF << 32, int(ipaddress.IPv6Address("64:ff9b::"))):
        assert USUAL.refusal(str(ipaddress.IPv6Address(prefix | number)))


@given(st.ip_addresses())
def test_every_address_is_judged(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    assert USUAL.refusal(str(address)).isprintable()
    assert NetworkPolicy(allow=("0.0.0.0/0", "::/0")).refusal(str(address)) == ""
    assert NetworkPolicy(allow=("0.0.0.0/0", "::/0"), deny=("0.0.0.0/0", "::/0")).refusal(str(address))


def test_the_settings_permit_and_rule_out_and_ruling_out_wins() -> None:
    policy = NetworkPolicy.model_validate_json(
        '{"allow": "127.0.0.0/8", "deny": ["10.9.0.0/16", "127.0.0.9"]}', strict=True
    )
    assert policy.refusal("127.0.0.1") == ""
    assert "`network: {deny: …}`" in policy.refusal("127.0.0.9")
    assert "10.9.0.0/16" in policy.refusal("10.9.1.1")
    assert policy.refusal("::1")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("10.0.0.1/24", r"did you mean 10\.0\.0\.0/24\?"),
        ("ten", "wants a network such as"),
        ("10.0.0.0/33", "wants a network such as"),
    ],
)
def test_a_network_is_checked_when_it_is_read(text: str, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        NetworkPolicy(allow=(text,))
