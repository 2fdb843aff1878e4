"""How well outages are found and told: ``python -m bench.detection --seed N --days D --sites N [--json]``.

A province in virtual time, with everything broken on purpose and the truth known; beside it what plain rules of peers
would have told on the same attempts. Exits with 1 when an aim is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from typing import Any

from alerts.incident import Step
from alerts.rule import BUILT_IN, load_rules
from bench.detection import peers
from bench.detection.faults import Truth
from bench.detection.luck import every_check
from bench.detection.run import Laboratory, Page, Report
from bench.detection.score import Score, Told, score
from bench.detection.world import make_world


def told(pages: Sequence[Page]) -> list[Told]:
    """Return what was told as new or worse; what is over is no page."""
    opened = [page for page in pages if page.message.step is not Step.RESOLVED]
    return [Told(page.at, page.message.incident.key.rule, _about(page)) for page in opened]


def _about(page: Page) -> frozenset[str]:
    incident = page.message.incident
    return frozenset(getattr(incident, "sites", ())) or frozenset({incident.key.device})


def repeats(report: Report) -> int:
    """Return how many messages were told more than once."""
    keys = [page.message.key for page in report.pages]
    return len(keys) - len(set(keys))


def once(pages: Sequence[Page]) -> list[Page]:
    """Return the pages without repetitions, which are counted apart."""
    return list({page.message.key: page for page in reversed(pages)}.values())[::-1]


def judge(
    seed: int, days: float, sites: int, loss: float | None = None, hurry: float = 1.0
) -> dict[str, Any]:
    """Run the laboratory once and return its figures."""
    began = time.process_time()
    truth = Truth(make_world(seed, sites, loss), seed, days, hurry)
    report = Laboratory(truth, load_rules(*BUILT_IN), seed).run()
    ours = score(truth, told(once(report.pages)), report.away)
    checks = every_check(truth, seed)
    result = {
        "seed": seed,
        "days": days,
        "sites": sites,
        "devices": len(truth.world.inventory.devices),
        "faults": len(truth.faults),
        "ours": _figures(ours)
        | {
            "lost": report.undelivered + len(report.still_open),
            "repeated": repeats(report),
            "kills": report.kills,
        },
        "three_in_a_row": _figures(score(truth, peers.in_a_row(checks, 3))),
        "for_5m_grouped_by_site": _figures(score(truth, peers.firing_for(checks, 300))),
        "observations": report.observations,
        "left_out": report.skipped,
        "cpu_seconds": round(time.process_time() - began, 1),
    }
    result["aims_missed"] = aims_missed(result)
    return result


def _figures(found: Score) -> dict[str, Any]:
    return {
        "outages": found.outages,
        "recall": round(found.recall, 4),
        "pages": found.pages,
        "false": found.false,
        "false_by_rule": dict(found.false_by_rule),
        "pages_per_outage": found.per_outage,
        "most_pages": found.most,
        "delay_p50": found.p50,
        "delay_p99": found.p99,
        "late": len(found.late),
        "by_kind": found.by_kind,
    }


def aims_missed(result: dict[str, Any]) -> list[str]:
    """Return which aims of the laboratory were not met."""
    ours = result["ours"]
    aims = {
        "recall 1": ours["recall"] == 1,
        "no false page": ours["false"] == 0,
        "one page per outage": ours["pages_per_outage"] <= 1.05,
        "99 % within interval and confirmation": ours["late"] <= 0.01 * ours["outages"],
        "nothing lost": ours["lost"] == 0,
        "at most the message in flight repeated": ours["repeated"] <= ours["kills"],
    }
    return [aim for aim, met in aims.items() if not met]


def table(result: dict[str, Any]) -> str:
    """Return the figures for people: one column a judge."""
    judges = ("ours", "three_in_a_row", "for_5m_grouped_by_site")
    names = (
        "outages",
        "recall",
        "pages",
        "false",
        "pages_per_outage",
        "most_pages",
        "delay_p50",
        "delay_p99",
    )
    head = f"{'':20}" + "".join(f"{judge:>24}" for judge in judges)
    rows = [f"{name:20}" + "".join(f"{result[judge][name]:>24}" for judge in judges) for name in names]
    kinds = [f"{kind:28}{found}" for kind, found in result["ours"]["by_kind"].items()]
    shown = (
        "devices", "faults", "observations", "left_out", "cpu_seconds", "aims_missed",
    )  # fmt: skip
    ours = [f"{name:20}{result['ours'][name]}" for name in ("lost", "repeated", "kills", "false_by_rule")]
    return "\n".join([head, *rows, "", *ours, "", *kinds, "", *(f"{n:20}{result[n]}" for n in shown)])


def main() -> None:
    """Run, print, and say by the exit code whether the aims were met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=float, default=30)
    parser.add_argument("--sites", type=int, default=69)
    parser.add_argument(
        "--loss", type=float, help="share of packets every line loses; else mixed, 0 to 10 %%"
    )
    parser.add_argument("--hurry", type=float, default=1.0, help="so many times as much breaks")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = judge(options.seed, options.days, options.sites, options.loss, options.hurry)
    print(json.dumps(result) if options.json else table(result))
    sys.exit(bool(result["aims_missed"]))


if __name__ == "__main__":
    main()
