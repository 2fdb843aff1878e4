"""Which ids devices had before: written at the device, or implied by the former id of its site.

History follows them (series, incidents, approved host keys), so an id of the past belongs to one device at most.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from inventory import yamltree
from inventory.model import NAME
from inventory.problem import Problem


class Claim(msgspec.Struct, frozen=True):
    """A device or a site that says which id it had."""

    of: str
    """Its id now."""
    former: str
    """As written: ``"18076/router"``, ``"router"`` at the same site; ``"18076"`` for a site."""
    node: yamltree.Node
    path: str

    @property
    def of_device(self) -> bool:
        """Whether a device says it, and not a site."""
        return "/" in self.of


class Pasts:
    """The former ids of every device that has some."""

    def __init__(
        self,
        claims: Sequence[Claim],
        existing: Mapping[str, Collection[str]],
        problems: list[Problem],
    ) -> None:
        """`existing` has the names of every site's devices. What is wrong with a claim goes to `problems`."""
        self._existing = existing
        self._problems = problems
        self._claims: dict[str, Claim] = {}
        self.of: dict[str, tuple[str, ...]] = {}
        """Former ids by device, those it names itself first."""
        for claim in claims:
            if claim.of_device:
                self._take_device(claim)
        for claim in claims:
            if not claim.of_device:
                self._take_site(claim)

    def _take_device(self, claim: Claim) -> None:
        former = claim.former if "/" in claim.former else f"{_site(claim.of)}/{claim.former}"
        site, _, name = former.partition("/")
        if not (NAME.fullmatch(site) and NAME.fullmatch(name)):
            self._refuse(claim, "wants the id that the device had: SITE/NAME, or NAME at the same site")
        elif name in self._existing.get(site, ()):
            self._refuse(claim, f"there still is a device {former}: it keeps its own history")
        elif self._is_first(former, claim):
            self.of[claim.of] = (*self.of.get(claim.of, ()), former)

    def _take_site(self, claim: Claim) -> None:
        """Let each device have been of the same name at the former site, unless it or another one says otherwise."""
        if claim.former in self._existing:
            message = f"there still is a site {claim.former}: write 'formerly' at the devices that moved"
            self._refuse(claim, message)
        elif self._is_first(claim.former, claim):
            for name in self._existing.get(claim.of, ()):
                device, former = f"{claim.of}/{name}", f"{claim.former}/{name}"
                if former not in self._claims and device not in self.of:
                    self.of[device] = (former,)

    def _is_first(self, former: str, claim: Claim) -> bool:
        other = self._claims.setdefault(former, claim)
        if other is not claim:
            where = f"{other.of} ({other.node.file}:{other.node.line})"
            self._refuse(claim, f"the history of {former} belongs to {where} already")
        return other is claim

    def _refuse(self, claim: Claim, message: str) -> None:
        self._problems.append(claim.node.problem(claim.path, message))


def claims(of: str, node: yamltree.Node, path: str) -> list[Claim]:
    """Return what is written under ``formerly:`` of `node`, the entry of the device or site `of`."""
    written = yamltree.child(node, "formerly")
    if not isinstance(written, yamltree.Sequence):
        return []
    return [
        Claim(of, item.text, item, f"{path}.formerly[{number}]")
        for number, item in enumerate(written.items)
        if isinstance(item, yamltree.Scalar)
    ]


def _site(device: str) -> str:
    return device.partition("/")[0]
