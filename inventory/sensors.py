"""Sensors of a profile in short: one line says what a number is; its metric, unit and table follow from that."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, NamedTuple, Self

from pydantic import AfterValidator, Field, model_validator

from inventory.model import Model

Oid = Annotated[str, Field(pattern=r"^[0-2](\.(0|[1-9][0-9]{0,9})){1,127}$", max_length=600)]
"""A dotted object identifier without a leading dot."""


def _pattern(text: str) -> str:
    """A pattern meets text that a hostile device chose: refuse what can take long (abuse case A09)."""
    if re.search(r"\)\s*[*+?{]|\\[1-9]|\(\?[^:i]", text) or len(re.findall(r"[*+{]", text)) > 2:
        raise ValueError("wants a simple pattern: no quantified groups or references, at most two of * + {}")
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from None
    return text


Pattern = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_pattern)]


class State(StrEnum):
    """What a state of a part means for people."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"

    @property
    def code(self) -> int:
        """The number that is reported: 0, 1, 2, so that greater is worse, and -1 for unknown."""
        return -1 if self is State.UNKNOWN else list(State).index(self)


class Limit(Model):
    """Where a sensor's number begins to be wrong: a number, or the object or column in which the device says it."""

    above: float | Oid | None = None
    below: float | Oid | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.above is None and self.below is None:
            raise ValueError("wants `above`, `below` or both")
        return self


class Quantity(NamedTuple):
    """How a kind of sensor is reported: ``value * factor + offset`` in `unit`."""

    metric: str
    unit: str = "1"
    factor: float = 1
    offset: float = 0
    most: float | None = None
    """A greater number is no reading but an agent's way to say that there is none."""


QUANTITIES: Mapping[str, Quantity] = {
    "temperature": Quantity("hw.temperature", "Cel", most=200),
    "fahrenheit": Quantity("hw.temperature", "Cel", 5 / 9, -160 / 9, most=200),
    "humidity": Quantity("hw.humidity", "1", 0.01),
    "voltage": Quantity("hw.voltage", "V"),
    "current": Quantity("hw.current", "A"),
    "power": Quantity("hw.power", "W"),
    "apparent_power": Quantity("hw.apparent_power", "V.A"),
    "energy": Quantity("hw.energy.total", "kW.h"),
    "frequency": Quantity("hw.frequency", "Hz"),
    "fan": Quantity("hw.fan.speed", "{rpm}"),
    "pressure": Quantity("hw.pressure", "kPa"),
    "power_factor": Quantity("hw.power_factor"),
    "dbm": Quantity("hw.signal.power", "dBm", most=100),
    "decibel": Quantity("hw.signal.ratio", "dB"),
    "load": Quantity("hw.power_supply.utilization", "1", 0.01),
    "charge": Quantity("hw.battery.charge", "1", 0.01),
    "minutes": Quantity("hw.battery.time_left", "s", 60, most=30 * 86400),
    "seconds": Quantity("hw.battery.time_left", "s", most=30 * 86400),
    "on_battery": Quantity("hw.battery.time_used", "s"),
    "delay": Quantity("hw.delay", "s"),
    "percent": Quantity("hw.utilization", "1", 0.01),
    "count": Quantity("hw.count"),
    "cpu": Quantity("system.cpu.utilization", "1", 0.01),
    "memory": Quantity("system.memory.utilization", "1", 0.01),
    "storage": Quantity("system.filesystem.utilization", "1", 0.01),
    "supply": Quantity("hw.supply.level", "1", 0.01),
    "status": Quantity("hw.status"),
}
"""By the word that a profile says."""

OVERALL = {"cpu": "mean", "memory": "max"}
"""How the rows of a column become one number; the others are reported each."""


