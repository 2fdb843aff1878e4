"""The kiosk: a wall to be read from five metres. Few words, large; calm when all is well and when much is not."""

from __future__ import annotations

from monitor.web.context import WebContext
from monitor.web.language import N_
from monitor.web.live import INCIDENTS, STATES
from monitor.web.summary import SiteSummary
from monitor.web.view import Params, Values, View
from monitor.web.wall import wall_values

CARDS = 9
"""Troubles shown; more would be too small to read."""
CHANGES = 3


def view(context: WebContext, params: Params) -> View:
    """Return the kiosk."""

    async def values() -> Values:
        shown = dict(wall_values(context))
        at_large, lines = shown["at_large"][:CARDS], shown["troubles"]
        room = CARDS - len(at_large)
        shown |= {
            "at_large": at_large,
            "troubles": lines[:room],
            "more": len(shown["at_large"])
            - len(at_large)
            + len(lines)
            - len(lines[:room])
            + shown["more_troubles"],
            "squares": shown["provinces"] or _squares(shown["groups"]),
            "changes": shown["changes"][:CHANGES],
            "troubled_systems": [
                view for one in shown["systems"] for view in one.devices if view.state != "up"
            ],
        }
        return shown

    return View("kiosk", frozenset({STATES, INCIDENTS}), values, N_("Kiosk"))


def _squares(groups: list[object]) -> list[SiteSummary]:
    return [tile for group in groups for tile in group.tiles]  # type: ignore[attr-defined]
