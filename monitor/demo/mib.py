"""What a simulated SNMP agent knows: variables in the order of their identifiers, values made when asked."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import NamedTuple

from monitor.demo.curve import booted
from monitor.demo.machine import Machine
from probes.snmp import ber


class Moment:
    """A machine at one time; what many of its values follow from."""

    __slots__ = ("_totals", "level", "machine", "started", "time", "total", "uptime")

    def __init__(self, machine: Machine, now: float | None = None) -> None:
        self.machine = machine
        self.time = time.time() if now is None else now
        self.started = booted(machine.place.seed, self.time)
        """Seconds since the epoch."""
        self._totals: dict[int, float] = {}
        self.uptime = self.time - self.started
        """Seconds."""
        self.level = machine.curve.at(self.time)
        """How busy it is, 0..2."""
        self.total = machine.curve.sum(self.started, self.time)
        """`level` added up since the start, in seconds."""

    def total_of(self, part: int) -> float:
        """Return what `total` is for one part of the machine."""
        if part not in self._totals:
            self._totals[part] = self.machine.curve_of(part).sum(self.started, self.time)
        return self._totals[part]


Reading = Callable[[Moment], ber.Value]


class Variable(NamedTuple):
    """One variable: identifier as numbers and as BER content, tag of its type, value or how to make it."""

    arcs: tuple[int, ...]
    name: bytes
    tag: int
    value: ber.Value | Reading

    def bind(self, moment: Moment) -> ber.VarBind:
        """Return it with its value at `moment`."""
        value = self.value(moment) if callable(self.value) else self.value
        return self.name, self.tag, value


def variable(oid: str, tag: int, value: ber.Value | Reading) -> Variable:
    """Return a variable; `oid` is dotted and ends with the index."""
    name = ber.oid(oid)
    return Variable(ber.arcs(name), name, tag, value)


def text(oid: str, value: str | Callable[[Moment], str]) -> Variable:
    """Return a variable of type OCTET STRING."""
    if callable(value):
        make = value
        return variable(oid, ber.OCTETS, lambda moment: make(moment).encode())
    return variable(oid, ber.OCTETS, value.encode())


class Mib:
    """The variables of one kind of device, shared by all devices of that kind."""

    def __init__(self, variables: Iterable[Variable]) -> None:
        self._variables = sorted(variables, key=lambda variable: variable.arcs)
        self._arcs = [variable.arcs for variable in self._variables]
        self._place = {variable.name: place for place, variable in enumerate(self._variables)}

    def __len__(self) -> int:
        return len(self._variables)

    def at(self, name: bytes) -> Variable | None:
        """Return exactly the variable `name`."""
        place = self._place.get(name)
        return None if place is None else self._variables[place]

    def after(self, name: bytes) -> Variable | None:
        """Return the first variable after `name`, `None` at the end. Raises `ber.Malformed`."""
        place = self._place.get(name)
        following = bisect_right(self._arcs, ber.arcs(name)) if place is None else place + 1
        return self._variables[following] if following < len(self._variables) else None
