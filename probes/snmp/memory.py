"""What is known of SNMPv3 engines, kept across restarts so that no device must be discovered again."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from pathlib import Path

import msgspec

from probes.snmp.usm import EngineState

log = logging.getLogger(__name__)

MAX_FILE = 64 << 20


class _Kept(msgspec.Struct):
    """An engine on disk: its id, its boots, and when it began, in seconds since 1970."""

    id: bytes
    boots: int
    began: float


class EngineMemory:
    """Engine states by ``device:port``, in one file. `skew`: wall clock minus the probe's clock, seconds."""

    def __init__(self, path: Path, skew: float) -> None:
        self._path = path
        self._skew = skew

    def read(self) -> dict[str, EngineState]:
        """Return what an earlier run knew; nothing when the file is absent or spoilt."""
        try:
            if self._path.stat().st_size > MAX_FILE:
                return {}
            kept = msgspec.json.decode(self._path.read_bytes(), type=dict[str, _Kept])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.DecodeError) as error:
            log.warning("forgot the SNMPv3 engines, they will be discovered again", exc_info=error)
            return {}
        return {
            name: EngineState(engine.id, engine.boots, engine.began - self._skew)
            for name, engine in kept.items()
            if 5 <= len(engine.id) <= 32 and 0 <= engine.boots < 1 << 31
        }

    def write(self, states: Mapping[str, EngineState]) -> None:
        """Keep `states`, whole or not at all."""
        kept = {
            name: _Kept(state.id, state.boots, state.offset + self._skew) for name, state in states.items()
        }
        fresh = self._path.with_suffix(".new")
        try:
            fresh.write_bytes(msgspec.json.encode(kept))
            fresh.replace(self._path)
        except OSError as error:
            log.warning("cannot keep the SNMPv3 engines", exc_info=error)
            with contextlib.suppress(OSError):
                fresh.unlink()
