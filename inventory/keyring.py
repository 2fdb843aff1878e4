"""Which credentials there are, and which one each probe uses."""

from __future__ import annotations

from collections.abc import Mapping

from inventory import document, wording, yamltree
from inventory.entries import FileEntry
from inventory.problem import Problem
from inventory.secrets import CredentialSpec
from inventory.traits import ProbeTraits

Assigned = Mapping[str, str]
"""Name of the credential to use, by probe."""


class Keyring:
    """The credentials of the inventory, as references."""

    def __init__(
        self, entries: yamltree.Mapping, probes: Mapping[str, ProbeTraits], problems: list[Problem]
    ) -> None:
        self._names = entries.entries
        self._probes = probes
        self._problems = problems
        self.specs = self._sound(entries)

    def _sound(self, entries: yamltree.Mapping) -> dict[str, CredentialSpec]:
        """Return the credentials without mistakes; those of the others were said when their file was read."""
        specs: dict[str, CredentialSpec] = {}
        for name in entries.entries:
            section = yamltree.Mapping("", 0, 0, {"credentials": entries.only([name])}, {})
            entry = document.validate(section, FileEntry, [])
            if entry is not None:
                specs.update(entry.credentials)
        return specs

    def assigned(self, node: yamltree.Node, base: Assigned, path: str) -> Assigned:
        """Return which credential each probe uses: `base` changed by the ``credentials:`` of `node`."""
        given = yamltree.child(node, "credentials")
        if not isinstance(given, yamltree.Mapping):
            return base
        chosen = dict(base)
        for probe, value in given.entries.items():
            place = yamltree.join(f"{path}.credentials", probe)
            if probe not in self._probes:
                message = wording.unknown("probe", probe, self._probes)
                self._problems.append(given.keys[probe].problem(place, message))
            elif isinstance(value, yamltree.Scalar) and self._known(value, place):
                self._refuse_other_kinds(probe, value, place)
                chosen[probe] = value.text
            else:
                chosen.pop(probe, None)
        return chosen

    def _known(self, value: yamltree.Scalar, path: str) -> bool:
        if value.text not in self._names and not value.broken:
            self._problems.append(value.problem(path, wording.unknown("credential", value.text, self._names)))
        return value.text in self._names

    def _refuse_other_kinds(self, probe: str, value: yamltree.Scalar, path: str) -> None:
        spec = self.specs.get(value.text)
        kinds = self._probes[probe].credential_kinds
        if spec is not None and spec.kind not in kinds:
            wants = f"wants {' or '.join(kinds)}" if kinds else "needs none"
            message = f"the credential {value.text!r} is of the kind {spec.kind}; the probe {probe!r} {wants}"
            self._problems.append(value.problem(path, message))
