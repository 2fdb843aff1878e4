"""What the settings file says of access."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from inventory.duration import Duration
from inventory.model import Model

_DAY = 86400.0


class SessionSettings(Model):
    """How long a browser stays signed in."""

    idle: Annotated[Duration, Field(ge=60, le=90 * _DAY)] = 0.5 * _DAY
    """After the last use; a page that is open uses it."""
    longest: Annotated[Duration, Field(ge=300, le=366 * _DAY)] = 7 * _DAY
    """After the sign-in."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.idle > self.longest:
            raise ValueError("idle must not be longer than longest")
        return self


class TlsSettings(Model):
    """Files with the certificate chain and its key (PEM), followed when they are renewed."""

    certificate: str
    key: str
