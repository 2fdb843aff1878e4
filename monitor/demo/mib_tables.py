"""What each kind of simulated device tells by SNMP.

Sources: SNMPv2-MIB, IF-MIB, HOST-RESOURCES-MIB, ENTITY-SENSOR-MIB, UPS-MIB (RFC 1628), UCD-SNMP-MIB.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from monitor.demo import faults
from monitor.demo.layout import DATA_CENTRE
from monitor.demo.mib import Mib, Moment, Reading, Variable, text, variable
from probes.snmp import ber

EXAMPLE = "1.3.6.1.4.1.32473"
"""The enterprise number for documentation (RFC 5612): what is simulated is no vendor's."""
_LINUX = "1.3.6.1.4.1.8072.3.2.10"
_UPS = "1.3.6.1.2.1.33"
_SENSOR = "1.3.6.1.2.1.99.1.1.1"
CORES = 4
MEMORY = 16 * 1024 * 1024
"""Of a server, in KiB."""
DISKS = (("/", 40 * 1024 * 1024, 0.41), ("/var", 200 * 1024 * 1024, 0.56))
"""Mount point, size in KiB, used share of a server's file systems."""
FULL = 0.97
HOT = 86.0


class Port(NamedTuple):
    """One network interface: its name, alias, speed in Mbit/s, average rates in bit/s, whether it is up."""

    name: str
    alias: str
    speed: int
    received: float
    sent: float
    up: bool = True


def used(moment: Moment, mount: str, share: float) -> float:
    """Return the used share of a file system, 0..1."""
    if mount == "/var" and moment.machine.has(faults.FILL_DISK):
        return FULL
    return share + moment.machine.place.seed % 7 / 100 + 0.002 * moment.level


def cpu(moment: Moment) -> float:
    """Return how busy the processors are, 0..1."""
    return 0.06 + 0.2 * moment.level


def memory_used(moment: Moment) -> float:
    """Return the used share of the memory, 0..1."""
    return 0.42 + moment.machine.place.seed % 11 / 100 + 0.04 * moment.level


def celsius(moment: Moment) -> float:
    """Return the temperature inside."""
    return HOT if moment.machine.has(faults.OVERHEAT) else 34.0 + 4.0 * moment.level


def mibs() -> dict[str, Mib]:
    """Return what each role tells."""
    wan = Port("ether1", "WAN TSLCD", 100, 6e6, 2e6)
    lan = tuple(Port(f"ether{n}", f"LAN {n - 1}", 1000, 1e6, 3e6, up=n < 5) for n in range(2, 6))
    ports = tuple(
        Port(f"gi1/0/{n}", "uplink" if n == 1 else "", 1000, 4e6 / n, 9e6 / n, up=n < 9) for n in range(1, 11)
    )
    server = (Port("lo", "", 10, 4e4, 4e4), Port("eth0", "", 1000, 3e6, 5e6))
    card = (Port("eth0", "", 100, 2e3, 3e3),)
    gear = (_processors(2), _memory(512 * 1024), _sensor())
    return {
        "router": _mib(
            _system("router", f"{EXAMPLE}.1.1", 78),
            _interfaces((wan, *lan)),
            *gear,
            _lldp({2: ("switch", "gi1/0/1")}),
        ),
        "firewall": _mib(
            _system("firewall", f"{EXAMPLE}.1.2", 78),
            _interfaces((wan, *lan[:2])),
            *gear,
            _lldp({2: ("bo-chuyen-mach-tang-2", "gi1/0/24")}),  # which the inventory does not have
        ),
        "switch": _mib(
            _system("switch", f"{EXAMPLE}.1.3", 2),
            _interfaces(ports),
            _sensor(),
            _lldp({1: ("router", "ether2"), 2: ("server", "eth0")}),
        ),
        "server": _mib(
            _system("linux", _LINUX, 72),
            _interfaces(server),
            _processors(CORES),
            _memory(MEMORY),
            _disks(),
            _ucd(),
            _sensor(),
        ),
        "ups": _mib(_system("ups", _UPS, 72), _interfaces(card), _ups()),
    }


def _mib(*groups: Iterator[Variable]) -> Mib:
    return Mib(variable for group in groups for variable in group)


def _scaled(index: int, factor: float, tag: int) -> Reading:
    """Return a counter of interface `index` that grows by `factor` a second on average."""
    mask = 0xFFFF_FFFF if tag == ber.COUNTER32 else 0xFFFF_FFFF_FFFF_FFFF
    return lambda moment: int(factor * moment.total_of(index)) & mask


