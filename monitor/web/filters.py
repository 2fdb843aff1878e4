"""The filters of the templates: how times, numbers, words and names of ours are said in one language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from markupsafe import Markup

from alerts.incident import DeviceState, Words
from inventory.model import Text
from monitor.web import titles
from monitor.web.collation import bare_name
from monitor.web.formats import Formats
from monitor.web.language import N_
from probes.core.observation import Sample

Filters = Mapping[str, Callable[..., Any]]
Translate = Callable[[str], str]


def filters(language: str, formats: Formats, translate: Translate) -> Filters:
    """Return every filter by its name in the templates."""
    return {
        "say": lambda words: _say(words, language),
        "told": lambda said: _told(said, language, translate),
        "called": lambda device: device.called(language),
        "bare": bare_name,
        "reading": lambda sample: _reading(sample, formats, translate),
        **_times(formats),
        **_amounts(formats),
        **_names(translate),
        **_scopes(translate),
    }


def _times(formats: Formats) -> Filters:
    return {
        "ago": lambda moment: _time(moment, formats.ago(moment), formats, "ago"),
        "since": lambda moment: _time(moment, formats.since(moment), formats, "since"),
        "moment": lambda moment: _time(moment, formats.moment(moment), formats),
        "exact": lambda moment: _time(moment, formats.exact(moment), formats),
        "clock": lambda moment: _time(moment, formats.clock(moment), formats),
    }


def _amounts(formats: Formats) -> Filters:
    return {
        "number": formats.number,
        "quantity": lambda value, unit: formats.quantity(value, unit),
        "seconds": formats.seconds,
        "lasting": formats.lasting,
    }


def _names(translate: Translate) -> Filters:
    """What has a title of ours; a name that may be a device's own is translated only when it is one of ours."""
    return {
        "state": lambda state: translate(titles.STATES[state]),
        "serves": lambda state: translate(titles.SERVES[state]),
        "named_state": lambda name: translate(titles.STATES[DeviceState(name)]),
        "site_kind": lambda kind: translate(titles.SITE_KINDS[kind]),
        "severity": lambda severity: translate(titles.SEVERITIES[severity]),
        "status": lambda status: translate(titles.STATUSES[status]),
        "step": lambda step: translate(titles.STEPS[step]),
        "outcome": lambda outcome: translate(titles.OUTCOMES[outcome]),
        "outcome_help": lambda outcome: translate(titles.OUTCOME_HELP[outcome]),
        "role": lambda role: translate(titles.ROLES[role]),
        "role_help": lambda role: translate(titles.ROLE_HELP[role]),
        "source": lambda source: translate(titles.SOURCES[source]),
        "metric": lambda name: _title(titles.METRICS, name, translate),
        "fact": lambda name: _title(titles.FACTS, name, translate),
        "label": lambda name: _title(titles.LABELS, name, translate),
        "fact_value": lambda text: _title(titles.FACT_VALUES, text, translate),
        "label_value": lambda value: _title(titles.LABEL_VALUES, value, translate),
    }


def _scopes(translate: Translate) -> Filters:
    return {
        "scope": lambda scope: str(scope) if not scope.is_everywhere else translate(titles.EVERY_SITE),
        "pattern": lambda scope: "" if scope.is_everywhere else str(scope),
    }


def _say(words: Words | Text | str | None, language: str) -> str:
    return words or "" if words is None or isinstance(words, str) else words.in_language(language)


def _told(said: Words | str, language: str, translate: Translate) -> str:
    """Say why something is refused: a text of ours is a message of gettext."""
    return (translate(said) if said else "") if isinstance(said, str) else said.in_language(language)


def _title(known: Mapping[str, str], name: str, translate: Callable[[str], str]) -> str:
    """Translate only what is ours: a device must not reach into the messages by a clever name."""
    return translate(known[name]) if name in known else name


def _reading(sample: Sample, formats: Formats, translate: Callable[[str], str]) -> str:
    if sample.metric in titles.FLAGS:
        return translate(N_("yes")) if sample.value else translate(N_("no"))
    return formats.quantity(sample.value, sample.unit)


def _time(moment: datetime, text: str, formats: Formats, live: str = "") -> Markup:
    """A time a script may keep current; the exact one shows on hover and in the source."""
    ticking = Markup(' data-live="{}"').format(live) if live else ""
    return Markup('<time datetime="{}" title="{}"{}>{}</time>').format(
        moment.isoformat(), formats.exact(moment), ticking, text
    )
