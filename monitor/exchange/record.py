"""A device as another system has it: values by our keys, each with the place it came from."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

KEYS = (
    "site",
    "site_name",
    "device",
    "title",
    "address",
    "role",
    "profile",
    "parent",
    "tags",
    "owner.name",
    "owner.unit",
    "owner.phone",
    "owner.email",
    "latitude",
    "longitude",
    "credentials.snmp",
    "credentials.ssh",
    "credentials.http",
)
"""What can be brought in and out."""


class Value(msgspec.Struct, frozen=True):
    """One text and where it stands: ``"devices.xlsx, sheet 'Thiết bị', row 7, column D"``."""

    text: str
    place: str


class Record(msgspec.Struct, frozen=True):
    """One device, or one site without a device."""

    place: str
    """Where the whole stands: ``"devices.csv, row 7"``."""
    values: Mapping[str, Value]
    """By one of `KEYS`; what is empty is left out."""

    def text(self, key: str) -> str:
        """Return a value, ``""`` when there is none."""
        found = self.values.get(key)
        return found.text if found else ""

    def where(self, key: str) -> str:
        """Return the place of a value, or of the whole record."""
        found = self.values.get(key)
        return f"{found.place} ({key})" if found else self.place


class Wrong(msgspec.Struct, frozen=True):
    """Something in a record that cannot be taken in."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"