def _describe(kind: str) -> Reading:
    if kind == "linux":
        return lambda moment: (
            f"Linux {_host(moment)} 6.1.0-28-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.1.119-1 x86_64".encode()
        )
    return lambda moment: f"Simulated {kind} of the demo province, version 7.2".encode()


def _host(moment: Moment) -> str:
    return f"{moment.machine.place.name}-{moment.machine.place.site}"


def _system(kind: str, object_id: str, services: int) -> Iterator[Variable]:
    base = "1.3.6.1.2.1.1"
    yield variable(f"{base}.1.0", ber.OCTETS, _describe(kind))
    yield variable(f"{base}.2.0", ber.OID, ber.oid(object_id))
    yield variable(f"{base}.3.0", ber.TIMETICKS, lambda moment: int(moment.uptime * 100) & 0xFFFF_FFFF)
    yield text(f"{base}.4.0", "demo@example.vn")
    yield text(f"{base}.5.0", _host)
    yield text(f"{base}.6.0", lambda moment: moment.machine.place.site)
    yield variable(f"{base}.7.0", ber.INTEGER, services)
    engine = "1.3.6.1.6.3.10.2.1"
    yield variable(f"{engine}.2.0", ber.INTEGER, 1)
    yield variable(f"{engine}.3.0", ber.INTEGER, lambda moment: int(moment.uptime))


def _interfaces(ports: tuple[Port, ...]) -> Iterator[Variable]:
    yield variable("1.3.6.1.2.1.2.1.0", ber.INTEGER, len(ports))
    yield variable("1.3.6.1.2.1.31.1.5.0", ber.TIMETICKS, 500)
    for index, port in enumerate(ports, 1):
        yield from _interface(index, port)
        yield from _traffic(index, port)


def _interface(index: int, port: Port) -> Iterator[Variable]:
    base, extended = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1"
    yield variable(f"{base}.1.{index}", ber.INTEGER, index)
    yield text(f"{base}.2.{index}", port.name)
    yield variable(f"{base}.3.{index}", ber.INTEGER, 24 if port.name == "lo" else 6)
    yield variable(f"{base}.4.{index}", ber.INTEGER, 1500)
    yield variable(f"{base}.5.{index}", ber.GAUGE32, port.speed * 1_000_000)
    yield variable(f"{base}.6.{index}", ber.OCTETS, lambda moment: _hardware_address(moment, index))
    yield variable(f"{base}.7.{index}", ber.INTEGER, 1 if port.up else 2)
    yield variable(f"{base}.8.{index}", ber.INTEGER, 1 if port.up else 2)
    yield variable(f"{base}.9.{index}", ber.TIMETICKS, 500)
    yield text(f"{extended}.1.{index}", port.name)
    yield variable(f"{extended}.15.{index}", ber.GAUGE32, port.speed)
    yield variable(f"{extended}.16.{index}", ber.INTEGER, 2)
    yield variable(f"{extended}.17.{index}", ber.INTEGER, 2 if port.name == "lo" else 1)
    yield text(f"{extended}.18.{index}", port.alias)
    yield variable(f"{extended}.19.{index}", ber.TIMETICKS, 0)


def _lldp(neighbours: Mapping[int, tuple[str, str]]) -> Iterator[Variable]:
    """Yield lldpRemTable (IEEE 802.1AB): at each interface the neighbour's name within the site, and its port."""
    base = "1.0.8802.1.1.2.1.4.1.1"
    for interface, (name, port) in neighbours.items():
        row = f"0.{interface}.1"
        yield variable(f"{base}.4.{row}", ber.INTEGER, 7)  # the chassis has a name of our own
        yield text(f"{base}.5.{row}", _neighbour(name))
        yield text(f"{base}.7.{row}", port)
        yield text(f"{base}.9.{row}", _neighbour(name))
        yield text(f"{base}.10.{row}", f"Simulated {name} of the demo province")


def _neighbour(name: str) -> Callable[[Moment], str]:
    """Return what a neighbour calls itself; in the data centre router and switch see the firewall between them."""

    def called(moment: Moment) -> str:
        between = moment.machine.place.site == DATA_CENTRE and name in ("router", "switch")
        return f"{'firewall' if between else name}-{moment.machine.place.site}"

    return called


def _hardware_address(moment: Moment, index: int) -> bytes:
    """Return a locally administered address."""
    return b"\x02\x42" + moment.machine.place.seed.to_bytes(4, "big")[1:] + bytes((index,))


