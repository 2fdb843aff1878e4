"""Credentials: references in YAML, values elsewhere, of a type that cannot be printed.

A YAML file names where a value is: ``{file: snmp-auth}``, a file in the secrets folder, or ``{secret: snmp-auth}``, an
entry of the encrypted store (`inventory.vault`).
"""

from __future__ import annotations

import hmac
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from inventory.files import Unreadable, read_bytes

MAX_SECRET_BYTES = 64 * 1024


class Secret:
    """A value that appears in no repr, log, format, pickle or JSON; `reveal` is the only way to it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value, for the one library call that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "***"

    def __reduce__(self) -> str:
        raise TypeError("a Secret cannot be pickled")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(other._value.encode(), self._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)


class SecretMissing(Exception):
    """A referenced value cannot be read; the text says where it was expected and never its content."""


_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"
SecretName = Annotated[str, Field(pattern=_NAME)]


class Store(Protocol):
    """Where values are besides files; `inventory.vault.Vault` is one."""

    def read(self, name: str) -> Secret:
        """Return one value. Raises `SecretMissing`."""
        ...


class Secrets:
    """Where the values are that references name."""

    def __init__(self, folder: Path, store: Store | None = None) -> None:
        self.folder = folder
        self._store = store

    def in_file(self, name: str) -> Secret:
        """Return the value in a file of the folder, less one trailing newline. Raises `SecretMissing`."""
        found = _value(self.folder / name, self.folder)
        if isinstance(found, str):
            raise SecretMissing(f"the secret file {self.folder / name}: {found}")
        return found

    def in_store(self, name: str) -> Secret:
        """Return a value of the encrypted store. Raises `SecretMissing`."""
        if self._store is None:
            raise SecretMissing(f"the secret {name!r}: there is no encrypted store here")
        return self._store.read(name)


class SecretRef(BaseModel):
    """Where a value is: ``{file: NAME}`` in the secrets folder, or ``{secret: NAME}`` in the encrypted store."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")
    file: SecretName | None = None
    secret: SecretName | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.file is None) == (self.secret is None):
            raise ValueError("wants either 'file' or 'secret'")
        return self

    def read(self, secrets: Secrets) -> Secret:
        """Return the value. Raises `SecretMissing`."""
        return secrets.in_file(self.file) if self.file is not None else secrets.in_store(self.secret or "")


def _value(path: Path, folder: Path) -> Secret | str:
    """Return the secret in a file, or why there is none.

    Errors end here, because they carry the secret along: bytes that are no UTF-8, the variables of frames.
    """
    try:
        text = (
            read_bytes(path, folder, MAX_SECRET_BYTES).decode("utf-8").removesuffix("\n").removesuffix("\r")
        )
    except Unreadable as error:
        return str(error)
    except UnicodeDecodeError:
        return "is not UTF-8 text"
    return Secret(text) if text else "is empty"


def permissions_problem(path: Path) -> str | None:
    """Return what is wrong with who may read the secret file or folder `path`; `None` when nothing is."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return None
    if not mode & 0o077:
        return None
    right = "700" if path.is_dir() else "600"
    return f"others than its owner may use {path} (mode {mode:04o}); chmod {right} {path}"


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class SnmpV1Spec(_Spec):
    """SNMP v1 with a community, for devices that know nothing newer: no 64-bit counters, no GETBULK."""

    kind: Literal["snmp_v1"]
    community: SecretRef


class SnmpV2cSpec(_Spec):
    """SNMP v2c with a community."""

    kind: Literal["snmp_v2c"]
    community: SecretRef


class SnmpV3Spec(_Spec):
    """SNMP v3 with the user-based security model, authentication and privacy (authPriv)."""

    kind: Literal["snmp_v3"]
    user: Annotated[str, Field(min_length=1, max_length=32)]
    auth_protocol: Literal["MD5", "SHA1", "SHA224", "SHA256", "SHA384", "SHA512"] = "SHA256"
    auth_password: SecretRef
    priv_protocol: Literal["DES", "3DES", "AES128", "AES192", "AES256"] = "AES128"
    priv_password: SecretRef


class SshPasswordSpec(_Spec):
    """SSH with a password."""

    kind: Literal["ssh_password"]
    user: Annotated[str, Field(min_length=1, max_length=64)]
    password: SecretRef


class SshKeySpec(_Spec):
    """SSH with a private key (OpenSSH format), perhaps protected by a passphrase."""

    kind: Literal["ssh_key"]
    user: Annotated[str, Field(min_length=1, max_length=64)]
    key: SecretRef
    passphrase: SecretRef | None = None


class HttpBasicSpec(_Spec):
    """HTTP Basic authentication."""

    kind: Literal["http_basic"]
    user: Annotated[str, Field(min_length=1, max_length=128)]
    password: SecretRef


class HttpBearerSpec(_Spec):
    """An HTTP bearer token."""

    kind: Literal["http_bearer"]
    token: SecretRef


CredentialSpec = Annotated[
    SnmpV1Spec | SnmpV2cSpec | SnmpV3Spec | SshPasswordSpec | SshKeySpec | HttpBasicSpec | HttpBearerSpec,
    Field(discriminator="kind"),
]
"""A credential as the YAML declares it: references only."""


class Credential:
    """A credential with its values: `kind`, the plain settings of its spec, and `secrets` by field name."""

    __slots__ = ("kind", "secrets", "settings")

    def __init__(self, kind: str, settings: dict[str, str], secrets: dict[str, Secret]) -> None:
        self.kind = kind
        self.settings = settings
        self.secrets = secrets

    @property
    def user(self) -> str:
        """User name, ``""`` for kinds without one."""
        return self.settings.get("user", "")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Credential):
            return NotImplemented
        return (self.kind, self.settings, self.secrets) == (other.kind, other.settings, other.secrets)

    def __hash__(self) -> int:
        return hash((self.kind, *self.settings.values(), *self.secrets.values()))

    def __repr__(self) -> str:
        return f"Credential(kind={self.kind!r}, secrets={sorted(self.secrets)})"


def references(spec: BaseModel) -> Iterator[SecretRef]:
    """Yield every reference of a credential, or of what else names secrets."""
    for name in type(spec).model_fields:
        value = getattr(spec, name)
        for one in value.values() if isinstance(value, dict) else (value,):
            if isinstance(one, SecretRef):
                yield one


def resolve(spec: _Spec, values: Secrets) -> Credential:
    """Read every value `spec` refers to. Raises `SecretMissing`."""
    settings: dict[str, str] = {}
    secrets: dict[str, Secret] = {}
    for name in type(spec).model_fields:
        value = getattr(spec, name)
        if isinstance(value, SecretRef):
            secrets[name] = value.read(values)
        elif value is not None:
            settings[name] = str(value)
    return Credential(settings.pop("kind"), settings, secrets)
