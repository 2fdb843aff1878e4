"""Found devices as YAML to look through and take over: what the loader accepts, with the evidence as comments."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence

import msgspec

from inventory.communes import Communes
from inventory.model import Site
from monitor.discovery.guess import Guess
from monitor.discovery.known import Note
from monitor.discovery.sweep import Found
from probes.core.text import clean

_INDENT = "      "


class Sighting(msgspec.Struct, frozen=True):
    """One found address with what we make of it."""

    found: Found
    guess: Guess
    note: Note

    @property
    def what(self) -> str:
        """What it calls itself, one line; "" when it says nothing."""
        facts = self.found.facts
        names = ("snmp.sys_descr", "http.title", "sip.user_agent", "sip.server", "ssh.version", "http.server")
        return next((facts[name] for name in names if facts.get(name)), "")

    @property
    def evidence(self) -> str:
        """What was seen of it, one line."""
        tcp = " ".join(map(str, self.found.tcp))
        parts = ["ping" if self.found.ping else "", f"TCP {tcp}" if tcp else "", *self.guess.reasons]
        return "; ".join(part for part in parts if part)


def proposal(
    site: str, sightings: Sequence[Sighting], usual: str, existing: Site | None, communes: Communes
) -> str:
    """Return YAML with the new devices of `sightings` under `site`.

    `usual` is the SNMP credential that devices there have anyway; `existing` is the site as the inventory has it.
    Only addresses nobody has entered are proposed; those without a role, and those that moved, are comments.
    """
    names = set(device.name for device in existing.devices) if existing else set()
    lines = [*_head(site, existing, communes)]
    for one in sightings:
        if one.note.device and not one.note.moved:
            continue
        lines += _device(one, names, usual) if one.guess.role and not one.note.moved else _comment(one)
    return "\n".join(lines) + "\n"


def _head(site: str, existing: Site | None, communes: Communes) -> Iterator[str]:
    commune = communes.get(site)
    yield "# Đề xuất của `commune-monitor discover`: xem lại từng dòng. / Proposed: look through every line."
    if existing is not None:
        yield f"# {site} đã có trong danh mục: chép các thiết bị vào `devices:` của nó."
        yield f"# {site} is in the inventory already: put the devices under its `devices:`."
    yield "sites:"
    yield f"  {site}:" + (f" # {commune.name}" if commune else "")
    if commune is None and existing is None:
        yield f"    name: {json.dumps(site)}"
    if existing is None:
        yield "    # owner: {name: …, unit: …, phone: …}   # cán bộ phụ trách / who answers for it"
    yield "    devices:"


def _device(one: Sighting, names: set[str], usual: str) -> Iterator[str]:
    found, facts = one.found, one.found.facts
    name = _free(one.guess.role, names)
    names.add(name)
    if one.what:
        yield f"{_INDENT}# {_safe(one.what)}"
    yield f"{_INDENT}# {_safe(one.evidence)}"
    yield f"{_INDENT}{name}:"
    yield f"{_INDENT}  address: {json.dumps(found.address)}"
    yield f"{_INDENT}  role: {one.guess.role}"
    if title := clean(facts.get("snmp.sys_name", ""), 100):
        yield f"{_INDENT}  title: {_quoted(title)}"
    if (profile := facts.get("snmp.profile", "")) not in ("", "generic"):
        yield f"{_INDENT}  profile: {profile}"
    if found.credential and found.credential != usual:
        yield f"{_INDENT}  credentials: {{snmp: {found.credential}}}"


def _comment(one: Sighting) -> Iterator[str]:
    said = "; ".join(part for part in (one.note.words, one.what, one.evidence) if part)
    yield f"{_INDENT}# {one.found.address}: {_safe(said) or 'answers, and shows nothing of what it is'}"


def _free(role: str, names: Collection[str]) -> str:
    """Return a name for a device of `role` that its site does not have yet."""
    base = role.replace("_", "-")
    number = 1
    while (name := base if number == 1 else f"{base}-{number}") in names:
        number += 1
    return name


def _safe(text: str) -> str:
    """Return a text for a comment: one printable line."""
    return clean(text, 300)


def _quoted(text: str) -> str:
    """Return a text as a double-quoted YAML scalar; JSON's strings are such (YAML 1.2 §5.7)."""
    return json.dumps(text, ensure_ascii=False)
