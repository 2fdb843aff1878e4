"""The duty file: people, rotas, policies and routes, and whom they mean at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from pydantic import Field

from alerts.duty.policy import EVERYONE, OWNER, Person, Policy, Stage, merged
from alerts.duty.rota import LONGEST_LOOK, Layer, Override, Rota, Shift, holes, on_duty
from alerts.duty.route import Route
from alerts.incident import Incident
from alerts.telling.notification import Receiver
from inventory import document
from inventory.duration import Duration
from inventory.mistakes import find
from inventory.model import Contact, Inventory, Model, Slug
from inventory.problem import Invalid, Problem
from inventory.wording import unknown
from inventory.yamltree import Node
from probes.core.words import NOTHING, Words

AHEAD = timedelta(days=14)
"""How far ahead a rota is searched for holes."""
PATIENCE = 300.0

Way = tuple[str | int, ...]
"""Where something is written: keys and numbers from the root of a file on."""
Named = tuple[str, str, Way]
"""What is named, its name, and where that is written."""
Overrides = Callable[[], Sequence[Override]]


class DutyFile(Model):
    """What the file holds."""

    people: Annotated[Mapping[Slug, Person], Field(max_length=2000)] = {}
    rotas: Annotated[Mapping[Slug, Rota], Field(max_length=100)] = {}
    policies: Annotated[Mapping[Slug, Policy], Field(max_length=100)] = {}
    routes: Annotated[tuple[Route, ...], Field(max_length=200)] = ()
    owners: Annotated[Mapping[Slug, Literal["phone", "email"]], Field(max_length=4)] = {}
    """How owners of devices and sites are reached: by which channel, at which address of theirs."""
    patience: Annotated[Duration, Field(ge=30, le=1800)] = PATIENCE
    """Seconds until a person's next channel is tried when the one before it has not delivered."""


class Reached(msgspec.Struct, frozen=True):
    """A receiver of a step, and why it is one."""

    receiver: Receiver
    target: str
    """The target of the policy that led there: ``"rota:truc"``."""


class Roster:
    """A duty file in force. Without a file everybody is told, by every channel."""

    def __init__(self, duty: DutyFile | None = None, overrides: Overrides = tuple) -> None:
        self.duty = duty or DutyFile()
        self._overrides = overrides

    @property
    def overrides(self) -> Sequence[Override]:
        """The changes of rotas as they are now; one that names somebody who left the file counts no more."""
        known = self.duty.people.keys()
        return [one for one in self._overrides() if known >= set(one.people)]

    def names(self, incident: Incident, inventory: Inventory, moment: datetime) -> tuple[str, ...]:
        """Return the names of the policies an incident follows; none where everybody is told."""
        found: list[str] = []
        for route in self.duty.routes:
            if route.fits(incident, inventory, moment):
                found.append(route.policy)
                if not route.also:
                    break
        return tuple(dict.fromkeys(found))

    def policy(self, names: Sequence[str]) -> Policy:
        """Return the policies of these names as one; names that are gone are left out."""
        known = [self.duty.policies[name] for name in names if name in self.duty.policies]
        return merged(known) if known else EVERYONE

    def on_duty(self, rota: str, moment: datetime) -> list[tuple[str, Person]]:
        """Return who is on duty, with their names in the file."""
        names = on_duty(rota, self.duty.rotas[rota], self.overrides, moment)
        return [(name, self.duty.people[name]) for name in names if name in self.duty.people]

    def receivers(
        self, stage: Stage, channels: Sequence[str], owner: Contact | None, moment: datetime
    ) -> list[Reached]:
        """Return whom a step tells at a moment; `channels` are those that want to hear of it at all."""
        found: dict[tuple[tuple[str, str], ...], Reached] = {}
        for target in stage.tell:
            for receiver in self._meant(target, channels, owner, moment):
                ways = tuple(way for way in receiver.ways if way[0] in channels)
                if ways and ways not in found:
                    found[ways] = Reached(msgspec.structs.replace(receiver, ways=ways), target)
        return list(found.values())

    def _meant(
        self, target: str, channels: Sequence[str], owner: Contact | None, moment: datetime
    ) -> Iterator[Receiver]:
        kind, _, name = target.partition(":")
        if kind == "rota":
            for key, person in self.on_duty(name, moment):
                yield _person(key, person)
        elif kind == "person":
            yield _person(name, self.duty.people[name])
        elif kind == "channel":
            yield Receiver(((name, ""),))
        elif kind == OWNER:
            if owner is not None:
                yield self._owner(owner)
        else:
            for channel in channels:
                yield Receiver(((channel, ""),))

    def _owner(self, owner: Contact) -> Receiver:
        addresses = {"phone": owner.phone, "email": owner.email}
        ways = ((channel, addresses[field]) for channel, field in self.duty.owners.items())
        return Receiver(tuple(way for way in ways if way[1]), owner.name)

    def holes(self, moment: datetime) -> list[tuple[str, Shift]]:
        """Return the spans of the next two weeks in which nobody of a rota is on duty, earliest first."""
        found = [
            (name, hole)
            for name, rota in self.duty.rotas.items()
            for hole in holes(name, rota, self.overrides, moment, moment + AHEAD)
        ]
        return sorted(found, key=lambda pair: pair[1].start)

    def mistake(self, change: Override, now: datetime) -> Words:
        """Return what is wrong with a change of a rota, in one line; empty when nothing is."""
        if change.rota not in self.duty.rotas:
            known = ", ".join(self.duty.rotas)
            return Words(
                f"không có lịch trực {change.rota!r}: đang có {known or '(không có)'}",
                f"no rota {change.rota!r}: there are {known or 'none'}",
            )
        strangers = [one for one in change.people if one not in self.duty.people]
        if strangers or not change.people:
            unknown, known = ", ".join(strangers), ", ".join(self.duty.people)
            return Words(
                f"không có người trực {unknown or '(trống)'}: đang có {known}",
                f"nobody called {unknown or '(empty)'}: there are {known}",
            )
        if not change.start < change.until or change.until <= now:
            return _NO_SPAN
        if change.until - change.start > LONGEST_LOOK:
            return _TOO_LONG
        return NOTHING

    def person_at(self, channel: str, address: str) -> str:
        """Return the name of the person with this address on a channel; ``""`` when nobody has it."""
        people = self.duty.people.values()
        return next((one.name for one in people if address and one.reach.get(channel) == address), "")