def _traffic(index: int, port: Port) -> Iterator[Variable]:
    base, extended = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1"
    flows = (10, 6, port.received), (16, 10, port.sent)
    for old, new, rate in flows:
        octets = rate / 8 if port.up else 0.0
        yield variable(f"{base}.{old}.{index}", ber.COUNTER32, _scaled(index, octets, ber.COUNTER32))
        yield variable(
            f"{base}.{old + 1}.{index}", ber.COUNTER32, _scaled(index, octets / 700, ber.COUNTER32)
        )
        for problem in (old + 3, old + 4):
            yield variable(f"{base}.{problem}.{index}", ber.COUNTER32, 0)
        yield variable(f"{extended}.{new}.{index}", ber.COUNTER64, _scaled(index, octets, ber.COUNTER64))
        yield variable(
            f"{extended}.{new + 1}.{index}", ber.COUNTER64, _scaled(index, octets / 700, ber.COUNTER64)
        )


def _processors(count: int) -> Iterator[Variable]:
    base = "1.3.6.1.2.1.25"
    yield variable(f"{base}.1.1.0", ber.TIMETICKS, lambda moment: int(moment.uptime * 100) & 0xFFFF_FFFF)
    yield variable(f"{base}.1.5.0", ber.GAUGE32, 1)
    yield variable(f"{base}.1.6.0", ber.GAUGE32, lambda moment: 140 + int(20 * moment.level))
    for index in range(1, count + 1):
        row = 768 + index
        yield variable(f"{base}.3.2.1.1.{row}", ber.INTEGER, row)
        yield variable(f"{base}.3.2.1.2.{row}", ber.OID, ber.oid("1.3.6.1.2.1.25.3.1.3"))
        yield text(f"{base}.3.2.1.3.{row}", "Simulated processor")
        yield variable(f"{base}.3.3.1.1.{row}", ber.OID, ber.oid("0.0"))
        yield variable(f"{base}.3.3.1.2.{row}", ber.INTEGER, lambda moment: round(100 * cpu(moment)))


