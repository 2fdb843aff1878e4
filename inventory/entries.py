"""The shapes of what people write in the inventory's YAML files, one model for each kind of entry."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

from inventory.communes import Communes
from inventory.duration import Duration
from inventory.model import NAME, NAME_RULE, Contact, Expected, Model, Slug, Text, listed
from inventory.network_policy import NetworkPolicy
from inventory.secrets import CredentialSpec
from inventory.selector import Patterns
from inventory.wording import shown, unknown

_HOST = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?")


def _address(text: str, info: ValidationInfo) -> str:
    """Accept an IP address of one machine, or a host name (RFC 1123, underscores tolerated).

    With a policy in the context, an address that it rules out is a mistake; where a name leads is seen when asking.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        last = text.rstrip(".").rpartition(".")[2]
        if len(text) > 253 or last.isdigit() or not _HOST.fullmatch(text):
            raise ValueError(f"wants an IP address or a host name, found the text {text[:60]!r}") from None
        return text.lower().rstrip(".")
    if address.is_multicast or address.is_unspecified or text == "255.255.255.255":
        raise ValueError(f"{address} is not the address of one machine")
    policy: NetworkPolicy | None = (info.context or {}).get("network")
    if policy is not None and (refusal := policy.refusal(str(address))):
        raise ValueError(refusal)
    return str(address)


def _role(name: str, info: ValidationInfo) -> str:
    known: Collection[str] = (info.context or {}).get("roles", ())
    if name not in known:
        raise ValueError(unknown("role", name, known))
    return name


def _profile(name: str, info: ValidationInfo) -> str:
    known: Collection[str] | None = (info.context or {}).get("profiles")
    if known is not None and name not in known:
        raise ValueError(unknown("profile", name, known))
    return name


def _province(code: str, info: ValidationInfo) -> str:
    communes: Communes | None = (info.context or {}).get("communes")
    if communes is not None and code not in communes.provinces:
        raise ValueError(communes.no_province(code))
    return code


def _site(key: str) -> str:
    if not NAME.fullmatch(key):
        raise ValueError(f"wants {NAME_RULE}; found {shown(key)}")
    return key


Address = Annotated[str, Field(min_length=1), AfterValidator(_address)]
RoleName = Annotated[str, AfterValidator(_role)]
RoleNames = Annotated[tuple[RoleName, ...], BeforeValidator(listed)]
ProvinceCode = Annotated[str, AfterValidator(_province)]
ProfileName = Annotated[str, AfterValidator(_profile)]
Title = Annotated[str, Field(min_length=1, max_length=100)]
SiteId = Annotated[str, AfterValidator(_site)]
FormerId = Annotated[str, Field(min_length=1, max_length=130)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]


class LevelEntry(Model):
    """What every device beneath a level inherits."""

    credentials: Mapping[str, str] = {}
    owner: Contact | None = None
    tags: tuple[Slug, ...] = ()
    checks: Mapping[str, Any] = {}


class DefaultsEntry(LevelEntry):
    """What holds for every device."""


class ProvinceEntry(LevelEntry):
    """What holds for every device of a province."""


class CommuneEntry(LevelEntry):
    """A site whose key is an official commune code."""

    location: tuple[Latitude, Longitude] | None = None
    aliases: Annotated[tuple[Title, ...], Field(max_length=50)] = ()
    formerly: Annotated[tuple[SiteId, ...], Field(max_length=20)] = ()
    carrier: Slug | None = None
    power_feed: Slug | None = None
    devices: Mapping[str, Any] = {}


class PlaceEntry(CommuneEntry):
    """A site that is no commune."""

    name: Title
    kind: Literal["data_centre", "other"] = "other"
    province: ProvinceCode | None = None


class DeviceEntry(Model):
    """A device."""

    address: Address
    role: RoleName
    title: Title | None = None
    profile: ProfileName | None = None
    parent: str | None = None
    parents: tuple[str, ...] | None = None
    every_parent: bool = False
    credentials: Mapping[str, str] = {}
    owner: Contact | None = None
    tags: tuple[Slug, ...] = ()
    formerly: Annotated[tuple[FormerId, ...], Field(max_length=20)] = ()
    expect: Expected | None = None
    checks: Mapping[str, Any] = {}


class CheckEntry(Model):
    """The inventory's own keys of a check; all others are parameters of its probe."""

    probe: str | None = None
    interval: Duration | None = None
    timeout: Duration | None = None
    enabled: bool = True


class RoleEntry(Model):
    """A role. Adding to a built-in one, only what differs is written."""

    title: Text | None = None
    behind: RoleNames | None = None
    checks: Mapping[str, Any] = {}


class NeedEntry(Model):
    """Something that every site of a kind must have. Changing a built-in one, only what differs is written."""

    title: Text | None = None
    roles: Annotated[RoleNames, Field(min_length=1)]
    count: Annotated[int, Field(ge=1, le=100)] = 1
    enabled: bool = True


Names = Annotated[tuple[str, ...], BeforeValidator(listed), Field(max_length=200)]


class ServiceEntry(Model):
    """A service."""

    title: Text | None = None
    runs_on: Names = ()
    needs: Names = ()
    used_by: Patterns = ()

    @model_validator(mode="after")
    def _something(self) -> ServiceEntry:
        if not (self.runs_on or self.needs):
            raise ValueError("wants runs_on, needs or both: else nothing tells whether it works")
        return self


class FileEntry(Model):
    """A whole file: any of these sections."""

    sites: Mapping[str, Any] = {}
    credentials: Mapping[Slug, CredentialSpec] = {}
    defaults: DefaultsEntry = DefaultsEntry()
    provinces: Mapping[str, ProvinceEntry] = {}
    roles: Mapping[Slug, Any] = {}
    coverage: Mapping[Literal["commune", "data_centre", "other"], Any] = {}
    services: Mapping[str, Any] = {}
