"""A small province in memory, with a clock that is turned by hand: what the tests of the engine share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from alerts.incident import DeviceState, Incident, Status, Step, Transition, Words
from alerts.judging.decision import Decision, Standing
from alerts.judging.engine import Engine
from alerts.rule import RuleBook, RuleFile, load_rules
from inventory import document
from inventory.model import CheckSpec, Contact, Device, Inventory, Role, Site, Text
from probes.core.observation import Fact, Labels, Observation, Outcome, Sample
from probes.core.probe import Params

START = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
OWNER = Contact(name="Nguyễn Văn A", unit="UBND xã Thạch Hà", phone="0912345678")


def check(name: str, probe: str = "", interval: float = 60.0) -> CheckSpec:
    """A check as the inventory declares it."""
    return CheckSpec(name=name, probe=probe or name, params=Params(), interval=interval, timeout=10.0)


def device(name: str, *parents: str, site: str = "18562", checks: tuple[CheckSpec, ...] = ()) -> Device:
    """A device with ping and SNMP unless told otherwise."""
    return Device(
        id=f"{site}/{name}",
        name=name,
        site=site,
        title=f"{name} xã",
        address="192.0.2.1",
        role=name,
        parents=tuple(f"{site}/{parent}" for parent in parents),
        checks=checks or (check("icmp"), check("snmp")),
    )


def inventory(*devices: Device) -> Inventory:
    """An inventory of one commune for each site named."""
    sites = {device.site for device in devices}
    return Inventory(
        tuple(
            Site(
                id=site,
                name="Xã Thạch Hà",
                kind="commune",
                owner=OWNER,
                devices=tuple(device for device in devices if device.site == site),
            )
            for site in sorted(sites)
        ),
        {
            device.role: Role(name=device.role, title=Text(vi=device.role, en=device.role))
            for device in devices
        },
        {},
    )


def rules(folder: Path, text: str) -> RuleBook:
    """Rules written as YAML."""
    path = folder / "rules.yaml"
    path.write_text(text, encoding="utf-8")
    return RuleBook(document.load(path, RuleFile).rules)


def built_in() -> RuleBook:
    """The rules that come with the product."""
    from alerts.rule import BUILT_IN

    return load_rules(*BUILT_IN)


class Watch:
    """An engine under test, and everything it decided."""

    def __init__(self, book: RuleBook, devices: Inventory, incidents: tuple[Incident, ...] = ()) -> None:
        self.book = book
        self.inventory = devices
        self.engine = Engine(book, devices, incidents)
        self.now = START
        self.before = incidents
        self.transitions: list[Transition] = []
        self.status: dict[str, Standing] = {}
        self.last = Decision()

    def wait(self, seconds: float) -> Watch:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)
        return self

    def see(
        self,
        check_id: str,
        outcome: Outcome = Outcome.OK,
        *,
        facts: tuple[Fact, ...] = (),
        samples: tuple[Sample, ...] = (),
        detail: str = "",
        took: float = 0.5,
    ) -> Watch:
        """Give the engine one attempt that takes `took` seconds (three when silent), right after the last."""
        device_id, _, name = check_id.partition(":")
        specs = self.inventory.devices[device_id].checks if device_id in self.inventory.devices else ()
        probe = next((spec.probe for spec in specs if spec.name == name), name)
        duration = 3.0 if outcome.is_silence else took
        self.wait(duration)
        seen = Observation(device_id, name, probe, self.now, duration, outcome, detail, samples, facts)
        return self._note(self.engine.take(seen, self.now))

    def tick(self) -> Watch:
        """Let the engine notice the time."""
        return self._note(self.engine.tick(self.now))

    def follow(self, devices: Inventory, book: RuleBook | None = None) -> Watch:
        """Give the engine another inventory and perhaps other rules."""
        self.inventory, self.book = devices, book or self.book
        return self._note(self.engine.follow(self.book, devices, self.now))

    def reason(self, device_id: str) -> Words:
        """Why the device is in its state."""
        return self.status[device_id].reason

    def state(self, device_id: str) -> DeviceState:
        """State last decided; no_data before."""
        return self.status[device_id].state if device_id in self.status else DeviceState.NO_DATA

    @property
    def steps(self) -> list[tuple[str, str, str, Step]]:
        """Rule, device's name, subject and step of every transition so far."""
        return [(t.key.rule, t.key.device.partition("/")[2], t.key.subject, t.step) for t in self.transitions]

    def open_incidents(self) -> tuple[Incident, ...]:
        """What the ledger would hold open."""
        held: dict[object, Incident] = {incident.key: incident for incident in self.before}
        for number, t in enumerate(self.transitions, 1):
            if t.step is Step.RESOLVED:
                del held[t.key]
            else:
                opened = held[t.key].opened_at if t.key in held else t.at
                held[t.key] = Incident(
                    number, t.key, t.kind, t.severity, Status.OPEN, t.summary, t.evidence, opened, t.at,
                    sites=t.sites, cause=t.cause,
                )  # fmt: skip
        return tuple(held.values())

    def restarted(self) -> Watch:
        """A new monitor over the same ledger, at the same time."""
        other = Watch(self.book, self.inventory, self.open_incidents())
        other.now, other.before = self.now, self.open_incidents()
        return other

    def _note(self, decision: Decision) -> Watch:
        self.last = decision
        self.transitions += decision.transitions
        self.status |= {standing.device: standing for standing in decision.status}
        return self


def number(metric: str, value: float, unit: str = "1", **labels: str) -> tuple[Sample, ...]:
    """One sample."""
    pairs: Labels = tuple(sorted(labels.items()))
    return (Sample(metric, value, unit, pairs),)


def fact(name: str, value: bool | int | str | tuple[str, ...], subject: str = "") -> tuple[Fact, ...]:
    """One fact."""
    return (Fact(name, value, subject),)
