"""What `silence` does over the API of a running monitor, in the same terms as with the ledger at hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from alerts.calendar import VIETNAM
from alerts.quiet.preview import Effect
from alerts.quiet.quiet import QuietKind
from alerts.quiet.silence import Silence
from inventory.selector import Selector
from monitor.cli.client import Client, NoSuch


def add(client: Client, wish: Silence) -> tuple[Silence, Effect]:
    """Make a silence; return it, and what it hides."""
    body = _wish(wish)
    effect = _effect(client.post("/silences/preview", body))
    return _silence(client.post("/silences", body)), effect


def preview(client: Client, wish: Silence) -> Effect:
    """Return what a silence would hide, now and in the last 30 days."""
    return _effect(client.post("/silences/preview", _wish(wish)))


def known(client: Client) -> list[Silence]:
    """Return the silences, the newest first."""
    return [_silence(one) for one in client.get("/silences")["silences"]]


def extend(client: Client, number: int, until: datetime) -> Silence | None:
    """Let one last until another time; `None` when there is none that is not over."""
    try:
        return _silence(client.ask("PATCH", f"/silences/{number}", {"until": _written(until)}))
    except NoSuch:
        return None


def end(client: Client, number: int) -> Silence | None:
    """End one; `None` when there is none that is not over."""
    try:
        return _silence(client.ask("DELETE", f"/silences/{number}"))
    except NoSuch:
        return None


def _wish(one: Silence) -> dict[str, Any]:
    where = one.where.model_dump(exclude_defaults=True)
    times = {"from": _written(one.start), "until": _written(one.until)}
    return {"kind": one.kind, "where": where, "rules": one.rules, "reason": one.reason, **times}


def _written(moment: datetime) -> str:
    return moment.astimezone(VIETNAM).strftime("%Y-%m-%d %H:%M")


def _effect(found: object) -> Effect:
    return msgspec.convert(found, Effect)


def _silence(found: Mapping[str, Any]) -> Silence:
    start, until, made_at = (datetime.fromisoformat(found[name]) for name in ("start", "until", "made_at"))
    where = Selector.model_validate_json(msgspec.json.encode(found["where"]))
    about = (where, tuple(found["rules"]), start, until, found["reason"], found["who"], made_at)
    return Silence(found["id"], QuietKind(found["kind"]), *about, found["ended_by"])
