"""Which devices the simulated province has, and on which loopback address each one answers.

Every device has an address of its own in 127.0.0.0/8 (Linux answers for the whole block) and ports above
1024, so that nothing needs the rights of root.
"""

from __future__ import annotations

import socket
import zlib
from collections.abc import Iterable, Iterator
from itertools import count

import msgspec

from inventory.model import Commune

SNMP_PORT = 1161
SSH_PORT = 2222
HTTP_PORT = 8080
HTTPS_PORT = 8443
SIP_PORT = 5060
TELNET_PORT = 2323
PHONE_PORT = 8088

NETWORKS = tuple(f"127.{second}" for second in range(42, 58))
"""A second demo on the same machine takes the second network, and so on."""

COMMUNE_ROLES = ("router", "switch", "server", "conference", "ups")
DATA_CENTRE = "ttdl"
SERVICES: dict[str, frozenset[str]] = {
    "router": frozenset({"snmp", "telnet"}),
    "switch": frozenset({"snmp", "telnet"}),
    "firewall": frozenset({"snmp", "telnet"}),
    "server": frozenset({"snmp", "ssh", "telnet"}),
    "conference": frozenset({"sip", "telnet"}),
    "ups": frozenset({"snmp", "telnet"}),
    "web": frozenset({"https"}),
}
"""What a device of a role serves; Telnet only when a fault opens it."""

_CALLED = {
    "router": "Bộ định tuyến",
    "switch": "Bộ chuyển mạch",
    "server": "Máy chủ",
    "conference": "Thiết bị hội nghị truyền hình",
    "ups": "Bộ lưu điện",
}


class Place(msgspec.Struct, frozen=True):
    """One simulated device. ``id`` is ``site/name``; ``title`` is empty where the role's own will do."""

    id: str
    role: str
    address: str
    title: str = ""

    @property
    def site(self) -> str:
        """Id of its site."""
        return self.id.partition("/")[0]

    @property
    def name(self) -> str:
        """Its name within the site."""
        return self.id.partition("/")[2]

    @property
    def called(self) -> str:
        """What people call it."""
        return self.title or _CALLED[self.role]

    @property
    def seed(self) -> int:
        """A number of its own that never changes, so that its values are its own."""
        return zlib.crc32(self.id.encode())

    @property
    def guards_snmp(self) -> bool:
        """Whether its agent wants SNMPv3: in the data centre they do."""
        return self.site == DATA_CENTRE

    def serves(self, service: str) -> bool:
        """Whether it answers `service`: ``snmp``, ``ssh``, ``https``, ``sip``, ``telnet``."""
        return service in SERVICES[self.role]


class SimulatedSite(msgspec.Struct, frozen=True):
    """A commune, or the data centre, with its devices."""

    id: str
    name: str
    places: tuple[Place, ...]


class Layout(msgspec.Struct, frozen=True):
    """The whole province."""

    sites: tuple[SimulatedSite, ...]

    @property
    def places(self) -> Iterator[Place]:
        """Every device."""
        return (place for site in self.sites for place in site.places)

    @property
    def phone(self) -> str:
        """Address of the phone of whoever is on duty."""
        first = next(self.places).address
        return f"{first.rpartition('.')[0]}.2"


_SYSTEMS = (
    ("dvc", "Cổng dịch vụ công của tỉnh"),
    ("motcua", "Hệ thống một cửa điện tử"),
    ("vanban", "Hệ thống quản lý văn bản và điều hành"),
    ("kho-du-lieu", "Kho dữ liệu dùng chung của tỉnh"),
    ("lgsp", "Trục liên thông LGSP – kết nối NDXP của bộ"),
)
_CORE = (
    ("router", "router", "Bộ định tuyến trung tâm"),
    ("firewall", "firewall", "Tường lửa trung tâm"),
    ("switch", "switch", "Bộ chuyển mạch lõi"),
    ("may-chu-1", "server", "Máy chủ ứng dụng"),
    ("may-chu-2", "server", "Máy chủ cơ sở dữ liệu"),
    ("mcu", "conference", "Thiết bị điều khiển hội nghị (MCU)"),
    ("ups", "ups", "Bộ lưu điện phòng máy"),
)


def lay_out(communes: Iterable[Commune], network: str) -> Layout:
    """Place the data centre and `communes` in `network` (``"127.42"``), site by site in the third number."""
    numbers = count(1)
    return Layout(
        (
            _data_centre(f"{network}.0"),
            *(_commune(commune, f"{network}.{next(numbers)}") for commune in communes),
        )
    )


def claim_network() -> tuple[str, socket.socket]:
    """Take the first of `NETWORKS` that nobody has. It is ours until the socket is closed.

    Raises `OSError` when all are taken.
    """
    for network in NETWORKS:
        claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            claim.bind((f"{network}.255.254", SNMP_PORT))
        except OSError:
            claim.close()
        else:
            return network, claim
    raise OSError(f"every network from {NETWORKS[0]} to {NETWORKS[-1]} is in use (is this Linux?)")


def _data_centre(prefix: str) -> SimulatedSite:
    core = [
        Place(f"{DATA_CENTRE}/{name}", role, f"{prefix}.{number}", title)
        for number, (name, role, title) in enumerate(_CORE, 10)
    ]
    systems = [
        Place(f"{DATA_CENTRE}/{name}", "web", f"{prefix}.{number}", title)
        for number, (name, title) in enumerate(_SYSTEMS, 30)
    ]
    return SimulatedSite(DATA_CENTRE, "Trung tâm dữ liệu tỉnh", (*core, *systems))


def _commune(commune: Commune, prefix: str) -> SimulatedSite:
    places = (
        Place(f"{commune.code}/{role}", role, f"{prefix}.{number}")
        for number, role in enumerate(COMMUNE_ROLES, 1)
    )
    return SimulatedSite(commune.code, commune.name, tuple(places))
