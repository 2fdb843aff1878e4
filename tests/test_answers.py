"""docs/answers.md names tests, modules and benches that exist."""

from __future__ import annotations

import re

from tests.conftest import ROOT

ANSWERS = (ROOT / "docs/answers.md").read_text("utf-8")


def test_all_complaints_are_answered_in_their_order() -> None:
    numbers = [int(number) for number in re.findall(r"^\| (\d+) \|", ANSWERS, re.MULTILINE)]
    assert numbers == list(range(1, 44))


def test_what_it_names_is_there() -> None:
    named = re.findall(r"`((?:tests|alerts|probes|monitor)/[^`]+|bench\.[a-z_]+)`", ANSWERS)
    named += re.findall(r"docs/[a-z-]+\.md", ANSWERS)
    missing = [name for name in named if not any((ROOT / place).exists() for place in places(name))]
    assert not missing


def places(name: str) -> tuple[str, ...]:
    if name.startswith("bench."):
        return (f"{name.replace('.', '/')}.py", name.replace(".", "/"))
    return (name,)
