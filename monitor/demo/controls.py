"""The faults an operator may switch in the simulated province, as the pages and the command line see them."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import msgspec

from alerts.incident import Words


class FaultTarget(msgspec.Struct, frozen=True):
    """What a fault can strike: a commune (``"18073"``) or a device (``"18073/router"``)."""

    id: str
    title: str


class FaultKind(msgspec.Struct, frozen=True):
    """One kind of fault, what it does in both languages, and everything it can strike."""

    id: str
    """``"cut-uplink"``."""
    title: Words
    effect: Words
    """What will be seen, one sentence."""
    targets: tuple[FaultTarget, ...]


class Fault(msgspec.Struct, frozen=True):
    """A fault that is switched on. ``since`` is aware UTC."""

    kind: str
    target: str
    since: datetime


class Received(msgspec.Struct, frozen=True):
    """A message that came to the simulated phone."""

    at: datetime
    """Aware UTC."""
    title: str
    text: str
    to: str
    """Number of the person it is for."""
    name: str
    take: str
    """Address at which the incident is taken on; empty when it is over."""


class UnknownFault(LookupError):
    """There is no such kind of fault, or it cannot strike this target; the text says what exists."""


class SimulatorFailed(Exception):
    """The simulated province does not start or does not answer any more; the text is one line in English."""


class DemoControls(Protocol):
    """The switches of the simulated province."""

    async def kinds(self) -> tuple[FaultKind, ...]:
        """Every kind of fault."""
        ...

    async def faults(self) -> tuple[Fault, ...]:
        """What is switched on now, oldest first."""
        ...

    async def received(self) -> tuple[Received, ...]:
        """The last messages on the phone of whoever is on duty, newest first. Raises `SimulatorFailed`."""
        ...

    async def switch(self, kind: str, target: str, on: bool) -> None:
        """Switch a fault on or off; switching twice is the same as once. Raises `UnknownFault`, `SimulatorFailed`."""
        ...
