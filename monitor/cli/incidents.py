"""``commune-monitor incidents``: list them as a running monitor has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import click

from alerts.incident import Kind, Severity, Status
from alerts.telling.message import local
from monitor.cli.client import Client, api_options
from monitor.cli.common import SEVERITIES, heads, json_option, language, print_json, print_table, spoken
from probes.core.text import clean


@click.command
@click.option(
    "--status", type=click.Choice([*map(str, Status), "all"]), help="Those not resolved unless given."
)
@click.option("--kind", type=click.Choice([*map(str, Kind)]), default="incident", show_default=True)
@click.option("--severity", type=click.Choice([*map(str, Severity)]), help="At least so bad.")
@click.option("--site", help="Of one site, by its id.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@json_option
@api_options
def incidents(
    client: Client,
    status: str | None,
    kind: str,
    severity: str | None,
    site: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List incidents, worst and oldest first. Exit code 1 when there are any, 0 when there is none."""
    wanted = {"all": [""], None: ["open", "acknowledged"]}.get(status, [status or ""])
    query = {"kind": kind, "limit": str(limit)} | ({"site": site} if site else {})
    found = [
        one
        for state in wanted
        for one in client.get("/incidents", query | ({"status": state} if state else {}))["incidents"]
    ]
    least = Severity(severity).rank if severity else 0
    found = sorted((one for one in found if Severity(one["severity"]).rank >= least), key=urgency)[:limit]
    if as_json:
        print_json({"incidents": found})
    else:
        print_table(titles(), rows(found, {}))
    raise SystemExit(bool(found))


def titles() -> tuple[str, ...]:
    """Return the heads of the table of incidents."""
    return heads(
        ("SỐ", "ID"), ("MỨC ĐỘ", "SEVERITY"), ("TỪ LÚC", "SINCE"), ("Ở ĐÂU", "WHERE"), ("SỰ CỐ", "WHAT"),
        ("AI NHẬN", "WHO HAS IT"),
    )  # fmt: skip


def urgency(one: Mapping[str, Any]) -> tuple[bool, int, str]:
    """Order: what nobody has first, then the worst, then the oldest."""
    return one["status"] != "open", -Severity(one["severity"]).rank, one["opened_at"]


def rows(found: Iterable[Mapping[str, Any]], names: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Return the lines of a table; what a device or a person wrote is cleaned once more, for terminals obey it."""
    return [
        (
            str(one["id"]),
            SEVERITIES[one["severity"]].in_language(language()),
            local(datetime.fromisoformat(one["opened_at"])),
            _where(one, names),
            clean(one["summary"][language()], 100),
            _who(one),
        )
        for one in found
    ]


def _where(one: Mapping[str, Any], names: Mapping[str, str]) -> str:
    about = one["key"]["device"]
    if about.startswith("@"):
        count = len(one["sites"])
        if not count:
            return spoken("hệ thống giám sát", "the monitor")
        return spoken(f"{count} đơn vị", f"{count} sites")
    return clean(names.get(about.partition("/")[0], about), 40)


def _who(one: Mapping[str, Any]) -> str:
    if one["status"] == "resolved":
        return spoken("đã khắc phục", "resolved")
    return clean(one["acknowledged_by"], 40) or spoken("chưa ai", "nobody")
