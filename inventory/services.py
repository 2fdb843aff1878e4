"""Reads the services: what they run on, which others they need, who uses them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from inventory import document, yamltree
from inventory.entries import ServiceEntry
from inventory.model import NAME, NAME_RULE, Service, Text
from inventory.problem import Problem
from inventory.wording import unknown

Existing = Mapping[str, Sequence[str]]
"""The names of each site's devices, those with mistakes too."""


def read_services(
    written: yamltree.Mapping, existing: Existing, problems: list[Problem]
) -> Mapping[str, Service]:
    """Return every sound service by name; mistakes, unknown devices and services, and loops go to `problems`."""
    found: dict[str, Service] = {}
    for name, node in written.entries.items():
        path = yamltree.join("services", name)
        if not NAME.fullmatch(name):
            problems.append(written.keys[name].problem(path, f"the name of a service wants {NAME_RULE}"))
        elif entry := document.validate(node, ServiceEntry, problems, path):
            problems += _unknown(entry, node, path, existing, written.entries)
            title = entry.title or Text(vi=name, en=name)
            found[name] = Service(
                name=name, title=title, runs_on=entry.runs_on, needs=entry.needs, used_by=entry.used_by
            )
    for loop in _loops(found):
        place = written.entries[loop[0]]
        shown = " -> ".join((*loop, loop[0]))
        problems.append(
            place.problem(yamltree.join("services", loop[0]), f"services need each other: {shown}")
        )
    return found


def _unknown(
    entry: ServiceEntry, node: yamltree.Node, path: str, existing: Existing, services: Mapping[str, object]
) -> Iterator[Problem]:
    for index, device in enumerate(entry.runs_on):
        site, _, short = device.partition("/")
        place, where = _item(node, "runs_on", index), f"{path}.runs_on"
        if site not in existing:
            yield place.problem(where, f"device {device[:60]!r}: unknown site {site[:60]!r}")
        elif short not in existing[site]:
            yield place.problem(where, unknown(f"device in the site {site}:", short, set(existing[site])))
    for index, name in enumerate(entry.needs):
        if name not in services:
            yield _item(node, "needs", index).problem(
                f"{path}.needs", unknown("service", name, set(services))
            )


def _item(node: yamltree.Node, key: str, index: int) -> yamltree.Node:
    """Return where one entry of a list is written."""
    listed = yamltree.child(node, key) or node
    return listed.items[index] if isinstance(listed, yamltree.Sequence) else listed


def _loops(services: Mapping[str, Service]) -> Iterator[list[str]]:
    """Yield each loop once, beginning with the first of its services."""
    done: set[str] = set()
    for start in services:
        way: dict[str, Iterator[str]] = {}
        climb = start
        while climb:
            if climb not in way:
                needs = services[climb].needs if climb in services and climb not in done else ()
                way[climb] = iter(needs)
            above = next(way[climb], None)
            if above is None:
                del way[climb]
                done.add(climb)
                climb = next(reversed(way), "")
            elif above in way:
                names = list(way)
                yield names[names.index(above) :]
            else:
                climb = above