_NO_SPAN = Words(
    "giờ kết thúc phải sau giờ bắt đầu và chưa qua",
    "the change wants an end that is after its beginning, and to come",
)
_TOO_LONG = Words(
    "mỗi lần đổi ca nhiều nhất 92 ngày; lâu hơn thì sửa tệp lịch trực",
    "a change lasts at most 92 days; edit the duty file for longer",
)


def _person(key: str, person: Person) -> Receiver:
    return Receiver(tuple(person.reach.items()), person.name, key)


def load_duty(path: Path, channels: Sequence[str]) -> DutyFile:
    """Return the duty file; `channels` are the names in the settings. Raises `Invalid` with every mistake."""
    problems: list[Problem] = []
    node = document.read(path, problems)
    duty = document.validate(node, DutyFile, problems) if node else None
    if duty is not None and node is not None:
        problems += _unknown(_names(duty), duty, node, channels)
    if duty is None or problems:
        raise Invalid(problems)
    return duty


def unknown_targets(
    tell: Sequence[str], root: Node, way: Way, duty: DutyFile, channels: Sequence[str]
) -> Iterator[Problem]:
    """Yield a mistake for each target, written in another file at `way` below `root`, that stands for nothing."""
    return _unknown(_names_of_targets(tell, way), duty, root, channels)


def _unknown(
    named: Iterable[Named], duty: DutyFile, root: Node, channels: Sequence[str]
) -> Iterator[Problem]:
    """Yield a mistake for each name that stands for nothing."""
    known = {"person": duty.people, "rota": duty.rotas, "channel": channels, "policy": duty.policies}
    for what, name, way in named:
        if name not in known[what]:
            place = find(root, way, "")
            node = place.key if place.key is not None and way[-1] == name else place.node
            yield node.problem(place.path, unknown(what, name, set(known[what])))


def _names(duty: DutyFile) -> Iterator[Named]:
    """Yield every name the file refers to."""
    for key, person in duty.people.items():
        for channel in person.reach:
            yield "channel", channel, ("people", key, "reach", channel)
    for channel in duty.owners:
        yield "channel", channel, ("owners", channel)
    for key, rota in duty.rotas.items():
        for number, layer in enumerate(rota.layers):
            yield from _names_of_turns(layer, ("rotas", key, "layers", number, "turns"))
    for key, policy in duty.policies.items():
        for number, stage in enumerate(policy.steps):
            yield from _names_of_targets(stage.tell, ("policies", key, "steps", number, "tell"))
    for number, route in enumerate(duty.routes):
        yield "policy", route.policy, ("routes", number, "policy")


def _names_of_turns(layer: Layer, way: Way) -> Iterator[Named]:
    for turn, team in enumerate(layer.turns):
        for index, name in enumerate(team):
            yield "person", name, (*way, turn, index)


def _names_of_targets(tell: Sequence[str], way: Way) -> Iterator[Named]:
    for index, target in enumerate(tell):
        what, _, name = target.partition(":")
        if name:
            yield what, name, (*way, index)
