"""A rota with a hole is said in both languages, a week before it happens."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from alerts.calendar import VIETNAM
from alerts.duty.roster import Roster, load_duty
from monitor.holes import hole

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=VIETNAM)
DUTY = """
people: {an: {name: An}}
rotas:
  truc: {layers: [{turns: [an], from: "2026-11-02 00:00", hours: {days: [mon, tue, wed, thu, fri]}}]}
"""


def test_a_hole_of_the_coming_week_is_said_in_both_languages(tmp_path: Path) -> None:
    file = tmp_path / "duty.yaml"
    file.write_text(DUTY, "utf-8")
    found = hole(Roster(load_duty(file, [])), NOW)
    assert found.vi == "không có ai trực trong lịch truc từ 28/11/2026 00:00 đến 30/11/2026 00:00"
    assert found.en == "nobody is on duty in the rota truc from 28/11/2026 00:00 to 30/11/2026 00:00"


def test_without_a_rota_there_is_no_hole() -> None:
    assert not hole(Roster(), NOW)
