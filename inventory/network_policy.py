"""Which addresses the service connects to: a deny list that every resolved address must pass (abuse cases A18-A20).

An editor of the inventory chooses whom the service asks. Without a limit he could have it ask what only this machine
can reach: its own database and dashboard on the loopback, or the metadata service of a cloud, which gives out keys.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from inventory.model import Model, listed

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        pass
    try:
        meant = ipaddress.ip_interface(text).network
    except ValueError:
        raise ValueError(
            f"wants a network such as 10.20.0.0/16, or one address, found {text[:60]!r}"
        ) from None
    raise ValueError(f"{text} has bits set behind its length; did you mean {meant}?")


Network = Annotated[str, AfterValidator(_network)]
"""A network in CIDR notation, or one address."""
Networks = Annotated[tuple[Network, ...], BeforeValidator(listed), Field(max_length=1000)]


def parsed(networks: Iterable[str]) -> tuple[IpNetwork, ...]:
    """Return networks that were accepted as `Network`."""
    return tuple(map(ipaddress.ip_network, networks))


PERMIT = "`network: {allow: …}` of the settings file"

_REFUSED = tuple(
    (ipaddress.ip_network(network), what)
    for network, what in (
        ("127.0.0.0/8", "an address of this machine itself (loopback)"),
        ("::1/128", "an address of this machine itself (loopback)"),
        ("0.0.0.0/8", "an address of this machine itself (unspecified)"),
        ("::/128", "an address of this machine itself (unspecified)"),
        ("169.254.0.0/16", "a link-local address, where clouds have their metadata service"),
        ("fe80::/10", "a link-local address"),
        ("224.0.0.0/4", "a multicast address"),
        ("ff00::/8", "a multicast address"),
        ("255.255.255.255/32", "the broadcast address"),
        ("fd00:ec2::254/128", "the metadata service of a cloud"),  # AWS over IPv6
        ("fd20:ce::254/128", "the metadata service of a cloud"),  # Google over IPv6
        ("100.100.100.200/32", "the metadata service of a cloud"),  # Alibaba
        ("168.63.129.16/32", "the metadata service of a cloud"),  # Azure
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_IPV4_COMPATIBLE = ipaddress.IPv6Network("::/96")


class NetworkPolicy(Model):
    """Addresses that are asked, beyond or short of what is usual. `deny` wins over `allow`.

    Without an entry everything may be asked, private networks above all, except this machine's loopback, link-local,
    multicast and broadcast addresses and the metadata services of clouds.
    """

    allow: Networks = ()
    """Networks that may be asked although they usually are not: `127.0.0.1` to watch this machine itself."""
    deny: Networks = ()
    """Further networks that are never asked."""

    def refusal(self, address: str, permit: str = PERMIT) -> str:
        """Return why nothing is sent to the IP `address`, and the setting that permits it; "" when it may be asked.

        `permit` is how the caller names that setting. Raises `ValueError` for a text that is no IP address.
        """
        for form in _forms(ipaddress.ip_address(address)):
            if denied := next((network for network in self._denied if form in network), None):
                return (
                    f"{address} is in {denied}, which `network: {{deny: …}}` of the settings file rules out"
                )
            if any(form in network for network in self._allowed):
                continue
            for network, what in _REFUSED:
                if form in network:
                    return f"{address} is {what}, which is not asked unless {permit} names it"
        return ""

    def also(self, networks: Networks) -> NetworkPolicy:
        """Return this policy with more networks allowed."""
        return self.model_copy(update={"allow": (*self.allow, *networks)}) if networks else self

    @cached_property
    def _allowed(self) -> tuple[IpNetwork, ...]:
        return parsed(self.allow)

    @cached_property
    def _denied(self) -> tuple[IpNetwork, ...]:
        return parsed(self.deny)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens at `host`, an IP address or a name."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _forms(address: IpAddress) -> Iterator[IpAddress]:
    """Yield the address, and the IPv4 address inside it that it leads to or may be translated to."""
    yield address
    if isinstance(address, ipaddress.IPv6Address):
        embedded = [address.ipv4_mapped, address.sixtofour]
        if address in _NAT64 or (address in _IPV4_COMPATIBLE and int(address) > 1):
            embedded.append(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
        yield from (inner for inner in embedded if inner is not None)
