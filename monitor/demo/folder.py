"""The demo's folder: its inventory, its settings and its secrets, the same at every start."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path

import asyncssh
import msgspec

from monitor.demo.inventory_files import (
    AUTH_FILE,
    COMMUNITY_FILE,
    KEY_FILE,
    PRIV_FILE,
    duty_file,
    inventory_files,
    maintenance_file,
    settings_file,
)
from monitor.demo.layout import Layout
from monitor.demo.wire import CA_FILE, Start


class DemoFolder:
    """Where a simulated province lives. Nothing in it is readable by others."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.inventory = self.path / "inventory"
        self.secrets = self.path / "secrets"
        self.simulator = self.path / "simulator"
        self.settings = self.path / "settings.yaml"

    def prepare(self, layout: Layout, port: int) -> tuple[str, ...]:
        """Write what is missing or outdated. Returns names of files kept because somebody changed them."""
        for folder in (self.path, self.inventory, self.secrets, self.simulator):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        files = {
            self.settings: settings_file(port, layout.phone),
            self.path / "duty.yaml": duty_file(),
            self.path / "maintenance.yaml": maintenance_file(),
        }
        for name, text in inventory_files(layout, self.simulator / CA_FILE):
            files[self.inventory / name] = text
        return self._write(files)

    def start(self, layout: Layout) -> Start:
        """Return what the simulator must know; secrets that are not there yet are made."""
        community, auth, priv = (
            _kept(self.secrets / name, lambda: secrets.token_hex(12))
            for name in (COMMUNITY_FILE, AUTH_FILE, PRIV_FILE)
        )
        key = asyncssh.import_private_key(_kept(self.secrets / KEY_FILE, _new_key))
        authorized = key.export_public_key().decode()
        return Start(layout, community, (auth, priv), authorized, self._host_keys(layout))

    def _host_keys(self, layout: Layout) -> dict[str, str]:
        path = self.simulator / "host-keys.json"
        known = msgspec.json.decode(path.read_bytes(), type=dict[str, str]) if path.exists() else {}
        wanted = [place.id for place in layout.places if place.serves("ssh")]
        missing = {device: _new_key() for device in wanted if device not in known}
        if missing:
            known |= missing
            _private(path, msgspec.json.encode(known).decode())
        return {device: known[device] for device in wanted}

    def _write(self, files: dict[Path, str]) -> tuple[str, ...]:
        """Write `files`, but none that is not as it was left by the last start."""
        record = self.simulator / "written.json"
        left = msgspec.json.decode(record.read_bytes(), type=dict[str, str]) if record.exists() else {}
        kept = []
        for path, text in files.items():
            name = str(path.relative_to(self.path))
            if path.exists() and _digest(path.read_text("utf-8")) != left.get(name):
                kept.append(name)
            else:
                path.write_text(text, "utf-8")
                left[name] = _digest(text)
        self._forget(left, files.keys())
        record.write_bytes(msgspec.json.encode(left))
        return tuple(kept)

    def _forget(self, left: dict[str, str], wanted: Iterable[Path]) -> None:
        """Remove files of an earlier version that are no longer written, unless somebody changed them."""
        names = {str(path.relative_to(self.path)) for path in wanted}
        for name in left.keys() - names:
            path = self.path / name
            if path.exists() and _digest(path.read_text("utf-8")) == left[name]:
                path.unlink()
            del left[name]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _new_key() -> str:
    return asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()


def _kept(path: Path, make: Callable[[], str]) -> str:
    if not path.exists():
        _private(path, make())
    return path.read_text("utf-8")


def _private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, "utf-8")
