"""An incident of several sites is one line on the wall, and shows at each of its sites."""

from __future__ import annotations

from types import SimpleNamespace

from alerts.incident import Incident, IncidentKey, Kind, Severity, Status, Words
from alerts.rule import BUILT_IN, load_rules
from monitor.board import Board
from monitor.web.context import WebContext
from monitor.web.summary import Summaries
from monitor.web.wall import wall_values
from tests.alerts.province import START, device, inventory


def test_it_is_one_line_of_the_wall_and_known_at_each_site() -> None:
    sites = ("18073", "18100")
    words = Words("2/2 đơn vị cùng mất kết nối", "2/2 sites cut off together")
    incident = Incident(
        7, IncidentKey("common-cause", "@power", "", "north"), Kind.INCIDENT, Severity.CRITICAL, Status.OPEN, words,
        "", START, START, sites=sites,
    )  # fmt: skip
    province = inventory(*(device("router", site=site) for site in sites))
    board = Board(province, (), START, [incident])
    vitals = SimpleNamespace(started=START)
    given: dict[str, object] = {
        "ledger": None,
        "operations": None,
        "store": None,
        "vitals": lambda: vitals,
        "now": lambda: START,
    }
    quiets = SimpleNamespace(maintained={}, under_maintenance={}, hides=lambda incident: None)
    given |= {"quiets": quiets, "who": None, "channels": None}
    context = WebContext(board, rules=lambda: load_rules(*BUILT_IN), **given)  # type: ignore[arg-type]
    values = wall_values(context)
    assert values["at_large"] == [incident] and values["open_incidents"] == 1
    assert values["troubles"] == []
    assert [one.incidents for one in Summaries().every(board)] == [(incident,), (incident,)]
