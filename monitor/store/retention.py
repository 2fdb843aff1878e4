"""How long each level of detail is kept, and which level answers a question."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Days = Annotated[int, Field(ge=1, le=36500)]

RAW, FIVE_MINUTES, ONE_HOUR = 0, 300, 3600
LEVELS = (RAW, FIVE_MINUTES, ONE_HOUR)
"""Seconds of a slice; 0 is every sample as it came."""


class Retention(BaseModel):
    """Days to keep. With 35,000 series a raw day is about 125 MB, a five-minute day 90, an hourly day 12."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")
    raw: Days = 14
    five_minutes: Days = 90
    hourly: Days = 1096

    def seconds(self, level: int) -> int:
        """How long a level is kept."""
        days = {RAW: self.raw, FIVE_MINUTES: self.five_minutes, ONE_HOUR: self.hourly}[level]
        return days * 86400

    @property
    def longest(self) -> int:
        """Seconds after which nothing of a series is left."""
        return max(self.seconds(level) for level in LEVELS)

    def level(self, start: float, now: float, width: float) -> int:
        """Return the coarsest level that fits `width` seconds, or the next that is still kept at `start`."""
        fitting = max(level for level in LEVELS if level <= width)
        kept = [level for level in LEVELS if level >= fitting and now - start <= self.seconds(level)]
        return kept[0] if kept else ONE_HOUR
