"""Every file (or folder) of tests/bad_config has a mistake, and beside it the exact words said about it.

After a wording is changed on purpose, ``python -m tests.inventory.test_bad_config`` writes the words anew:
read the diff.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from alerts.duty.roster import load_duty
from alerts.quiet.planned import load_planned
from alerts.rule import load_rules
from alerts.telling.notifier import Settings, discover
from inventory.document import Invalid
from inventory.loader import load_inventory
from monitor import configuration
from monitor.settings import load_settings
from tests.inventory.traits import PROBES

CASES = Path(__file__).parent.parent / "bad_config"


def cases() -> list[Path]:
    found = [path for path in CASES.iterdir() if path.suffix == ".yaml" or path.is_dir()]
    return sorted(path for path in found if not path.name.startswith("__"))


def said(case: Path) -> str:
    """Return what the loader says about `case`, files named from the folder of cases."""
    with pytest.raises(Invalid) as refusal:
        _load(case)
    return str(refusal.value).replace(f"{CASES}/", "") + "\n"


def _load(case: Path) -> None:
    if case.stem.startswith("rules_"):
        load_rules(case)
    elif case.stem.startswith("maintenance_"):
        load_planned(case)
    elif case.stem.startswith("duty_"):
        load_duty(case, ["sms", "zalo"])
    elif case.stem.startswith("settings_"):
        configuration.load(case / "commune-monitor.yaml") if case.is_dir() else load_settings(case)
    else:
        load_inventory(case, PROBES)


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.stem)
def test_a_mistake_is_said_in_exactly_these_words(case: Path) -> None:
    assert said(case) == case.with_suffix(".txt").read_text(encoding="utf-8")


def test_there_are_many_cases_and_no_orphaned_words() -> None:
    assert len(cases()) >= 60
    assert {case.stem for case in cases()} == {words.stem for words in CASES.glob("*.txt")}


@pytest.mark.parametrize("kind", sorted(discover()))
def test_every_setting_of_every_channel_has_its_mistake(kind: str) -> None:
    words = (CASES / f"settings_{kind}.txt").read_text(encoding="utf-8")
    own = discover()[kind].settings_model.model_fields.keys() - Settings.model_fields.keys()
    assert [name for name in sorted(own) if not re.search(rf"\b{name}\b", words)] == []


def test_no_message_repeats_a_secret() -> None:
    assert not [words.name for words in CASES.glob("*.txt") if "canary" in words.read_text(encoding="utf-8")]


if __name__ == "__main__":
    for one in cases():
        one.with_suffix(".txt").write_text(said(one), encoding="utf-8")
