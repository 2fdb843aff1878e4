"""Whatever people change by pages, API or answers on channels stands in the chained record, once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from alerts.incident import IncidentKey, Kind, Severity, Step, Transition, Words
from monitor.ledger import Ledger
from monitor.ledger.teller import Nobody

NOW = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)


async def test_what_is_done_about_incidents_rotas_and_files_is_recorded(tmp_path: Path) -> None:
    opened = Transition(
        IncidentKey("x", "18073/ups"), Step.OPENED, NOW, Kind.INCIDENT, Severity.LOW, Words("a", "a")
    )
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        await ledger.incidents.record([opened], Nobody())
        for step in (Step.ACKNOWLEDGED, Step.NOTED, Step.RELEASED):
            await ledger.incidents.by_hand([1], step, "an", "đang đi", NOW, Nobody())
        await ledger.incidents.by_hand([1, 99], Step.RELEASED, "an", "", NOW, Nobody())  # nobody has it
        await ledger.false_alarms.mark(1, "an", "thử", NOW, false=True)
        await ledger.false_alarms.mark(1, "an", "", NOW, false=False)
        await ledger.rota.hand_over("noc", "an", "nhớ xã 18073", NOW)
        await ledger.revisions.add({"a.yaml": b"sites: {}"}, NOW)
        await ledger.revisions.add({"a.yaml": b"sites: {} "}, NOW, "an", "sửa")
        found = [(one.who, one.what, one.subject) for one in reversed(await ledger.audit.newest())]
        assert found == [
            ("an", "incident acknowledged", "1"),
            ("an", "incident noted", "1"),
            ("an", "incident released", "1"),
            ("an", "false alarm marked", "1"),
            ("an", "false alarm taken back", "1"),
            ("an", "note for the next shift", "noc"),
            ("an", "inventory changed", "revision 2"),
        ]
        assert (await ledger.audit.verify()).broken_at is None
