"""``commune-monitor coverage``: has every site what a site of its kind must have?"""

from __future__ import annotations

from pathlib import Path

import click

from inventory.coverage import Coverage, Lack
from inventory.coverage import coverage as coverage_of
from monitor.cli.common import json_option, load, print_json, print_table


@click.command
@json_option
@click.pass_obj
def coverage(settings: Path, as_json: bool) -> None:
    """Say how many sites have all they must have (69/69), or who lacks what. Exit code 1 when something lacks."""
    covered = coverage_of(load(settings).inventory)
    if as_json:
        print_json(_plain(covered))
    else:
        _print(covered)
    raise SystemExit(1 if covered.lacking else 0)


def _print(covered: Coverage) -> None:
    rows = []
    for kind, needs in covered.needs.items():
        rows.append((kind, "all of these", _of(covered.complete(kind))))
        rows += [("", need.title.en, _of(covered.complete(kind, need.name))) for need in needs]
    print_table(("KIND", "MUST HAVE", "SITES"), rows)
    if covered.lacking:
        click.echo()
        print_table(
            ("SITE", "NAME", "LACKS"),
            [
                (one.site.id, one.site.name, ", ".join(_lack(lack) for lack in one.lacks))
                for one in covered.lacking
            ],
        )


def _lack(lack: Lack) -> str:
    counted = f", has {lack.has} of {lack.need.count}" if lack.need.count > 1 else ""
    return f"{lack.need.title.en} ({' or '.join(lack.need.roles)}{counted})"


def _of(numbers: tuple[int, int]) -> str:
    return f"{numbers[0]}/{numbers[1]}"


def _plain(covered: Coverage) -> dict[str, object]:
    return {
        "complete": not covered.lacking,
        "kinds": {
            kind: _numbers(covered.complete(kind))
            | {
                "needs": {
                    need.name: need.model_dump(mode="json") | _numbers(covered.complete(kind, need.name))
                    for need in needs
                }
            }
            for kind, needs in covered.needs.items()
        },
        "lacking": [
            {
                "site": one.site.id,
                "name": one.site.name,
                "kind": one.site.kind,
                "lacks": [
                    {"need": lack.need.name, "has": lack.has, "wants": lack.need.count} for lack in one.lacks
                ],
            }
            for one in covered.lacking
        ],
    }


def _numbers(numbers: tuple[int, int]) -> dict[str, object]:
    return {"complete": numbers[0], "sites": numbers[1]}
