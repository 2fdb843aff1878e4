"""What a probe is: a question put to one target, answered or failed with an outcome."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, Generic, Self, TypeVar

import msgspec
from pydantic import BaseModel, ConfigDict

from inventory.profile import Profile
from inventory.secrets import Credential
from probes.core.hostkeys import HostKeys
from probes.core.observation import Answer, Outcome
from probes.core.words import NOTHING, Words

if TYPE_CHECKING:
    from probes.core.network import Network  # raises the ProbeFailure of this module


class Params(BaseModel):
    """Base of every probe's parameters: frozen, strict, unknown keys refused; validated when the YAML is loaded."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


P = TypeVar("P", bound=Params)


class Target(msgspec.Struct, frozen=True):
    """Whom to ask. ``credential`` is already resolved and belongs to this device and probe."""

    device: str
    """Device id, ``site/device``."""
    address: str
    """IP address or host name."""
    credential: Credential | None = None
    profile: str | None = None
    """Name of the SNMP profile the inventory asks for; ``None`` lets the probe recognise the device."""


class Check(msgspec.Struct, frozen=True):
    """One planned question: target + probe + params + interval + timeout (both in seconds)."""

    name: str
    probe: str
    target: Target
    params: Params
    interval: float
    timeout: float
    blocked: Words = NOTHING
    """Why this check cannot be asked at all (a credential without a value); empty when it can."""

    @property
    def device(self) -> str:
        """Id of the device this check belongs to."""
        return self.target.device

    @property
    def id(self) -> str:
        """Unique name of this check: ``site/device:check``."""
        return f"{self.target.device}:{self.name}"


class Environment(msgspec.Struct, frozen=True):
    """What the composition root gives every probe at start."""

    profiles: Mapping[str, Profile]
    host_keys: HostKeys
    state_dir: Path
    """Where a probe may keep small files across restarts (SNMPv3 engine ids and boots)."""
    network: Network
    """The only way out: resolves names and opens connections, to permitted addresses only."""


class ProbeFailure(Exception):
    """An expected failure: how the attempt ended, why in one line, and what evidence there is all the same."""

    def __init__(self, outcome: Outcome, detail: Words, answer: Answer | None = None) -> None:
        super().__init__(detail.en)
        self.outcome = outcome
        self.detail = detail
        self.answer = answer or Answer()


class Probe(ABC, Generic[P]):
    """One way of asking. A subclass named ``Probe`` lives in the module that gives the probe its name.

    One instance serves all targets of the process. The runner owns the deadline: `ask` is cancelled when it passes
    and the attempt counts as a timeout; a probe lets cancellation through and leaves nothing behind.
    """

    params: ClassVar[type[Params]]
    """The model of the YAML under a check of this probe."""
    credential_kinds: ClassVar[tuple[str, ...]] = ()
    """Kinds of credential this probe can use (``kind`` of `inventory.secrets`), empty when it needs none."""
    needs_credential: ClassVar[bool] = False
    interval: ClassVar[float] = 60.0
    """Seconds between two attempts unless the inventory says otherwise."""
    timeout: ClassVar[float] = 10.0
    """Seconds one attempt may take in all unless the inventory says otherwise."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment

    async def __aenter__(self) -> Self:
        """Open what all targets share. Raises nothing for a missing permission: `ask` then says NOT_READY."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close what was opened."""

    @abstractmethod
    async def ask(self, target: Target, params: P) -> Answer:
        """Ask `target` once. Raises `ProbeFailure` for every expected failure; anything else is a bug of ours."""
