"""Which SSH host keys an operator has approved. A credential is never sent to a host whose key is not.

The ledger keeps them; probes see this protocol only.
"""

from __future__ import annotations

from typing import Protocol


class HostKeys(Protocol):
    """Approved and pending host keys by device; a key is one OpenSSH line, ``"ssh-ed25519 AAAA…"``."""

    def approved(self, device: str, address: str, port: int) -> tuple[str, ...]:
        """Keys an operator approved for this device at exactly this address and port; empty when none."""
        ...

    def report(self, device: str, address: str, port: int, key: str) -> None:
        """Remember `key` as seen and waiting for approval. Never blocks; repeated calls are cheap."""
        ...


class NoHostKeys:
    """Nothing is approved and nothing is remembered: for one-off questions and tests."""

    def approved(self, device: str, address: str, port: int) -> tuple[str, ...]:
        """Nothing is approved."""
        return ()

    def report(self, device: str, address: str, port: int, key: str) -> None:
        """Forget it."""
