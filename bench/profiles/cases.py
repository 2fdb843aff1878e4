"""The recordings of a folder, and what is expected of each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from bench.recordings import Recording


class Case(msgspec.Struct, frozen=True):
    """One recording and what is expected of it."""

    expected: Mapping[str, Any]
    recording: Recording


def cases(folder: Path, only: Sequence[str] = ()) -> dict[str, Case]:
    """Return the recordings of `folder` by name, those for identification as ``detect/<id>``."""
    out: dict[str, Case] = {}
    for path in sorted(folder.glob("devices/*/expected.json")):
        name = path.parent.name
        if not only or name in only:
            out[name] = Case(json.loads(path.read_text("utf-8")), Recording(path.parent / f"{name}.snmprec"))
    detect = folder / "detect" / "expected.json"
    for item in json.loads(detect.read_text("utf-8")) if detect.exists() else ():
        name = f"detect/{item['id']}"
        if not only or name in only:
            out[name] = Case(item, Recording(folder / "detect" / f"{item['id']}.snmprec"))
    return out