class Sensor(Model):
    """One number, or a column of them: what it is, where it is, and what names its rows."""

    what: str = "status"
    oid: Oid | None = None
    """An object that ends in .0 is one number, any other a column."""
    used: Oid | None = None
    free: Oid | None = None
    total: Oid | None = None
    """Two of these instead of `oid`, for memory, storage and supplies."""
    name: Oid | None = None
    """The column that names the rows."""
    scale: float = 1
    states: Mapping[str, State] = {}
    missing: tuple[float, ...] = ()
    """Numbers that mean that there is no sensor, or no reading."""
    only: Mapping[Oid, tuple[str, ...]] = {}
    """Rows whose other column has one of these values."""
    like: Pattern | None = None
    """Rows whose name contains this regular expression: for tables that hold every quantity."""
    every: Annotated[int, Field(ge=1, le=60)] = 1
    """Read at each so manieth poll."""
    warning: Limit | None = None
    """In the unit that the word of `what` says (percent, minutes); an object's number is scaled as the sensor's is."""
    critical: Limit | None = None
    clear: Annotated[float, Field(ge=0)] = 0
    """How far back it must be to count as well again."""
    limit_scale: float | None = None
    """The scale of the limits' objects, where it is another than the sensor's."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.what not in QUANTITIES:
            raise ValueError(f"unknown quantity {self.what!r}; there are: {', '.join(QUANTITIES)}")
        if (self.oid is None) != (len(self.parts) == 2):
            raise ValueError("wants `oid`, or two of `used`, `free` and `total`")
        if (self.what == "status") != bool(self.states):
            raise ValueError("a status says what its `states` mean, and nothing else does")
        if self.states and self.limits:
            raise ValueError("a status has states, not limits")
        if self.clear and not self.limits:
            raise ValueError("`clear` wants a `warning` or `critical`")
        if self.like and not self.name:
            raise ValueError("`like` wants a `name`")
        told = [limit for limit in self.limits.values() if isinstance(limit, str)]
        if len({oid.endswith(".0") for oid in (*self.objects.values(), *told)}) > 1:
            raise ValueError("its objects are all columns, or none is")
        return self

    @property
    def parts(self) -> dict[str, str]:
        """Those of `used`, `free` and `total` that are given."""
        parts = {"used": self.used, "free": self.free, "total": self.total}
        return {name: oid for name, oid in parts.items() if oid is not None}

    @property
    def objects(self) -> dict[str, str]:
        """The numbers' objects by the name they have in `value`."""
        return {"value": self.oid} if self.oid else self.parts

    @property
    def limits(self) -> dict[str, float | str]:
        """Its limits by name (``warning_above``): numbers, or objects."""
        levels = {"warning": self.warning, "critical": self.critical}
        return {
            f"{name}_{side}": bound
            for name, level in levels.items()
            if level
            for side in ("above", "below")
            if (bound := getattr(level, side)) is not None
        }

    def limit(self, bound: float | str, name: str) -> str:
        """Return the expression of a limit; `name` is the reading of its object."""
        quantity = QUANTITIES[self.what]
        if isinstance(bound, str):
            scale = self.scale if self.limit_scale is None else self.limit_scale
            return self.model_copy(update={"scale": scale}).value({"value": name})
        return _decimal(bound * quantity.factor + quantity.offset)

    @property
    def is_column(self) -> bool:
        """Whether it is a column of a table."""
        return not next(iter(self.objects.values())).endswith(".0")

    def value(self, names: Mapping[str, str]) -> str:
        """Return the expression; `names` are the readings of `objects`."""
        if not self.oid:
            given = self.parts
            if "total" not in given:
                return f"ratio({names['used']}, {names['used']} + {names['free']})"
            part = names["used"] if "used" in given else f"{names['total']} - {names['free']}"
            return f"ratio({part}, {names['total']})"
        quantity, name = QUANTITIES[self.what], names["value"]
        factor = quantity.factor * self.scale
        value = name if factor == 1 else f"{name} * {_decimal(factor)}"
        value += f" + {_decimal(quantity.offset)}" if quantity.offset else ""
        for number in self.missing:
            value = f"when({name} != {_decimal(number)}, {value})"
        return value


def _decimal(number: float) -> str:
    if number < 0:
        return f"(0 - {_decimal(-number)})"
    return f"{number:.12f}".rstrip("0").rstrip(".")
