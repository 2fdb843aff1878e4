"""Through which devices each device is reached: what is written, else what the roles of its site imply."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from inventory import yamltree
from inventory.problem import Problem
from inventory.wording import unknown


@dataclass(frozen=True, slots=True)
class Written:
    """What is written about a device that can be judged only together with others."""

    id: str
    role: str
    address: str
    node: yamltree.Node
    path: str
    parents: tuple[tuple[str, yamltree.Node], ...] | None
    """Names with their places; `None` when the entry says nothing, so that the site implies them."""


class Topology:
    """Parents of every device, by id."""

    def __init__(
        self,
        devices: Sequence[Written],
        behind: Mapping[str, tuple[str, ...]],
        existing: Mapping[str, Sequence[str]],
    ) -> None:
        """`behind` has what each role is behind; `existing` each site's device names, wrong ones too."""
        self._behind = behind
        self._existing = existing
        self.problems: list[Problem] = []
        """Parents that do not exist, and loops."""
        self._by_role: dict[tuple[str, str], list[str]] = {}
        for device in devices:
            self._by_role.setdefault((_site(device.id), device.role), []).append(device.id)
        self.parents = {device.id: tuple(dict.fromkeys(self._of(device))) for device in devices}
        self._refuse_loops({device.id: device for device in devices})

    def _of(self, device: Written) -> Iterator[str]:
        if device.parents is None:
            yield from self._implied(device)
            return
        for name, node in device.parents:
            parent = name if "/" in name else f"{_site(device.id)}/{name}"
            site, _, short = parent.partition("/")
            if site not in self._existing:
                message = f"unknown site {site[:60]!r}"
                self.problems.append(node.problem(device.path, f"parent {name[:60]!r}: {message}"))
            elif short not in self._existing[site]:
                message = unknown(f"parent in the site {site}:", short, set(self._existing[site]))
                self.problems.append(node.problem(device.path, message))
            else:
                yield parent

    def _implied(self, device: Written) -> Iterator[str]:
        for role in self._behind.get(device.role, ()):
            found = [other for other in self._by_role.get((_site(device.id), role), ()) if other != device.id]
            if found:
                yield from found
                return

    def _refuse_loops(self, devices: Mapping[str, Written]) -> None:
        """Walk up from every device; one that is met again on the same way closes a loop."""
        done: set[str] = set()
        for start in self.parents:
            way: dict[str, Iterator[str]] = {}
            climb = start
            while climb:
                if climb not in way:
                    way[climb] = iter(() if climb in done else self.parents.get(climb, ()))
                above = next(way[climb], None)
                if above is None:
                    del way[climb]
                    done.add(climb)
                    climb = next(reversed(way), "")
                elif above in way:
                    self._loop([*way, above], devices)
                else:
                    climb = above

    def _loop(self, way: list[str], devices: Mapping[str, Written]) -> None:
        loop = way[way.index(way[-1]) :]
        device = devices[loop[-2]]
        place = device.parents[0][1] if device.parents else device.node
        shown = " -> ".join(loop if len(loop) <= 12 else [*loop[:11], "…", loop[-1]])
        self.problems.append(place.problem(device.path, f"its parents form a loop: {shown}"))


def _site(device_id: str) -> str:
    return device_id.partition("/")[0]
