"""The demo's inventory as a newcomer finds it: YAML to read and to change, one file for each commune."""

from __future__ import annotations

import random
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from alerts.telling.notifier import FOR_PEOPLE
from inventory.communes import folded
from monitor.demo import snmp_user
from monitor.demo.layout import (
    DATA_CENTRE,
    HTTPS_PORT,
    PHONE_PORT,
    SIP_PORT,
    SNMP_PORT,
    SSH_PORT,
    TELNET_PORT,
    Layout,
    Place,
    SimulatedSite,
)
from monitor.demo.ssh_server import USER

COMMUNITY_FILE = "snmp-demo"
AUTH_FILE = "snmp-demo-v3-auth"
PRIV_FILE = "snmp-demo-v3-priv"
KEY_FILE = "ssh-demo"
_FAMILY = ("Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Phan", "Võ", "Đặng", "Bùi", "Hồ", "Dương", "Đinh")
_MIDDLE = ("Văn", "Thị", "Đức", "Ngọc", "Minh", "Hữu", "Quang", "Thanh")
_GIVEN = ("An", "Bình", "Cường", "Dung", "Hà", "Hải", "Hương", "Lan", "Long", "Nam", "Phúc", "Sơn", "Tâm")
_CARRIERS = ("vnpt", "viettel", "mobifone")
_FEEDS = tuple(f"dien-luc-{number}" for number in range(1, 9))
_SERVICES = """\
services:
  cong-dvc: {title: {vi: Cổng dịch vụ công, en: Citizen portal}, runs_on: ttdl/dvc, needs: [mot-cua]}
  mot-cua: {title: {vi: Một cửa điện tử, en: One-stop desk}, runs_on: ttdl/motcua, needs: [lgsp, kho-du-lieu]}
  van-ban: {title: {vi: Văn bản và điều hành, en: Documents}, runs_on: ttdl/vanban, needs: [lgsp]}
  kho-du-lieu: {title: {vi: Kho dữ liệu dùng chung, en: Shared data}, runs_on: ttdl/kho-du-lieu}
  lgsp: {title: {vi: Trục liên thông LGSP, en: Integration bus (LGSP)}, runs_on: ttdl/lgsp}

"""
_SIMULATED = (
    "# Tỉnh mô phỏng: sửa thoải mái, tệp đã sửa được giữ nguyên. / Simulated: a file you change is kept.\n"
)

_GEAR = """\
    checks:
      icmp: {{enabled: false}}
      snmp: {{port: {snmp}, interval: 20s, timeout: 8s}}
      telnet: {{probe: tcp, port: {telnet}, expect: closed, banner: true, interval: 20s, timeout: 4s}}
      community: {{probe: snmp_community, port: {snmp}, interval: 1m, timeout: 10s}}
      neighbours: {{port: {snmp}}}
      plain: {{enabled: false}}
"""
_ROLES = """\
# What differs from the ordinary roles. The kernel itself answers a ping to a loopback address, even for a
# device that is switched off, so nothing is pinged here; ports are above 1024, so that nobody has to be root.
roles:
  router:
{gear}  firewall:
{gear}  switch:
{gear}  server:
    checks:
      icmp: {{enabled: false}}
      snmp: {{port: {snmp}, interval: 20s, timeout: 8s}}
      ssh: {{port: {ssh}, interval: 20s, timeout: 8s}}
      telnet: {{probe: tcp, port: {telnet}, expect: closed, banner: true, interval: 20s, timeout: 4s}}
      community: {{probe: snmp_community, port: {snmp}, interval: 1m, timeout: 10s}}
  conference:
    checks:
      icmp: {{enabled: false}}
      sip: {{port: {sip}, wait: 4, interval: 20s, timeout: 8s}}
      telnet: {{probe: tcp, port: {telnet}, expect: closed, banner: true, interval: 20s, timeout: 4s}}
      community: {{enabled: false}}
      plain: {{enabled: false}}
  ups:
    checks:
      icmp: {{enabled: false}}
      snmp: {{port: {snmp}, interval: 20s, timeout: 8s}}
      telnet: {{probe: tcp, port: {telnet}, expect: closed, banner: true, interval: 20s, timeout: 4s}}
      community: {{probe: snmp_community, port: {snmp}, interval: 1m, timeout: 10s}}
  web:
    checks:
      http:
        url: "https://{{address}}:{https}/"
        ca_file: "{ca}"
        body_contains: "đăng nhập"
        interval: 20s
        timeout: 8s
      tls: {{port: {https}, ca_file: "{ca}", interval: 1m}}
"""
_COMMON = """\
credentials:
  snmp-demo: {{kind: snmp_v2c, community: {{file: {community}}}}}
  snmp-demo-v3:
    kind: snmp_v3
    user: {user_v3}
    auth_protocol: {auth_protocol}
    auth_password: {{file: {auth}}}
    priv_protocol: {priv_protocol}
    priv_password: {{file: {priv}}}
  ssh-demo: {{kind: ssh_key, user: {user}, key: {{file: {key}}}}}

defaults:
  credentials: {{snmp: snmp-demo, snmp_community: snmp-demo, ssh: ssh-demo}}

"""


