"""Which addresses one sweep may visit, and in which order."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Sequence

from inventory.network_policy import IpNetwork, NetworkPolicy, parsed

MAX_ADDRESSES = 65_536


class OutOfScope(ValueError):
    """This must not be swept; the text says why, and what to do."""


def scope(
    wanted: Sequence[str], permitted: Sequence[str], policy: NetworkPolicy, order: random.Random
) -> tuple[str, ...]:
    """Return the addresses of the networks `wanted`, shuffled, so that no line or switch gets them all at once.

    All must be inside the networks `permitted`; what `policy` rules out is left out. Raises `OutOfScope`.
    """
    limits = parsed(permitted)
    networks = [_network(text) for text in wanted]
    for network in networks:
        _require_permitted(network, limits)
    if sum(network.num_addresses for network in networks) > MAX_ADDRESSES:
        raise OutOfScope(f"more than {MAX_ADDRESSES} addresses; sweep a part at a time (an IPv4 /16 at most)")
    everything = dict.fromkeys(str(address) for network in networks for address in network.hosts())
    refusals = {address: policy.refusal(address) for address in everything}
    addresses = [address for address, refusal in refusals.items() if not refusal]
    if not addresses:
        raise OutOfScope(next(iter(refusals.values())))
    order.shuffle(addresses)
    return tuple(addresses)


def _network(text: str) -> IpNetwork:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise OutOfScope(f"wants a network such as 10.20.0.0/24, or one address: {error}") from None


def _require_permitted(network: IpNetwork, limits: Sequence[IpNetwork]) -> None:
    if not limits:
        raise OutOfScope(
            f"discovery is off. If {network} may be swept, write `discover: {{networks: [{network}]}}` "
            "in the settings file"
        )
    if not any(_within(network, limit) for limit in limits):
        listed = ", ".join(map(str, limits[:5])) + (", …" if len(limits) > 5 else "")
        raise OutOfScope(
            f"{network} is not inside `discover: networks:` of the settings file ({listed}); "
            "add it there if it may be swept"
        )


def _within(network: IpNetwork, limit: IpNetwork) -> bool:
    if isinstance(network, ipaddress.IPv4Network):
        return isinstance(limit, ipaddress.IPv4Network) and network.subnet_of(limit)
    return isinstance(limit, ipaddress.IPv6Network) and network.subnet_of(limit)
