"""The documentation says what is there: rules, keys, places, channels and their settings; its examples load."""

from __future__ import annotations

import re
from pathlib import Path

from alerts.judging.condition import Expectation
from alerts.rule import Rule, RuleFile
from alerts.telling.fields import NAMES
from alerts.telling.notifier import Settings, discover
from alerts.template import PLACES
from inventory import document
from monitor.settings import load_settings
from tests.alerts.province import built_in

DOCS = Path(__file__).parents[2] / "docs"
BEGIN, END = "<!-- rules: begin (generated; tests/alerts/test_docs.py says how) -->", "<!-- rules: end -->"


def table() -> str:
    """The table of built-in rules as `docs/rules.md` has it. To renew it: ``python -m tests.alerts.test_docs``."""
    rows = ["| Rule | Severity | Tiếng Việt | English |", "|---|---|---|---|"]
    for rule in built_in():
        levels = [level for level, _ in rule.threshold.levels] if rule.threshold else [rule.level]
        severity = ", ".join(reversed(levels))
        rows.append(f"| `{rule.id}` | {rule.kind}: {severity} | {rule.title.vi} | {rule.title.en} |")
    return "\n".join(rows)


def with_table(text: str) -> str:
    head, _, rest = text.partition(BEGIN)
    return f"{head}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}"


def example(name: str, folder: Path) -> Path:
    """Write the first YAML example of a page to a file."""
    found = re.search(r"```yaml\n(.*?)```", (DOCS / name).read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    path = folder / "example.yaml"
    path.write_text(found[1], encoding="utf-8")
    return path


def test_the_table_of_rules_is_current() -> None:
    text = (DOCS / "rules.md").read_text(encoding="utf-8")
    assert text == with_table(text), "run: python -m tests.alerts.test_docs"


def test_every_key_and_place_of_a_rule_is_documented() -> None:
    text = (DOCS / "rules.md").read_text(encoding="utf-8")
    names = [field.alias or name for name, field in Rule.model_fields.items()]
    names += [f"{{{place}}}" for place in PLACES]
    names += [field.alias or name for name, field in Expectation.model_fields.items()]
    assert [name for name in names if f"`{name}`" not in text] == []


def test_every_channel_and_setting_is_documented() -> None:
    text = (DOCS / "notifiers.md").read_text(encoding="utf-8")
    fields = {name for kind in discover().values() for name in kind.settings_model.model_fields}
    assert [name for name in {*fields, *Settings.model_fields} if f"`{name}`" not in text] == []
    assert [kind for kind in discover() if f"## {kind}\n" not in text] == []
    assert [name for name, what in NAMES.items() if f"| `${{{name}}}` | {what} |" not in text] == []


def test_the_example_of_a_soap_gateway_loads(tmp_path: Path) -> None:
    text = (DOCS / "notifiers.md").read_text(encoding="utf-8")
    found = re.search(r"```\n(kind: http\n.*?)```", text, re.DOTALL)
    assert found is not None
    path = tmp_path / "example.yaml"
    path.write_text("notifiers:\n  x:\n    " + found[1].replace("\n", "\n    "), encoding="utf-8")
    assert load_settings(path).notifiers["x"].kind == "http"


def test_the_example_rules_load(tmp_path: Path) -> None:
    loaded = document.load(example("rules.md", tmp_path), RuleFile)
    assert [rule.id for rule in loaded.rules] == ["portal-slow", "telnet-on-2323"]


def test_the_example_channels_load(tmp_path: Path) -> None:
    settings = load_settings(example("notifiers.md", tmp_path))
    assert {channel.kind for channel in settings.notifiers.values()} == set(discover())


if __name__ == "__main__":
    page = DOCS / "rules.md"
    page.write_text(with_table(page.read_text(encoding="utf-8")), encoding="utf-8")