def settings_file(port: int, phone: str) -> str:
    """Return the settings file of the demo; `phone` is the address of the simulated phone."""
    return (
        f"{_SIMULATED}inventory: inventory\ndata: data\nsecrets: secrets\n"
        f"web: {{port: {port}, editing: true, login: false}}\n"
        "duty: duty.yaml\n"
        "maintenance: maintenance.yaml\n"
        "notifiers: # điện thoại mô phỏng, xem trang /demo/phone / a simulated phone, see the page /demo/phone\n"
        f"  dien-thoai: {{kind: webhook, url: 'http://{phone}:{PHONE_PORT}/messages', allow: 127.0.0.0/8,"
        f" limit: {{messages: {FOR_PEOPLE.messages}, per: {FOR_PEOPLE.per:g}s}}}}\n"
        "network: {allow: 127.0.0.0/8} # thiết bị mô phỏng ở ngay máy này / simulated devices are on this machine\n"
    )


def duty_file() -> str:
    """Return the duty file of the demo: who is on duty, who is told when."""
    return files("monitor.demo").joinpath("duty.yaml").read_text("utf-8")


def maintenance_file() -> str:
    """Return the planned maintenance of the demo."""
    return files("monitor.demo").joinpath("maintenance.yaml").read_text("utf-8")


def inventory_files(layout: Layout, authority: Path) -> Iterator[tuple[str, str]]:
    """Yield name and text of each file. `authority` is the certificate of the web systems' authority."""
    yield "00-chung.yaml", _SIMULATED + _common(authority)
    for site in layout.sites:
        yield _file_name(site), _SIMULATED + _site(site)


def _common(authority: Path) -> str:
    common = _COMMON.format(
        **{"community": COMMUNITY_FILE, "key": KEY_FILE, "user": USER},
        **{"user_v3": snmp_user.USER, "auth": AUTH_FILE, "priv": PRIV_FILE},
        **{"auth_protocol": snmp_user.AUTH_PROTOCOL, "priv_protocol": snmp_user.PRIV_PROTOCOL},
    )
    ports = {"snmp": SNMP_PORT, "ssh": SSH_PORT, "sip": SIP_PORT, "telnet": TELNET_PORT, "https": HTTPS_PORT}
    return common + _SERVICES + _ROLES.format(gear=_GEAR.format(**ports), ca=_escaped(authority), **ports)


def _escaped(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace('"', '\\"')


def _file_name(site: SimulatedSite) -> str:
    if site.id == DATA_CENTRE:
        return f"{site.id}.yaml"
    return f"{site.id}-{folded(site.name).replace(' ', '-')}.yaml"


def _site(site: SimulatedSite) -> str:
    head = f"sites:\n  {site.id}:"
    if site.id == DATA_CENTRE:
        head += f"\n    name: {site.name}\n    kind: data_centre"
        head += "\n    credentials: {snmp: snmp-demo-v3, snmp_community: snmp-demo-v3}"
    else:
        head += (
            f"  # {site.name}\n    carrier: {_drawn(site, _CARRIERS)}\n    power_feed: {_drawn(site, _FEEDS)}"
        )
    devices = "".join(_device(place) for place in site.places)
    return f"{head}\n    owner: {_owner(site)}\n    devices:\n{devices}"


def _drawn(site: SimulatedSite, names: tuple[str, ...]) -> str:
    return random.Random(f"{site.id} {names[0]}").choice(names)  # noqa: S311 - names, no secret


def _device(place: Place) -> str:
    title = f', title: "{place.title}"' if place.title else ""
    return f"      {place.name}: {{address: {place.address}, role: {place.role}{title}}}\n"


def _owner(site: SimulatedSite) -> str:
    """Return an invented person."""
    draw = random.Random(site.id)  # noqa: S311 - names, no secret
    name = f"{draw.choice(_FAMILY)} {draw.choice(_MIDDLE)} {draw.choice(_GIVEN)}"
    unit = f"UBND {site.name}" if site.id != DATA_CENTRE else site.name
    phone = f"0239 000 {draw.randrange(1000):03}"
    return f'{{name: {name}, unit: {unit}, phone: "{phone}", email: {site.id}@example.vn}}'
