"""Who would be told, and whose turn it is, on the command line."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from alerts.calendar import VIETNAM
from monitor.cli import main
from tests.end_to_end.site import DEVICE, write_service

DUTY = """
people:
  an: {name: Nguyễn Văn An, reach: {phone: "0911"}}
  binh: {name: Trần Bình, reach: {phone: "0922"}}
rotas: {truc: {layers: [{turns: [an], from: "2026-01-01 07:30", hours: {days: [mon]}}]}}
policies: {khan: {steps: [{tell: "rota:truc"}, {after: 10m, tell: "person:binh"}], repeat: {every: 30m}}}
routes: [{policy: khan}]
"""


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    checks = {"portal": {"probe": "http", "url": "http://127.0.0.1:1/"}}
    (tmp_path / "duty.yaml").write_text(DUTY, "utf-8")
    phone = {"kind": "webhook", "url": "http://127.0.0.1:9/"}
    return write_service(tmp_path, checks, duty="duty.yaml", notifiers={"phone": phone})


def run(settings: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["--settings", str(settings), *words])


def test_it_says_who_is_told_step_by_step(settings: Path) -> None:
    answer = run(settings, "who", DEVICE, "--at", "2026-11-23 09:00")
    assert answer.exit_code == 0, answer.output
    assert "at once  23/11/2026 09:00  Nguyễn Văn An  rota:truc" in answer.output
    assert "10m      23/11/2026 09:10  Trần Bình" in answer.output
    assert "every 30m, 3 times" in answer.output


def test_a_swap_made_on_the_command_line_counts_until_it_is_taken_back(settings: Path) -> None:
    span = ("--from", "2026-11-23 00:00", "--until", "2099-11-23 00:00")
    assert "at most 92 days" in run(settings, "rota", "swap", "truc", "binh", *span).output
    made = run(settings, "rota", "swap", "truc", "binh", "--until", in_a_month(), "--note", "ốm")
    assert made.exit_code == 0, made.output
    plan = json.loads(run(settings, "who", DEVICE, "--json").stdout)["plan"]
    assert plan["steps"][0]["reached"][0]["receiver"]["name"] == "Trần Bình"
    assert run(settings, "rota", "undo", made.stdout.strip()).exit_code == 0
    assert run(settings, "rota", "undo", made.stdout.strip()).exit_code == 1


def in_a_month() -> str:
    return f"{datetime.now(VIETNAM) + timedelta(days=30):%Y-%m-%d %H:%M}"


def test_a_hole_ends_with_exit_code_1(settings: Path) -> None:
    answer = run(settings, "rota", "show", "--days", "7")
    assert answer.exit_code == 1 and "NOBODY" in answer.output
    assert "nobody is on duty in the rota truc" in run(settings, "check").output


def test_a_note_is_handed_over(settings: Path) -> None:
    assert run(settings, "rota", "handover", "truc", "chờ VNPT").exit_code == 0
    assert "chờ VNPT" in run(settings, "rota", "handover", "truc").output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("who", "nowhere/router"), "no device or site"),
        (("who", DEVICE, "--at", "tomorrow"), "wants a time of Viet Nam"),
        (("rota", "swap", "nachts", "an", "--until", "2027-01-01 00:00"), "no rota"),
        (("rota", "swap", "truc", "fremd", "--until", "2026-12-31 00:00"), "nobody called fremd"),
    ],
)
def test_what_is_wrong_is_said_with_exit_code_2(settings: Path, words: tuple[str, ...], said: str) -> None:
    answer = run(settings, *words)
    assert answer.exit_code == 2 and said in answer.output
