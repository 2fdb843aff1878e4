"""What a word of a MIB's enumeration means for a device is one written rule."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from types import ModuleType

import pytest

from tests.conftest import ROOT


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("judge_states", ROOT / "scripts" / "judge_states.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("word", "means"),
    [
        ("normal", "ok"),
        ("batteryNormal", "ok"),
        ("lowLoad", "ok"),
        ("noAlarm", "ok"),
        ("nonCritical", "warning"),
        ("notReady", "warning"),
        ("batteryLow", "warning"),
        ("onBattery", "warning"),
        ("notOk", "critical"),
        ("criticalUpper", "critical"),
        ("nonRecoverable", "critical"),
        ("notPresent", "unknown"),
        ("notpresent", "unknown"),
        ("notFunctioning", "critical"),
        ("chassisNotBreached", "ok"),
        ("chassisBreached", "critical"),
        ("FAULTED", "critical"),
        ("UNAVAIL", "critical"),
        ("SIM not inserted", "warning"),
        ("battery", "warning"),
        ("batteryDepleted", "critical"),
        ("donePass", "ok"),
        ("doneError", "critical"),
        ("somethingNobodyForesaw", "unknown"),
    ],
)
def test_a_word_is_judged_by_its_gravest_part(script: ModuleType, word: str, means: str) -> None:
    meaning: Callable[[str], str] = script.meaning
    assert meaning(word) == means


@pytest.mark.parametrize(
    ("name", "words", "states"),
    [
        ("A-MIB::fanState", "1=ok 2=failed", "1: ok, 2: critical"),
        ("A-MIB::alarmStatus", "0=false 1=true", "0: ok, 1: critical"),
        ("A-MIB::redAlarmState", "1=other 2=off 3=on", "1: unknown, 2: ok, 3: critical"),
        ("A-MIB::outputOnBattery", "1=yes 2=no", "1: warning, 2: ok"),
        ("A-MIB::outputOnByPass", "1=yes 2=no", "1: warning, 2: ok"),
        ("A-MIB::outputUtilityOff", "1=yes 2=no", "1: warning, 2: ok"),
        ("A-MIB::ringRedundant", "1=true 2=false", "1: ok, 2: warning"),
        ("A-MIB::opticalRxLoss", "0=false 1=true", "0: ok, 1: warning"),
    ],
)
def test_an_entry_is_written_anew_with_the_name_of_its_object(
    script: ModuleType, name: str, words: str, states: str
) -> None:
    line = "  fan: {oid: 1.3.6.1.4.1.99999.1.2.3.1, states: {1: warning}} # old"
    known = {"1.3.6.1.4.1.99999.1.2.3": (name, words)}
    assert script.judged(line, known) == (
        f"  fan: {{oid: 1.3.6.1.4.1.99999.1.2.3.1, states: {{{states}}}}} # {name}"
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("A-MIB::band", "1=gsm900 2=lte"),
        ("A-MIB::doorOpen", "0=no 1=yes"),
        ("A-MIB::outlet", "1=on 2=off"),
        ("A-MIB::upsAdvInputLineFailCause", "1=noTransfer 2=highLineVoltage 9=selfTest"),
    ],
)
def test_what_cannot_tell_good_from_bad_now_is_no_state_of_health(
    script: ModuleType, name: str, words: str
) -> None:
    line = "  one: {oid: 1.3.6.1.4.1.99999.1.2.3, states: {1: ok}}"
    assert script.judged(line, {"1.3.6.1.4.1.99999.1.2.3": (name, words)}) is None


def test_what_no_mib_defines_is_taken_out_and_words_of_the_agent_are_judged_as_they_are(
    script: ModuleType,
) -> None:
    assert script.judged("  fan: {oid: 1.3.6.1.4.1.99999.1, states: {1: ok}}", {}) is None
    line = "  licence: {oid: 1.3.6.1.4.1.99999.2, states: {valid: critical, expired: ok}}"
    assert script.judged(line, {}) == line.replace("critical", "ok").replace(
        "expired: ok", "expired: warning"
    )
