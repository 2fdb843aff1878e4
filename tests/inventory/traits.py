"""A handful of probes as the inventory sees them, enough for every rule of the loader."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from inventory.model import Model
from inventory.traits import ProbeTraits


class NoParams(Model):
    pass


class IcmpParams(Model):
    count: Annotated[int, Field(ge=1, le=20)] = 3


class TcpParams(Model):
    port: Annotated[int, Field(ge=1, le=65535)]
    expect: Literal["open", "closed"] = "open"


class HttpParams(Model):
    url: str | None = None
    path: str = "/"
    status: int | tuple[int, ...] = 200


class SnmpParams(Model):
    read: str = "health"


PROBES = {
    "icmp": ProbeTraits(IcmpParams),
    "tcp": ProbeTraits(TcpParams, timeout=5),
    "http": ProbeTraits(HttpParams, credential_kinds=("http_basic", "http_bearer")),
    "tls": ProbeTraits(NoParams, interval=3600),
    "sip": ProbeTraits(NoParams),
    "snmp": ProbeTraits(SnmpParams, credential_kinds=("snmp_v2c", "snmp_v3"), needs_credential=True),
    "ssh": ProbeTraits(NoParams, credential_kinds=("ssh_password", "ssh_key"), needs_credential=True),
    "snmp_community": ProbeTraits(NoParams, interval=21600),
}
