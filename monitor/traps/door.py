"""Who may come in: cheap checks of a notification by our own reader, before `pysnmp` spends milliseconds on it."""

from __future__ import annotations

import hmac

from inventory.secrets import Credential
from probes.snmp import ber
from probes.snmp.ber import Malformed
from probes.snmp.message import V3, version_of
from probes.snmp.usm import parse

MAX_ENGINES = 4
"""Engine ids that one device may come with before the service starts anew."""


class Door:
    """Admits what claims the credential of its device; whether the claim is true only `pysnmp` finds out."""

    def __init__(self) -> None:
        self._engines: dict[str, set[bytes]] = {}

    def engine_id(self, device: str, datagram: bytes, credential: Credential) -> bytes | None:
        """Return the sender's engine id, `None` for a community's message or a discovery.

        Raises `Malformed` for garbage, another version, community or user than the device's credential, and for
        one engine id too many.
        """
        version, at = version_of(datagram)
        if (version == V3) != (credential.kind == "snmp_v3"):
            raise Malformed("another version than the device's credential is for")
        if version != V3:
            claimed, _ = ber.read_octets(datagram, at)
            if not hmac.compare_digest(claimed, credential.secrets["community"].reveal().encode()):
                raise Malformed("another community than the device's")
            return None
        parsed = parse(datagram)
        if parsed.user not in (b"", credential.user.encode()):
            raise Malformed("another user than the device's")
        return self._known(device, parsed.engine_id) if parsed.engine_id else None

    def _known(self, device: str, engine_id: bytes) -> bytes:
        known = self._engines.setdefault(device, set())
        if engine_id not in known and len(known) >= MAX_ENGINES:
            raise Malformed("one engine id too many")
        known.add(engine_id)
        return engine_id
