"""Every test server is on loopback, which the service does not ask by itself: this permits it."""

from __future__ import annotations

from inventory.network_policy import NetworkPolicy
from probes.core.network import Network

NETWORKS = ("127.0.0.0/8", "::1/128")
POLICY = NetworkPolicy(allow=NETWORKS)
NETWORK = Network(POLICY)
