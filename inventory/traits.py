"""What the inventory must know of a probe to judge a check, told by the caller: no probe is imported here."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel

RESERVED = frozenset({"probe", "interval", "timeout", "enabled"})
"""Keys of a check that are the inventory's own; no probe may have a parameter of these names."""


@dataclass(frozen=True, slots=True)
class ProbeTraits:
    """One probe as the inventory sees it. Raises `ValueError` when its params take a reserved name."""

    params: type[BaseModel]
    """Model of the probe's own keys in a check."""
    interval: float = 60.0
    """Seconds between two attempts by default."""
    timeout: float = 10.0
    """Seconds one attempt may take by default."""
    credential_kinds: tuple[str, ...] = ()
    """Kinds of credential the probe can use."""
    needs_credential: bool = False

    def __post_init__(self) -> None:
        taken = sorted(RESERVED & self.params.model_fields.keys())
        if taken:
            raise ValueError(
                f"{self.params.__qualname__} has parameters with reserved names: {', '.join(taken)}"
            )
