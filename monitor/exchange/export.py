"""The inventory for other programs: rows of a spreadsheet, targets of Prometheus. Never values of secrets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from inventory.model import Device, Inventory, Site
from monitor.exchange.columns import HEADINGS, row_of
from monitor.exchange.record import KEYS
from monitor.exchange.table import write_csv, write_xlsx


def rows(inventory: Inventory) -> Iterator[Mapping[str, str]]:
    """Yield one row a device, and one for a site without any, by our keys."""
    for site in inventory.sites.values():
        for device in site.devices:
            yield _of_site(site) | _of_device(device, inventory)
        if not site.devices:
            yield _of_site(site)


def _of_site(site: Site) -> dict[str, str]:
    place = site.location or ("", "")
    owner = site.owner.model_dump() if site.owner else {}
    return {
        "site": site.id,
        "site_name": site.name,
        "latitude": str(place[0]),
        "longitude": str(place[1]),
        **{f"owner.{key}": value for key, value in owner.items()},
    }


def _of_device(device: Device, inventory: Inventory) -> dict[str, str]:
    owner = inventory.owner_of(device.id)
    return {
        "device": device.name,
        "title": device.title,
        "address": device.address,
        "role": device.role,
        "profile": device.profile or "",
        "parent": ", ".join(parent.removeprefix(f"{device.site}/") for parent in device.parents),
        "tags": ", ".join(device.tags),
        **{f"owner.{key}": value for key, value in (owner.model_dump() if owner else {}).items()},
        **{f"credentials.{probe}": name for probe, name in device.credentials.items()},
    }


def csv(inventory: Inventory, language: str) -> bytes:
    """Return a CSV file with the headings that import knows."""
    return write_csv(_heads(language), (row_of(row, KEYS) for row in rows(inventory)))


def xlsx(inventory: Inventory, language: str) -> bytes:
    """Return an XLSX file with the headings that import knows."""
    title = "Inventory" if language == "en" else "Danh mục thiết bị"
    return write_xlsx(title, _heads(language), (row_of(row, KEYS) for row in rows(inventory)))


def file_sd(inventory: Inventory) -> bytes:
    """Return target groups for Prometheus' file-based service discovery: one a device, with its labels."""
    groups = [
        {"targets": [device.address], "labels": _labels(site, device)}
        for site in inventory.sites.values()
        for device in site.devices
    ]
    return msgspec.json.format(msgspec.json.encode(groups)) + b"\n"


def _labels(site: Site, device: Device) -> dict[str, str]:
    labels = {
        "site": site.id,
        "site_name": site.name,
        "province": site.commune.province if site.commune else "",
        "device": device.id,
        "role": device.role,
        "profile": device.profile or "",
    }
    return {name: value for name, value in labels.items() if value}


def _heads(language: str) -> list[str]:
    return [HEADINGS[key][language == "en"] for key in KEYS]
