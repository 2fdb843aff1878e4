"""Which devices and checks something applies to: the ``where:`` of rules, routes and silences."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import BeforeValidator, Field

from inventory.model import Device, Model, listed

Pattern = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\[\]]*$")]
"""A name in which ``*`` stands for anything and ``?`` for one character; ``[`` and ``]`` are not accepted."""
Patterns = Annotated[tuple[Pattern, ...], BeforeValidator(listed), Field(max_length=1000)]
"""One pattern or a list of them; one that fits is enough, and an empty list asks for nothing."""


class Selector(Model):
    """What to apply to; every key that is given must fit."""

    role: Patterns = ()
    site: Patterns = ()
    """Site ids: official commune codes, or slugs."""
    tags: Patterns = ()
    """One of the device's tags must fit."""
    profile: Patterns = ()
    device: Patterns = ()
    """A device's name (``router``) or its id (``18073/router``)."""
    check: Patterns = ()
    probe: Patterns = ()

    def matches(self, device: Device, check: str = "", probe: str = "") -> bool:
        """Whether a check of `device` is meant.

        Without a check (``""``) the device itself is in question, and a selector that names checks or probes
        does not mean it.
        """
        return (
            self.matches_device(device)
            and (not self.check or _fits(self.check, check))
            and (not self.probe or _fits(self.probe, probe))
        )

    def matches_device(self, device: Device) -> bool:
        """Whether something of `device` may be meant, checks and probes aside."""
        return (
            (not self.role or _fits(self.role, device.role))
            and (not self.site or _fits(self.site, device.site))
            and (not self.tags or _fits(self.tags, *device.tags))
            and (not self.profile or _fits(self.profile, device.profile or ""))
            and (not self.device or _fits(self.device, device.name, device.id))
        )


def _fits(patterns: tuple[str, ...], *names: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns for name in names if name)
