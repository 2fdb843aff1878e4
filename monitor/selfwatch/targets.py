"""Whether the word of the morning has somebody to go to: a mistake is said when the files are read, not at 07:30."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from alerts.duty.policy import OWNER
from alerts.duty.roster import DutyFile, unknown_targets
from inventory import document
from inventory.mistakes import find
from inventory.problem import Problem
from inventory.yamltree import Node
from monitor.settings import Settings

_WAY = ("morning", "tell")


def strangers(path: Path, settings: Settings, duty: DutyFile) -> Iterator[Problem]:
    """Yield a mistake, at its place in the settings file `path`, for each target that stands for nobody."""
    tell = settings.morning.tell or ()
    if not tell or not settings.morning.enabled:
        return
    root = document.read(path, [])
    if root is not None:
        for problem in unknown_targets(tell, root, _WAY, duty, list(settings.notifiers)):
            about_people = not problem.message.startswith("unknown channel")
            yield _no_file(problem) if about_people and not settings.duty else problem
        yield from _owners(tell, root)


def _no_file(problem: Problem) -> Problem:
    advice = "people and rotas are named in a duty file, which `duty:` names (docs/duty.md)"
    return msgspec.structs.replace(problem, message=f"{problem.message}; {advice}")


def _owners(tell: tuple[str, ...], root: Node) -> Iterator[Problem]:
    for index, target in enumerate(tell):
        if target == OWNER:
            place = find(root, (*_WAY, index), "")
            said = "the word of the morning is about no device, so nobody owns it: name a rota, person or channel"
            yield place.node.problem(place.path, said)
