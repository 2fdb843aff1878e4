"""What the demo and its simulator tell each other: one JSON object a line, over the simulator's pipes."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from monitor.demo.layout import Layout

LONGEST = 4 * 1024 * 1024
"""Bytes of a line at most."""
CA_FILE = "ca.pem"
"""Where the simulator leaves the certificate of its authority, in its folder."""


class Start(msgspec.Struct, frozen=True):
    """The first line to the simulator: what to serve, and with which secrets."""

    layout: Layout
    community: str
    passwords: tuple[str, str]
    """Of the SNMPv3 user: authentication, privacy."""
    authorized: str
    """The monitoring user's public key, one OpenSSH line."""
    host_keys: dict[str, str]
    """Private host key of each SSH server, by device."""


class Order(msgspec.Struct, frozen=True):
    """Switch a fault. ``number`` comes back when it is done."""

    number: int
    kind: str
    target: str
    on: bool


class Progress(msgspec.Struct, frozen=True, tag=True):
    """How many of the devices are served."""

    done: int
    of: int


class Ready(msgspec.Struct, frozen=True, tag=True):
    """All of them are."""

    devices: int


class Done(msgspec.Struct, frozen=True, tag=True):
    """An order was carried out."""

    number: int


News = Progress | Ready | Done
T = TypeVar("T")


def line(message: object) -> str:
    """Write a message."""
    return msgspec.json.encode(message).decode() + "\n"


def read(text: bytes, kind: type[T]) -> T:
    """Read a message. Raises `msgspec.ValidationError` or `msgspec.DecodeError`."""
    return msgspec.json.decode(text, type=kind)


def news(text: bytes) -> News:
    """Read what the simulator tells. Raises as `read` does."""
    message: News = msgspec.json.decode(text, type=News)
    return message
