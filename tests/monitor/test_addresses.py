"""A wrong address in the duty file is said before it is needed."""

from __future__ import annotations

from pathlib import Path

from alerts.duty.policy import Person
from alerts.duty.roster import DutyFile, Roster
from monitor.addresses import Addresses
from tests.alerts.notifiers.cases import CANARY, build


def test_a_wrong_address_is_said_without_the_address_and_every_file_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "canary").write_text(CANARY)
    secret = {"file": "canary"}
    channels = {
        "zalo": build("zalo_bot", tmp_path, token=secret, chat_id="abcd"),
        "sms": build("speedsms", tmp_path, token=secret, to=["0912345678"]),
        "mail": build("alertmanager", tmp_path, url="http://x"),
    }
    good = Person(name="Lê An", reach={"zalo": "a1b2c3d4", "sms": "0912 345 678", "gone": "x"})
    wrong = Person(name="Trần Bình", reach={"sms": "91234567", "zalo": "a b", "mail": "whoever"})
    rosters = [Roster(DutyFile(people={"an": good}))]
    addresses = Addresses(lambda: rosters[-1], channels)
    assert addresses.problem == ""
    rosters.append(Roster(DutyFile(people={"an": good, "binh": wrong})))
    assert addresses.problem == "Trần Bình on sms, Trần Bình on zalo, Trần Bình on mail"