def _storage(index: int, kind: int, name: str, size: int, share: Reading) -> Iterator[Variable]:
    base = "1.3.6.1.2.1.25.2.3.1"
    yield variable(f"{base}.1.{index}", ber.INTEGER, index)
    yield variable(f"{base}.2.{index}", ber.OID, ber.oid(f"1.3.6.1.2.1.25.2.1.{kind}"))
    yield text(f"{base}.3.{index}", name)
    yield variable(f"{base}.4.{index}", ber.INTEGER, 4096)
    yield variable(f"{base}.5.{index}", ber.INTEGER, size // 4)
    yield variable(f"{base}.6.{index}", ber.INTEGER, lambda moment: int(size // 4 * _number(share(moment))))


def _number(value: ber.Value) -> float:
    return value if isinstance(value, int | float) else 0.0


def _memory(size: int) -> Iterator[Variable]:
    yield variable("1.3.6.1.2.1.25.2.2.0", ber.INTEGER, size)
    yield from _storage(1, 2, "Physical memory", size, memory_used)


def _disks() -> Iterator[Variable]:
    for index, (mount, size, share) in enumerate(DISKS, 31):
        yield from _storage(index, 4, mount, size, _share_of(mount, share))
    base = "1.3.6.1.4.1.2021.9.1"
    for index, (mount, size, share) in enumerate(DISKS, 1):
        ratio = _share_of(mount, share)
        yield variable(f"{base}.1.{index}", ber.INTEGER, index)
        yield text(f"{base}.2.{index}", mount)
        yield text(f"{base}.3.{index}", f"/dev/sda{index}")
        yield variable(f"{base}.6.{index}", ber.INTEGER, size)
        yield variable(f"{base}.8.{index}", ber.INTEGER, _times(size, ratio))
        yield variable(f"{base}.9.{index}", ber.INTEGER, _times(100, ratio))


def _share_of(mount: str, share: float) -> Reading:
    return lambda moment: used(moment, mount, share)


def _times(size: int, share: Reading) -> Reading:
    return lambda moment: int(size * _number(share(moment)))


def _ucd() -> Iterator[Variable]:
    base = "1.3.6.1.4.1.2021"
    for number, value in ((3, 4194304), (4, 4194304), (5, MEMORY), (14, MEMORY // 40)):
        yield variable(f"{base}.4.{number}.0", ber.INTEGER, value)
    for number, part in ((6, 0.4), (11, 0.45), (15, 0.6)):
        yield variable(f"{base}.4.{number}.0", ber.INTEGER, _unused(part))
    for index, minutes in enumerate((1, 5, 15), 1):
        yield variable(f"{base}.10.1.1.{index}", ber.INTEGER, index)
        yield text(f"{base}.10.1.2.{index}", f"Load-{minutes}")
        yield text(f"{base}.10.1.3.{index}", lambda moment: f"{CORES * cpu(moment):.2f}")
        yield variable(f"{base}.10.1.5.{index}", ber.INTEGER, lambda moment: int(100 * CORES * cpu(moment)))
    for number, part in ((50, 0.7), (52, 0.25), (54, 0.05), (56, 0.0), (61, 0.0), (51, 0.0), (64, 0.0)):
        yield variable(f"{base}.11.{number}.0", ber.COUNTER32, _ticks(part))
    yield variable(f"{base}.11.53.0", ber.COUNTER32, _idle_ticks)
    yield variable(f"{base}.11.67.0", ber.INTEGER, CORES)


def _unused(part: float) -> Reading:
    """Return `part` of the memory that is not used, in KiB."""
    return lambda moment: int(MEMORY * (1 - memory_used(moment)) * part)


def busy_seconds(moment: Moment) -> float:
    """Return how long one processor was busy since the start."""
    return 0.06 * moment.uptime + 0.2 * moment.total


def _ticks(part: float) -> Reading:
    return lambda moment: int(100 * CORES * part * busy_seconds(moment)) & 0xFFFF_FFFF


def _idle_ticks(moment: Moment) -> int:
    return int(100 * CORES * (moment.uptime - busy_seconds(moment))) & 0xFFFF_FFFF


def _sensor() -> Iterator[Variable]:
    yield text("1.3.6.1.2.1.47.1.1.1.1.2.1001", "Temperature inside")
    yield variable("1.3.6.1.2.1.47.1.1.1.1.5.1001", ber.INTEGER, 8)
    yield text("1.3.6.1.2.1.47.1.1.1.1.7.1001", "inside")
    for column, value in ((1, 8), (2, 9), (3, 1), (5, 1)):
        yield variable(f"{_SENSOR}.{column}.1001", ber.INTEGER, value)
    yield variable(f"{_SENSOR}.4.1001", ber.INTEGER, lambda moment: round(10 * celsius(moment)))
    yield text(f"{_SENSOR}.6.1001", "Celsius")


def on_battery(moment: Moment) -> float:
    """Return for how many seconds the mains have been away."""
    return max(0.0, moment.time - moment.machine.since(faults.UPS_ON_BATTERY))


def charge(moment: Moment) -> int:
    """Return what is left in the battery, percent."""
    return max(8, 100 - int(on_battery(moment) / 20))


def _ups() -> Iterator[Variable]:
    base = "1.3.6.1.2.1.33.1"
    for number, words in enumerate(("Simulated", "Demo UPS 3000", "1.0", "1.0", "UPS"), 1):
        yield text(f"{base}.1.{number}.0", words)
    yield variable(f"{base}.2.1.0", ber.INTEGER, lambda moment: 2 if charge(moment) > 20 else 3)
    yield variable(f"{base}.2.2.0", ber.INTEGER, lambda moment: int(on_battery(moment)))
    yield variable(f"{base}.2.3.0", ber.INTEGER, lambda moment: charge(moment) * 35 // 100)
    yield variable(f"{base}.2.4.0", ber.INTEGER, charge)
    yield variable(f"{base}.2.5.0", ber.INTEGER, lambda moment: 480 + charge(moment) // 2)
    yield variable(f"{base}.2.7.0", ber.INTEGER, lambda moment: round(celsius(moment) - 8))
    yield variable(f"{base}.3.1.0", ber.COUNTER32, _away)
    yield variable(f"{base}.3.2.0", ber.INTEGER, 1)
    yield variable(f"{base}.3.3.1.2.1", ber.INTEGER, lambda moment: 0 if _away(moment) else 500)
    yield variable(f"{base}.3.3.1.3.1", ber.INTEGER, lambda moment: 0 if _away(moment) else 226)
    yield variable(f"{base}.4.1.0", ber.INTEGER, lambda moment: 5 if _away(moment) else 3)
    yield variable(f"{base}.4.2.0", ber.INTEGER, 500)
    yield variable(f"{base}.4.3.0", ber.INTEGER, 1)
    yield variable(f"{base}.4.4.1.2.1", ber.INTEGER, 220)
    yield variable(f"{base}.4.4.1.5.1", ber.INTEGER, lambda moment: 18 + int(20 * moment.level))
    yield variable(f"{base}.6.1.0", ber.GAUGE32, _away)


def _away(moment: Moment) -> int:
    return int(moment.machine.has(faults.UPS_ON_BATTERY))
