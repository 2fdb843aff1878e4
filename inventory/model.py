"""The configuration items: sites, devices, roles, contacts, and the inventory that holds them all.

Frozen and strict; unknown keys are refused. The loader builds them from YAML and says where each mistake is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from inventory.secrets import CredentialSpec

NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")
NAME_RULE = "lower case letters a-z, digits, '.', '_', '-' (at most 63)"
Slug = Annotated[str, Field(pattern=rf"^{NAME.pattern}$")]
"""A name in identifiers and addresses of pages: lower case letters, digits, dot, dash, underscore."""


def listed(value: object) -> object:
    """Return one text as a list of one, and a list as pydantic's strict tuples want it.

    A number too, so that a commune's code without quotes is taken as the text that was written.
    """
    if isinstance(value, str) or (isinstance(value, int | float) and not isinstance(value, bool)):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


class Model(BaseModel):
    """Base of what is read from YAML."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Text(Model):
    """A text in both languages of the interface."""

    vi: str
    en: str

    def in_language(self, language: str) -> str:
        """Return the text in `language` (``"vi"`` or ``"en"``)."""
        return self.en if language == "en" else self.vi


class Contact(Model):
    """Who answers for something, and how to reach them."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    unit: Annotated[str, Field(max_length=200)] = ""
    phone: Annotated[str, Field(max_length=40)] = ""
    email: Annotated[str, Field(max_length=254)] = ""


class Commune(Model):
    """One commune of the official list."""

    code: str
    """Official code, five digits: ``"18073"``."""
    name: str
    """Full official name with its kind: ``"Phường Thành Sen"``."""
    kind: Literal["xã", "phường", "đặc khu"]
    province_code: str
    """Official code of the province, two digits: ``"42"``."""
    province: str
    middle: tuple[float, float] | None = None
    """Latitude and longitude of a point well inside it, in degrees (WGS 84), to some hundred metres."""


class CheckSpec(Model):
    """One check of a device as the inventory declares it, defaults of its role applied."""

    name: Slug
    probe: str
    params: BaseModel
    """The probe's own `Params`, validated."""
    interval: float
    """Seconds."""
    timeout: float
    """Seconds."""


ExpectedText = Annotated[str, Field(max_length=100)]


class Expected(Model):
    """What a device says of itself when it is the one that is meant; ``*`` stands for anything."""

    model: ExpectedText = ""
    firmware: ExpectedText = ""
    serial: ExpectedText = ""


class Device(Model):
    """One configuration item with an address."""

    id: str
    """``site/name``: ``"18073/router"``. Series, incidents and pages are keyed by it."""
    name: Slug
    site: str
    title: str
    """What people call it; the role's Vietnamese title when the inventory gives none."""
    title_en: str = ""
    """The role's English title in that case; ``""`` when `title` is a name given to this one device."""
    address: str
    role: str
    profile: str | None = None
    parents: tuple[str, ...] = ()
    """Ids of the devices through which this one is reached; down parents make it unreachable."""
    every_parent: bool = False
    """Whether it takes all of them to reach it; else one that lives is enough."""
    credentials: Mapping[str, str] = {}
    """Name of the credential to use, by probe."""
    owner: Contact | None = None
    """Who answers for it, where that is not the one who answers for the site."""
    tags: tuple[str, ...] = ()
    """Its own and those of the levels above it."""
    formerly: tuple[str, ...] = ()
    """Ids it had before; history under them is its own."""
    expect: Expected | None = None
    """What it should say of itself; what differs is reported."""
    checks: tuple[CheckSpec, ...] = ()

    def called(self, language: str) -> str:
        """Return what people call it in ``"vi"`` or ``"en"``."""
        return self.title_en if language == "en" and self.title_en else self.title


class Site(Model):
    """A commune office, or another place such as the data centre."""

    id: str
    """The official commune code, or a slug for what is no commune."""
    name: str
    kind: Literal["commune", "data_centre", "other"]
    commune: Commune | None = None
    owner: Contact | None = None
    """Who answers for the site: its own owner, else that of its province, else that of the defaults."""
    location: tuple[float, float] | None = None
    """Latitude and longitude in degrees (WGS 84)."""
    aliases: tuple[str, ...] = ()
    """Old names and codes by which people look for it."""
    formerly: tuple[str, ...] = ()
    """Ids it had before."""
    carrier: str = ""
    """Who carries its uplink; sites of one carrier in a province may fail together."""
    power_feed: str = ""
    """What feeds it with electricity; sites of one feed fail together."""
    devices: tuple[Device, ...] = ()

    @property
    def place(self) -> tuple[float, float] | None:
        """Where it lies: its `location`, else the middle of its commune; `None` where neither is known."""
        return self.location or (self.commune.middle if self.commune else None)


class Service(Model):
    """What people use: it runs on devices, and may need other services."""

    name: Slug
    title: Text
    runs_on: tuple[str, ...]
    """Ids of devices; it works while all of them do."""
    needs: tuple[str, ...]
    """Names of other services without which it does not work."""
    used_by: tuple[str, ...]
    """Patterns of the sites that use it; every commune when empty."""


class Role(Model):
    """What a device is for, and so what is checked by default."""

    name: Slug
    title: Text


class Need(Model):
    """Something that every site of a kind must have."""

    name: Slug
    title: Text
    roles: tuple[str, ...]
    """A device of any of these roles meets it."""
    count: int
    """How many such devices it takes."""


class Inventory:
    """Everything that is watched; immutable after construction. Iteration order is that of the files."""

    def __init__(
        self,
        sites: tuple[Site, ...],
        roles: Mapping[str, Role],
        credentials: Mapping[str, CredentialSpec],
        needs: Mapping[str, tuple[Need, ...]] = MappingProxyType({}),
        services: Mapping[str, Service] = MappingProxyType({}),
    ) -> None:
        self.sites: Mapping[str, Site] = {site.id: site for site in sites}
        self.roles = roles
        self.credentials = credentials
        self.needs = needs
        """What a site must have, by kind of site."""
        self.services = services
        """Every service by name."""

    @cached_property
    def devices(self) -> Mapping[str, Device]:
        """Every device by id."""
        return {device.id: device for site in self.sites.values() for device in site.devices}

    def site_of(self, device_id: str) -> Site:
        """Return the site a device belongs to. Raises `KeyError`."""
        return self.sites[device_id.partition("/")[0]]

    def owner_of(self, device_id: str) -> Contact | None:
        """Return who answers for a device: its own owner, or its site's."""
        return self.devices[device_id].owner or self.site_of(device_id).owner

    @cached_property
    def moved(self) -> Mapping[str, str]:
        """The present id of every device by each id it had before."""
        return {former: device.id for device in self.devices.values() for former in device.formerly}
