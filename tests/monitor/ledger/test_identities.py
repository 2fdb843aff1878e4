"""What devices say they are is remembered, with the first word and since when, across restarts and other ids."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from monitor.ledger import Ledger
from monitor.ledger.identities import MODEL, NAME, SERIAL, Trait
from probes.core.observation import Fact, Observation, Outcome

AT = datetime(2026, 1, 31, 1, 0, tzinfo=UTC)


def told(*facts: Fact, minutes: int = 0, check: str = "snmp", device: str = "18073/router") -> Observation:
    return Observation(device, check, check, AT + timedelta(minutes=minutes), 0.1, Outcome.OK, facts=facts)


async def test_the_first_word_and_the_last_outlive_a_restart(tmp_path: Path) -> None:
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.identities.note(told(Fact(SERIAL, "A1"), Fact(NAME, "core"), Fact("snmp.sys_descr", "x")))
        ledger.identities.note(told(Fact(SERIAL, "A1"), minutes=1))
        ledger.identities.note(told(Fact(SERIAL, "B2"), minutes=2))
        now = ledger.identities.traits
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        assert ledger.identities.traits == now
    assert now["18073/router"] == {
        SERIAL: Trait("B2", AT + timedelta(minutes=2), "A1", AT),
        NAME: Trait("core", AT, "core", AT),
    }


async def test_two_checks_that_word_it_differently_do_not_fight(tmp_path: Path) -> None:
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        for minute in range(4):
            ledger.identities.note(told(Fact(MODEL, "Group 500"), minutes=minute))
            ledger.identities.note(told(Fact(MODEL, "RealPresence Group 500"), minutes=minute, check="web"))
        trait = ledger.identities.traits["18073/router"][MODEL]
    assert (trait.value, trait.since) == ("Group 500", AT)


async def test_what_is_no_text_or_empty_or_hostile_does_no_harm(tmp_path: Path) -> None:
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.identities.note(told(Fact(SERIAL, 5), Fact(MODEL, ""), Fact(NAME, "x\n\x1b[31m" + "y" * 500)))
        traits = ledger.identities.traits["18073/router"]
    assert set(traits) == {NAME}
    assert traits[NAME].value.isprintable() and len(traits[NAME].value) == 100


async def test_a_device_with_another_id_stays_who_it_is(tmp_path: Path) -> None:
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.identities.note(told(Fact(SERIAL, "A1")))
        await ledger.move({"18073/router": "18562/router"}, AT)
        assert ledger.identities.traits == {"18562/router": {SERIAL: Trait("A1", AT, "A1", AT)}}
