"""How the monitor tells that it lives, as the settings file says it."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from alerts.duty.policy import Targets
from inventory.duration import Duration
from inventory.model import Model
from inventory.network_policy import Networks
from inventory.secrets import SecretRef


def clock_time(written: object) -> time:
    """Return ``"07:30"`` as a time of day. Raises `ValueError`."""
    if isinstance(written, time):
        return written
    hour, colon, minute = written.partition(":") if isinstance(written, str) else ("", "", "")
    if colon and _two(hour) and _two(minute) and int(hour) < 24 and int(minute) < 60:
        return time(int(hour), int(minute))
    raise ValueError('wants a time of day such as "07:30"')


def _two(digits: str) -> bool:
    return len(digits) == 2 and digits.isascii() and digits.isdigit()


class HeartbeatSettings(Model):
    """A watcher outside that raises the alarm when it is no longer pinged."""

    url: SecretRef
    """Its address. Who knows it can keep it quiet, so it is a secret."""
    every: Annotated[Duration, Field(ge=10, le=3600)] = 60.0
    """Seconds between two pings."""
    timeout: Annotated[Duration, Field(gt=0, le=60)] = 10.0
    """Seconds one ping may take."""
    failing: Literal["tell", "silent"] = "tell"
    """While the monitor does not work: ping the address with ``/fail`` behind it, or not at all."""
    allow: Networks = ()
    """Networks the watcher may be in although they usually are not asked: ``127.0.0.1``."""


class MorningSettings(Model):
    """A word each morning that the monitor lives, with the figures of the day before."""

    at: Annotated[time, BeforeValidator(clock_time)] = time(7, 30)
    """Time of day in Viet Nam."""
    tell: Targets | None = None
    """Whom, as in an escalation policy; the channel ``duty``, or else the first, unless given."""
    enabled: bool = True
