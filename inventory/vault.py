"""The encrypted store of secrets: one file, every value sealed by AES-256-GCM under a master key in another file.

A value is bound to its name: moved under another one, or changed by a bit, it does not open. Names and times are
readable without the key, values never are.
"""

from __future__ import annotations

import base64
import binascii
import errno
import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from inventory import files
from inventory.files import NO_FILE, Unreadable, read_bytes
from inventory.secrets import Secret, SecretMissing

MAX_BYTES = 8 * 1024 * 1024
MAX_KEYS = 8
"""Keys one key file may hold: the one in use, and old ones while everything is sealed anew."""
KEY_BYTES = 32
_FORMAT = 1


class VaultError(Exception):
    """The store or its key cannot be used or written; the text says why and what to do, and holds no value."""


class Sealed(msgspec.Struct, frozen=True):
    """One value as the file holds it."""

    key: str
    """Id of the master key it is sealed under."""
    nonce: bytes
    value: bytes
    created: datetime
    changed: datetime


class _File(msgspec.Struct, frozen=True):
    format: int
    entries: Mapping[str, Sealed]


class Vault:
    """Opens values while the service runs, and changes them from the command line. Reads the files at each use."""

    def __init__(self, path: Path, key_path: Path) -> None:
        self.path = path
        self.key_path = key_path

    def entries(self) -> Mapping[str, Sealed]:
        """Return what is stored, by name; no key is needed. Raises `VaultError`."""
        try:
            file = msgspec.json.decode(read_bytes(self.path, self.path.parent, MAX_BYTES), type=_File)
        except Unreadable as error:
            if str(error) == NO_FILE:
                return {}
            raise VaultError(f"the store of secrets {self.path}: {error}{_advice(error)}") from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise VaultError(
                f"the store of secrets {self.path} is damaged; put a backup in its place"
            ) from None
        if any(
            _is_no_time(time) for entry in file.entries.values() for time in (entry.created, entry.changed)
        ):
            raise VaultError(f"the store of secrets {self.path} is damaged; put a backup in its place")
        if file.format != _FORMAT:
            raise VaultError(f"the store of secrets {self.path} is of a newer version; upgrade first")
        return file.entries

    def tidy(self) -> None:
        """Remove what a process left that was killed while it wrote; not now if another one is writing."""
        with suppress(OSError), _lock(self.path.parent, fcntl.LOCK_EX | fcntl.LOCK_NB):
            self._sweep()

    def problem(self) -> str:
        """Return why stored values do not open, in one line; "" when all do, or when nothing is stored."""
        try:
            entries = self.entries()
            keys = self._keys() if entries else {}
        except VaultError as error:
            return str(error)
        others = sum(entry.key not in keys for entry in entries.values())
        return (
            f"{others} of {len(entries)} secrets are sealed under another key than {self.key_path}"
            if others
            else ""
        )

    def read(self, name: str) -> Secret:
        """Return one value. Raises `SecretMissing`."""
        try:
            entry = self.entries().get(name)
            if entry is None:
                raise SecretMissing(f"the secret {name!r} is not stored; `commune-monitor secret set {name}`")
            return _open(name, entry, self._keys())
        except VaultError as error:
            raise SecretMissing(str(error)) from None

    def put(self, name: str, value: Secret, at: datetime) -> None:
        """Store a value, in place of the one there is. Raises `VaultError`."""
        with self._changing() as entries:
            key, *_ = self._keys().items()  # under the lock: another process may be rotating it
            before = entries.get(name)
            entries[name] = _seal(name, value.reveal().encode(), key, before.created if before else at, at)

    def remove(self, name: str) -> None:
        """Forget a value; nothing happens when there is none. Raises `VaultError`."""
        with self._changing() as entries:
            entries.pop(name, None)

    def must_have_no_key(self) -> None:
        """Raise `VaultError` when there is a master key, or no telling."""
        try:
            self.key_path.lstat()
        except FileNotFoundError:
            return
        except OSError as error:
            raise VaultError(
                f"the master key {self.key_path} cannot be looked for: {error.strerror}"
            ) from None
        raise VaultError(
            f"there is a master key already: {self.key_path}; `commune-monitor secret rotate --master-key`"
            " makes another one"
        )

    def create_key(self) -> None:
        """Make the master key. Raises `VaultError` when there is one already."""
        try:
            self.key_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._locked():
                files.create(self.key_path, _line(secrets.token_bytes(KEY_BYTES)), mode=0o600)
        except FileExistsError:
            raise VaultError(f"there is a master key already: {self.key_path}") from None
        except OSError as error:
            raise VaultError(f"the master key {self.key_path} cannot be written: {error.strerror}") from error

    def rotate_key(self) -> int:
        """Seal everything under a new master key; return how many values. Raises `VaultError`.

        A crash at any moment leaves files that open: first the key file holds the new key beside the old ones, then
        everything is sealed anew, and only then the old keys go.
        """
        fresh = secrets.token_bytes(KEY_BYTES)
        with self._locked():
            old, entries = self._keys(), dict(self.entries())
            opened = {name: _open(name, entry, old) for name, entry in entries.items()}
            _write(self.key_path, b"".join(map(_line, (fresh, *list(old.values())[: MAX_KEYS - 1]))))
            key = _id(fresh), fresh
            for name, value in opened.items():
                entry = entries[name]
                entries[name] = _seal(name, value.reveal().encode(), key, entry.created, entry.changed)
            self._store(entries)
            _write(self.key_path, _line(fresh))
        return len(opened)

    def _keys(self) -> dict[str, bytes]:
        """Return the master keys by id, the one in use first."""
        try:
            lines = read_bytes(self.key_path, self.key_path.parent, 4096).split()
        except Unreadable as error:
            raise VaultError(f"the master key {self.key_path}: {error}{_advice(error)}") from None
        try:
            keys = [base64.b64decode(line, validate=True) for line in lines]
        except binascii.Error:
            keys = []
        if not 1 <= len(keys) <= MAX_KEYS or any(len(key) != KEY_BYTES for key in keys):
            raise VaultError(f"the master key {self.key_path} is none: it wants {KEY_BYTES} bytes in base64")
        return {_id(key): key for key in keys}

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Sealed]]:
        """Let the block change the entries, one process at a time, and write them; nothing if it fails."""
        with self._locked():
            entries = dict(self.entries())
            yield entries
            self._store(entries)

    def _store(self, entries: Mapping[str, Sealed]) -> None:
        _write(self.path, msgspec.json.format(msgspec.json.encode(_File(_FORMAT, entries))) + b"\n")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with ExitStack() as stack:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(_lock(self.path.parent, fcntl.LOCK_EX))
            except OSError as error:
                raise VaultError(f"{self.path.parent} cannot be locked: {error.strerror}") from error
            self._sweep()
            yield

    def _sweep(self) -> None:
        """Remove what was left; nobody writes while we hold the lock."""
        for path in (self.path, self.key_path):
            files.sweep(path)


