"""Which column of a spreadsheet is which key: by its heading in Vietnamese or English, or as the user says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from inventory.communes import folded
from inventory.wording import unknown
from monitor.exchange.record import KEYS, Record, Value, Wrong
from monitor.exchange.table import Table

HEADINGS: Mapping[str, tuple[str, str]] = {
    "site": ("Mã xã", "Site"),
    "site_name": ("Xã, phường", "Site name"),
    "device": ("Mã thiết bị", "Device"),
    "title": ("Tên thiết bị", "Title"),
    "address": ("Địa chỉ IP", "Address"),
    "role": ("Vai trò", "Role"),
    "profile": ("Mẫu thiết bị", "Profile"),
    "parent": ("Kết nối qua", "Parent"),
    "tags": ("Nhãn", "Tags"),
    "owner.name": ("Cán bộ phụ trách", "Owner"),
    "owner.unit": ("Đơn vị", "Unit"),
    "owner.phone": ("Điện thoại", "Phone"),
    "owner.email": ("Thư điện tử", "E-mail"),
    "latitude": ("Vĩ độ", "Latitude"),
    "longitude": ("Kinh độ", "Longitude"),
    "credentials.snmp": ("Thông tin SNMP", "SNMP credential"),
    "credentials.ssh": ("Thông tin SSH", "SSH credential"),
    "credentials.http": ("Thông tin HTTP", "HTTP credential"),
}
"""The heading of each key in Vietnamese and English, as export writes it."""
_ALSO: Mapping[str, tuple[str, ...]] = {
    "site": ("mã", "mã đơn vị hành chính", "mã phường xã", "commune code", "code", "mã xã phường"),
    "site_name": ("xã phường", "tên xã", "tên đơn vị", "commune", "phường xã", "địa phương", "điểm"),
    "device": ("name", "hostname", "device name", "tên máy"),
    "title": ("thiết bị", "tên"),
    "address": ("ip", "địa chỉ", "ip address", "address ip"),
    "role": ("loại", "loại thiết bị", "type", "device role"),
    "parent": ("thiết bị cấp trên", "uplink"),
    "owner.name": ("người phụ trách", "cán bộ", "đầu mối kỹ thuật", "contact", "họ và tên"),
    "owner.unit": ("đơn vị quản lý", "đơn vị vận hành", "department"),
    "owner.phone": ("số điện thoại", "sđt", "di động", "telephone", "mobile"),
    "owner.email": ("email", "mail", "hộp thư"),
    "tags": ("tag", "nhóm thiết bị"),
    "latitude": ("lat",),
    "longitude": ("lon", "lng", "long"),
}
_SECRET = frozenset({"mat khau", "password", "community", "chuoi community", "secret", "token", "khoa"})
_PASSED_OVER = frozenset(
    {"stt", "so tt", "ghi chu", "note", "notes", "tinh", "province", "ten tinh", "#", ""}
)
"""Headings that say nothing the inventory keeps."""


def _known() -> dict[str, str]:
    found = {_plain(name): key for key, names in HEADINGS.items() for name in names}
    found |= {_plain(name): key for key, names in _ALSO.items() for name in names}
    return found | {_plain(key): key for key in KEYS}


def _plain(heading: str) -> str:
    """Compare headings without tone marks, capitals and punctuation; ``folded`` would drop a leading "xã"."""
    return folded(f"x {heading}").removeprefix("x").strip()


def columns(table: Table, mapping: Mapping[str, str], wrong: list[Wrong]) -> dict[int, str]:
    """Return the key of each column that has one; headings nobody knows go to `wrong`.

    `mapping` gives keys to headings, and ``"-"`` to those to be left out.
    """
    known, own = _known(), {_plain(heading): key for heading, key in mapping.items()}
    found: dict[int, str] = {}
    for index, heading in enumerate(table.heads):
        plain = _plain(heading)
        key = own.get(plain) or known.get(plain)
        place = table.place(table.head_row, index)
        if plain in _SECRET and plain not in own:
            wrong.append(
                Wrong(
                    place, f"{heading!r}: secrets are not imported; `commune-monitor secret set` keeps them"
                )
            )
        elif key in found.values() and key != "-":
            wrong.append(
                Wrong(
                    place,
                    f"{heading!r}: there is a column for {key} already; leave one out with --map '{heading}=-'",
                )
            )
        elif key is None and plain not in _PASSED_OVER:
            advice = f"say what it is with --map '{heading}=KEY', or '{heading}=-' to leave it out"
            wrong.append(Wrong(place, f"{unknown('column', heading, KEYS)}; {advice}"))
        elif key is not None and key != "-":
            found[index] = key
    return found


def records(table: Table, keys: Mapping[int, str]) -> Iterator[Record]:
    """Yield a record for each row that holds anything."""
    for number, cells in table.rows:
        values = {
            key: Value(cells[index], table.place(number, index))
            for index, key in keys.items()
            if index < len(cells) and cells[index]
        }
        if values:
            yield Record(table.place(number), values)


def row_of(record: Mapping[str, str], keys: Sequence[str]) -> list[str]:
    """Return the cells of one row."""
    return [record.get(key, "") for key in keys]
