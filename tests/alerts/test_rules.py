"""Rules as data: what is refused and where, what comes with the product, and that it can be seen at all."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from alerts.incident import Kind, Severity
from alerts.judging.cases import DURATION
from alerts.judging.condition import NAMESPACES, Expectation, Level, Service, Threshold
from alerts.rule import BUILT_IN, load_rules
from alerts.template import PLACES, check_template
from inventory.problem import Invalid
from probes.core.discovery import discover
from probes.core.observation import FactValue, Outcome
from tests.alerts.province import built_in

ROOT = Path(__file__).parents[2]

GOOD = """rules:
  - id: hot
    title: {vi: Nóng, en: Hot}
    threshold: {metric: hw.temperature, warning: {above: 65 °C, clear: 60 °C}}
"""


def problems(folder: Path, text: str) -> list[str]:
    (folder / "x.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(Invalid) as caught:
        load_rules(folder)
    return [str(problem).removeprefix(f"{folder}/") for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("hw.temperature", "secrets.password", r"x.yaml:4:25: .*'secrets.password' is not measured"),
        ("hw.temperature", "Hw Temp", r"x.yaml:4:25: .*pattern"),
        ("above: 65 °C", "above: 65 K", r"x.yaml:4:58: .*wants a number, with one of these units"),
        ("clear: 60 °C", "clear: 70 °C", r"x.yaml:4:50: .*clear must be on the good side"),
        ("above: 65 °C", "above: 65, below: 3", r"x.yaml:4:50: .*exactly one of above and below"),
        ("warning:", "high:", r"x.yaml:2:5: .*high is no severity of a rule of kind incident"),
        ("warning:", "warn:", r"x.yaml:4:\d+: .*unknown key 'warn'; did you mean 'warning'\?"),
        ("threshold:", "attempts: 0\n    threshold:", r"x.yaml:4:15: .*at least 1"),
        ("    threshold: {", "    # threshold: {", r"x.yaml:2:5: .*exactly one condition"),
        ("threshold:", "severity: warning\n    threshold:", r"x.yaml:2:5: .*and not both"),
        ("threshold:", "message: {vi: '{value.x}', en: a}\n    threshold:", r"x.yaml:4:19: .*is not a place"),
        ("threshold:", "message: {vi: '{value!r}', en: a}\n    threshold:", r"x.yaml:4:19: .*conversion"),
        ("threshold:", "message: {vi: 'a {', en: a}\n    threshold:", r"x.yaml:4:19: "),
        ("threshold:", "where: {prob: icmp}\n    threshold:", r"x.yaml:4:13: .*unknown key 'prob'; did"),
        ("{vi: Nóng, en: Hot}", "{vi: Nóng}", r"x.yaml:3:12: .*'en' is missing"),
        ("id: hot", "id: hot rule", r"x.yaml:2:9: "),
    ],
)  # fmt: skip
def test_a_mistake_is_said_with_its_place(tmp_path: Path, before: str, after: str, message: str) -> None:
    assert before in GOOD
    (found, *_) = problems(tmp_path, GOOD.replace(before, after))
    assert re.match(message, found), found


def test_every_mistake_of_every_file_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD.replace("hw.temperature", "secrets.x"), encoding="utf-8")
    found = problems(tmp_path, GOOD.replace("above", "abov"))
    assert any(line.startswith("a.yaml:4:") for line in found)
    assert any(line.startswith("x.yaml:4:") for line in found)


def test_two_rules_of_one_folder_with_one_id_are_a_mistake_naming_both(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD, encoding="utf-8")
    (found,) = problems(tmp_path, GOOD)
    assert re.match(r"x.yaml:2:9: rules\[0\].id: the rule 'hot' is already at .*a.yaml:2:9", found)


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="there is no such folder"):
        load_rules(tmp_path / "rules")


def test_an_installation_may_change_and_switch_off_a_built_in_rule(tmp_path: Path) -> None:
    text = GOOD.replace("id: hot", "id: temperature-high\n    enabled: false")
    (tmp_path / "own.yaml").write_text(text, encoding="utf-8")
    book = load_rules(*BUILT_IN, tmp_path)
    assert len(book) == len(built_in())
    rule = book.get("temperature-high")
    assert rule is not None and rule.title.en == "Hot" and not rule.enabled


def test_every_rule_of_the_product_is_complete_in_both_languages() -> None:
    for rule in built_in():
        assert rule.playbook is not None, rule.id
        for text in (rule.title, rule.playbook):
            assert text.vi.strip() and text.en.strip() and text.vi != text.en, rule.id
        if rule.kind is Kind.FINDING:
            assert rule.resolve_after == 2 or (
                rule.fact and rule.fact.name.startswith(("sshd.", "ssh.host_key_changed"))
            )
        assert "tuân thủ" not in str(rule) and "đạt chuẩn" not in str(rule)


def test_the_first_dozen_of_the_baseline_is_there() -> None:
    wanted = {
        "SNMP": (1, 2),
        "NET": (1,),
        "SSH": (3, 4, 5, 10, 11, 12, 13),
        "TLS": (1, 2, 4, 6, 7, 8, 11, 14),
        "HTTP": (1, 2),
    }
    ids = {f"{family}-{number:02}" for family, numbers in wanted.items() for number in numbers}
    assert {rule_id for rule_id in ids if built_in().get(rule_id) is None} == set()


def literals() -> tuple[set[str], list[re.Pattern[str]]]:
    """Every text in the sources of the probes and the traps, and every f-string as a pattern."""
    texts: set[str] = set()
    patterns: list[re.Pattern[str]] = []
    sources = [*(ROOT / "probes").rglob("*.py"), *(ROOT / "monitor" / "traps").rglob("*.py")]
    sources.append(ROOT / "inventory" / "sensors.py")
    for path in (source for source in sources if source.exists()):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = (
                    re.escape(part.value)
                    if isinstance(part, ast.Constant) and isinstance(part.value, str)
                    else "(.+)"
                    for part in node.values
                )
                patterns.append(re.compile("".join(parts)))
    for profile in (ROOT / "inventory" / "profiles").glob("*.yaml"):
        texts |= set(re.findall(r"[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+", profile.read_text(encoding="utf-8")))
    return texts, patterns


def names() -> Iterator[tuple[str, str]]:
    """Every metric and fact that a built-in rule names."""
    for rule in built_in():
        named = (
            rule.threshold.metric if rule.threshold else "",
            rule.fact.name if rule.fact else "",
            rule.event.fact if rule.event else "",
        )
        yield from ((rule.id, name) for name in named if name)


def test_every_metric_and_fact_of_a_rule_is_one_that_a_probe_or_profile_names() -> None:
    texts, patterns = literals()

    def emitted(name: str) -> bool:
        if name in texts or name == DURATION:
            return True
        matches = (pattern.fullmatch(name) for pattern in patterns if "." in pattern.pattern)
        return any(match and all(part in texts for part in match.groups()) for match in matches)

    assert [(rule, name) for rule, name in names() if not emitted(name)] == []


def test_every_probe_may_be_named_by_rules() -> None:
    families = {name.partition("_")[0] for name in discover()}
    assert families <= NAMESPACES


@pytest.mark.parametrize(
    ("expect", "value", "met"),
    [
        ({"equals": "closed"}, "closed", True),
        ({"equals": "closed"}, "open", False),
        ({"equals": False}, True, False),
        ({"equals": False}, "false", False),
        ({"equals": True}, 1, False),
        ({"in": ["no"]}, "NO", True),
        ({"not_in": ["yes"]}, "prohibit-password", True),
        ({"not_in": ["yes"]}, "yes", False),
        ({"empty": True}, (), True),
        ({"empty": True}, ("x",), False),
        ({"empty": True}, "", True),
        ({"empty": True}, 3, None),
        ({"contains_none": ["TLS1.0"]}, ("TLS1.2", "tls1.0"), False),
        ({"contains_none": ["TLS1.0"]}, ("TLS1.2",), True),
        ({"contains_none": ["TLS1.0"]}, "TLS1.0", None),
        ({"contains": "a"}, ("A",), True),
        ({"in": ["a", "b"]}, ("a",), True),
        ({"in": ["a", "b"]}, ("a", "c"), False),
        ({"at_least": 2048}, 1024, False),
        ({"at_least": 2048}, "4096", None),
        ({"at_most": 4}, 4, True),
        ({"at_most": 4}, True, None),
        ({"at_least": 1}, ("x",), None),
    ],
)  # fmt: skip
def test_what_is_expected_of_a_fact(expect: dict[str, object], value: FactValue, met: bool | None) -> None:
    assert Expectation.model_validate_json(json.dumps(expect), strict=True).met(value) is met


def test_an_outcome_that_got_further_is_well_and_one_that_got_less_far_says_nothing() -> None:
    def judged(bad: str) -> dict[Outcome, object]:
        service = Service.model_validate_json(json.dumps({"outcomes": [bad]}), strict=True)
        return {outcome: service.judge(outcome, Severity.WARNING) for outcome in Outcome}

    silent, untrusted, refused_login = judged("timeout"), judged("untrusted"), judged("auth_failed")
    assert silent[Outcome.TIMEOUT] is Severity.WARNING and silent[Outcome.AUTH_FAILED] is None
    assert untrusted[Outcome.AUTH_FAILED] is None and untrusted[Outcome.OK] is None
    assert refused_login[Outcome.OK] is None
    unknown = {silent[Outcome.PROBE_BUG], untrusted[Outcome.TIMEOUT], refused_login[Outcome.UNTRUSTED]}
    assert len(unknown) == 1 and not unknown & {None, Severity.WARNING}


def test_a_level_at_zero_is_a_level() -> None:
    assert Level(above=0).passed(1, already=False) and not Level(above=0).passed(0, already=False)
    assert Level(below=0).passed(-1, already=False)


def test_a_threshold_may_be_for_some_series_only() -> None:
    limit = Threshold.model_validate(
        {"metric": "system.memory.usage", "labels": {"state": "used"}, "critical": {"above": 1}}
    )
    assert limit.concerns((("state", "used"), ("zone", "0")))
    assert not limit.concerns(()) and not limit.concerns((("state", "free"),))


@pytest.mark.parametrize(
    "template", ["{0}", "{}", "{device[0]}", "{device.__class__}", "{nothing}", "{value:>1000000000}"]
)
def test_a_sentence_has_plain_places_only(template: str) -> None:
    with pytest.raises(ValueError, match=r"place|format"):
        check_template(template)
    assert check_template("{{" + "".join(f"{{{name}}}" for name in PLACES))
