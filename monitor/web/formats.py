"""Times and quantities as people read them: dd/MM/yyyy HH:mm at UTC+7, decimal comma in Vietnamese."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from gettext import NullTranslations

from alerts.calendar import VIETNAM

_STEPS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_SCALES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_BINARY = ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))
_SIGNS = {
    "Cel": "°C",
    "%": "%",
    "V": "V",
    "A": "A",
    "W": "W",
    "Hz": "Hz",
    "VA": "VA",
    "dBm": "dBm",
    "rpm": "rpm",
}


class Formats:
    """Formats of one language. `now` gives the time, aware UTC."""

    def __init__(self, language: str, messages: NullTranslations, now: Callable[[], datetime]) -> None:
        self._comma = language == "vi"
        self._messages = messages
        self._now = now

    def number(self, value: float, digits: int = 1) -> str:
        """Return `value` with at most `digits` decimals: ``1.234,5`` or ``1,234.5``."""
        if not math.isfinite(value):
            return "–"
        text = f"{value:,.{digits}f}"
        if "." in text:
            text = text.rstrip("0").rstrip(".")
        text = "0" if text == "-0" else text
        return text.translate(_SWAP) if self._comma else text

    def quantity(self, value: float, unit: str) -> str:
        """Return `value` of a UCUM `unit` with the unit people use: ``0.452, "1"`` is ``45,2 %``."""
        if unit == "1":
            return f"{self.number(value * 100)} %"
        if unit == "s":
            return self.seconds(value)
        if unit.startswith("By"):
            return self._scaled(value, _BINARY, "B") + _per(unit)
        if unit.startswith("bit"):
            return self._scaled(value, tuple((size, f"{sign}bit") for size, sign in _SCALES), "bit") + _per(
                unit
            )
        if unit == "d":
            return self.lasting(value * 86400)
        if unit.startswith("{"):
            return self.number(value) + _per(unit)
        return f"{self.number(value)} {_SIGNS.get(unit, unit)}"

    def seconds(self, value: float) -> str:
        """Return a duration: ``3,2 ms``, ``1,5 s``, ``12 phút``, ``3 ngày``."""
        if abs(value) < 1:
            return f"{self.number(value * 1000, 1 if abs(value) < 0.1 else 0)} ms"
        return f"{self.number(value)} s" if abs(value) < 60 else self.lasting(value)

    def lasting(self, seconds: float) -> str:
        """Return a duration in its greatest whole unit: ``3 phút``."""
        size, name = next((step for step in _STEPS if abs(seconds) >= step[0]), _STEPS[-1])
        return self._count(name, int(seconds // size))

    def since(self, moment: datetime) -> str:
        """Return how long ago `moment` was: ``3 phút``."""
        return self.lasting(max(0.0, (self._now() - moment).total_seconds()))

    def ago(self, moment: datetime) -> str:
        """Return when `moment` was: ``3 phút trước``; ``vừa xong`` below five seconds."""
        if (self._now() - moment).total_seconds() < 5:
            return self._messages.gettext("just now")
        return self._messages.gettext("%(duration)s ago") % {"duration": self.since(moment)}

    def moment(self, moment: datetime) -> str:
        """Return ``dd/MM/yyyy HH:mm``."""
        return moment.astimezone(VIETNAM).strftime("%d/%m/%Y %H:%M")

    def exact(self, moment: datetime) -> str:
        """Return ``dd/MM/yyyy HH:mm:ss``."""
        return moment.astimezone(VIETNAM).strftime("%d/%m/%Y %H:%M:%S")

    def clock(self, moment: datetime) -> str:
        """Return ``HH:mm``, with the day when it is another than today's."""
        local = moment.astimezone(VIETNAM)
        today = self._now().astimezone(VIETNAM).date() == local.date()
        return local.strftime("%H:%M" if today else "%d/%m %H:%M")

    def _count(self, name: str, count: int) -> str:
        messages = self._messages
        return {
            "day": lambda: messages.ngettext("%(count)s day", "%(count)s days", count),
            "hour": lambda: messages.ngettext("%(count)s hour", "%(count)s hours", count),
            "minute": lambda: messages.ngettext("%(count)s minute", "%(count)s minutes", count),
            "second": lambda: messages.ngettext("%(count)s second", "%(count)s seconds", count),
        }[name]() % {"count": self.number(count)}

    def _scaled(self, value: float, scales: tuple[tuple[float, str], ...], base: str) -> str:
        for size, sign in scales:
            if abs(value) >= size:
                return f"{self.number(value / size)} {sign}"
        return f"{self.number(value)} {base}"


_SWAP = str.maketrans(",.", ".,")


def _per(unit: str) -> str:
    return "/s" if unit.endswith("/s") else ""
