"""What the settings file says of access."""

from __future__ import annotations

import re
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, field_validator, model_validator

from inventory.duration import Duration
from inventory.model import Model, listed
from inventory.network_policy import is_loopback
from inventory.secrets import SecretRef
from monitor.access.permission import Role
from monitor.access.scope import parse_scope

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


def _role(value: object) -> object:
    return Role(value) if isinstance(value, str) and value in tuple(Role) else value


RolesListed = Annotated[
    tuple[Annotated[Role, BeforeValidator(_role)], ...], BeforeValidator(listed), Field(max_length=3)
]
"""One role, or a list of them."""


class RoleOfGroup(Model):
    """Which role, and where, the members of a group have."""

    group: Annotated[str, Field(min_length=1, max_length=500)]
    """As the directory or provider writes it; ``*`` for everybody it knows."""
    role: Role
    sites: str = ""
    """Sites as ``commune-monitor user --sites`` takes them; every site when empty."""

    @field_validator("role", mode="before")
    @classmethod
    def _role(cls, value: object) -> object:
        return _role(value)

    @field_validator("sites")
    @classmethod
    def _sites(cls, value: str) -> str:
        parse_scope(value)
        return value


RolesOfGroups = Annotated[
    tuple[RoleOfGroup, ...], BeforeValidator(listed), Field(min_length=1, max_length=1000)
]
"""The first that fits counts; whoever is in none of the groups is not let in."""
HttpsUrl = Annotated[str, Field(pattern=r"^https?://[^\s@?#]{1,500}$")]


class OidcSettings(Model):
    """Single sign-on by OpenID Connect: authorization code with PKCE."""

    issuer: HttpsUrl
    """What the provider calls itself, without ``/.well-known/…``; HTTPS unless it is on this machine."""
    client_id: Annotated[str, Field(min_length=1, max_length=200)]
    client_secret: SecretRef | None = None
    title: Annotated[str, Field(min_length=1, max_length=100)] = "SSO"
    """What the button of the sign-in says."""
    scopes: Annotated[tuple[str, ...], BeforeValidator(listed)] = ("openid", "profile", "email")
    groups: Annotated[str, Field(min_length=1, max_length=100)] = "groups"
    """The claim of the id token that lists groups."""
    roles: RolesOfGroups
    ca_file: str | None = None
    """Authorities to trust, PEM, seen from the settings file; those of the system unless given."""

    @field_validator("issuer")
    @classmethod
    def _encrypted(cls, value: str) -> str:
        if value.startswith("http:") and not is_loopback(urlsplit(value).hostname or ""):
            raise ValueError("the issuer must be https, for whoever is on the way could sign anybody in")
        return value.rstrip("/")


class LdapSettings(Model):
    """Sign-in with the directory: the password is tried there, groups say the role."""

    servers: Annotated[tuple[str, ...], BeforeValidator(listed), Field(min_length=1, max_length=5)]
    """``ldaps://host`` or ``ldap://host``, which is encrypted by StartTLS; tried in this order."""
    ca_file: str | None = None
    """Authorities to trust, PEM, seen from the settings file; those of the system unless given."""
    bind_as: str = ""
    """Name to bind as, with ``{name}`` in it, where names follow a pattern: ``{name}@tinh.local``."""
    search_as: str = ""
    """Name of an account that may search, where they do not; the user is found and bound as."""
    search_password: SecretRef | None = None
    base: Annotated[str, Field(min_length=1, max_length=500)]
    """Where people are."""
    filter: Annotated[str, Field(min_length=3, max_length=500)] = "(uid={name})"
    """How a person is found; ``(sAMAccountName={name})`` in Active Directory."""
    title: str = "cn"
    """Attribute with the full name."""
    groups: str = "memberOf"
    """Attribute of a person that lists groups."""
    group_base: str = ""
    """Where groups are, when they list their members instead."""
    group_filter: str = "(member={dn})"
    roles: RolesOfGroups

    @field_validator("servers")
    @classmethod
    def _servers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for server in value:
            if not re.fullmatch(r"ldaps?://[A-Za-z0-9.:\[\]-]{1,255}", server):
                raise ValueError(
                    f"wants ldaps://host or ldap://host, perhaps with a port, found {server[:80]!r}"
                )
        return value

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.bind_as) == bool(self.search_as):
            raise ValueError("wants either bind_as with {name}, or search_as and search_password")
        if self.search_as and self.search_password is None:
            raise ValueError("search_as wants search_password: an anonymous search would prove nothing")
        for text in filter(None, (self.bind_as, self.filter)):
            if "{name}" not in text:
                raise ValueError(f"wants {{name}} in {text!r}")
        return self
