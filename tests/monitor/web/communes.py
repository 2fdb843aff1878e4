"""The sites of the province to look at: Hà Tĩnh's 69 communes and the data centre, with their checks."""

from __future__ import annotations

from inventory.communes import Communes
from inventory.model import Commune, Contact, Device, Inventory, Role, Site, Text
from probes.core.probe import Check, Params, Target

ROLES = {
    "router": ("Bộ định tuyến", "Router", ()),
    "switch": ("Bộ chuyển mạch", "Switch", ("router",)),
    "server": ("Máy chủ", "Server", ("switch",)),
    "conference": ("Thiết bị hội nghị truyền hình", "Conference unit", ("switch",)),
    "ups": ("Bộ lưu điện", "UPS", ("switch",)),
    "web": ("Hệ thống web", "Web system", ()),
}


SYSTEMS = {
    "cong-dvc": "Cổng dịch vụ công",
    "mot-cua": "Một cửa điện tử",
    "van-ban": "Quản lý văn bản",
    "kho-du-lieu": "Kho dữ liệu",
    "truc-lien-thong": "Trục liên thông",
}


class NoParams(Params):
    """Nothing to set."""


def build_inventory() -> Inventory:
    """Return the communes with five devices each, and the data centre."""
    roles = {name: Role(name=name, title=Text(vi=vi, en=en)) for name, (vi, en, _) in ROLES.items()}
    sites = [_site(commune, number) for number, commune in enumerate(Communes.load().province("42"))]
    systems = tuple(
        Device(
            id=f"ttdl/{name}",
            name=name,
            site="ttdl",
            title=title,
            address=f"127.42.0.{number + 10}",
            role="web",
        )
        for number, (name, title) in enumerate(SYSTEMS.items())
    )
    owner = Contact(name="Trần Thị B", unit="Sở Khoa học và Công nghệ", phone="0239 385 0000")
    centre = Site(id="ttdl", name="Trung tâm dữ liệu tỉnh", kind="data_centre", owner=owner, devices=systems)
    return Inventory((centre, *sites), roles, {})


def _site(commune: Commune, number: int) -> Site:
    devices = tuple(
        Device(
            id=f"{commune.code}/{name}",
            name=name,
            site=commune.code,
            title=vi,
            address=f"127.42.{number + 1}.{at + 1}",
            role=name,
            parents=tuple(f"{commune.code}/{parent}" for parent in parents),
        )
        for at, (name, (vi, _, parents)) in enumerate(list(ROLES.items())[:5])
    )
    owner = Contact(name="Nguyễn Văn A", unit=f"UBND {commune.name}", phone="0912 345 678")
    return Site(
        id=commune.code, name=commune.name, kind="commune", commune=commune, owner=owner, devices=devices
    )


def build_checks(inventory: Inventory) -> list[Check]:
    """Return three checks a device."""
    return [
        Check(name, name, Target(device.id, device.address), NoParams(), 60.0, 10.0)
        for device in inventory.devices.values()
        for name in ("icmp", "snmp", "ssh" if device.role == "server" else "sip")
    ]