@contextmanager
def _lock(folder: Path, how: int) -> Iterator[None]:
    """Hold the lock of a folder. Raises `OSError`."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)


def _advice(error: Unreadable) -> str:
    """Return what to do about a file that cannot be read, where that is plain."""
    if str(error) == NO_FILE:
        return "; `commune-monitor secret key` makes one, a copy of the one there was is better"
    if str(error).endswith(os.strerror(errno.EACCES)):
        return "; it must be readable by the user that this runs as"
    return ""


def _seal(name: str, value: bytes, key: tuple[str, bytes], created: datetime, changed: datetime) -> Sealed:
    id, master = key
    nonce = secrets.token_bytes(12)
    return Sealed(id, nonce, AESGCM(master).encrypt(nonce, value, _bound_to(name, id)), created, changed)


def _open(name: str, entry: Sealed, keys: Mapping[str, bytes]) -> Secret:
    master = keys.get(entry.key)
    if master is None:
        raise VaultError(f"the secret {name!r} is sealed under another master key ({entry.key[:8]}…)")
    try:
        return Secret(AESGCM(master).decrypt(entry.nonce, entry.value, _bound_to(name, entry.key)).decode())
    except (InvalidTag, ValueError):
        raise VaultError(f"the secret {name!r} is damaged in the store; set it again") from None


def _is_no_time(time: datetime) -> bool:
    """Whether nobody can have stored something then, nor any time zone show it."""
    return time.tzinfo is None or not 2000 < time.year < 9999


def _bound_to(name: str, key: str) -> bytes:
    """Return what a value is sealed with besides itself: it opens under no other name and no other key."""
    return f"commune-monitor secret {_FORMAT}\n{name}\n{key}".encode()


def _id(key: bytes) -> str:
    """Return a name for a key that tells nothing about it."""
    return hashlib.sha256(b"commune-monitor master key\n" + key).hexdigest()[:32]


def _line(key: bytes) -> bytes:
    return base64.b64encode(key) + b"\n"


def _write(path: Path, content: bytes) -> None:
    """Write a file that only its owner reads, whole or not at all, durable when this returns."""
    try:
        files.replace(path, content, mode=0o600)
    except OSError as error:
        raise VaultError(f"{path} cannot be written: {error.strerror}") from error
