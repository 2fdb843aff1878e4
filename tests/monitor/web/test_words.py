"""Languages, formats and order of names."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime, timedelta
from gettext import GNUTranslations
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

import alerts.baseline
import alerts.rules
import inventory.profiles
import monitor.web
from inventory.communes import Communes
from monitor.web.collation import bare_name, name_key
from monitor.web.formats import Formats
from monitor.web.language import load_messages
from monitor.web.titles import METRICS

WEB = Path(monitor.web.__file__).parent
PO = WEB / "locale" / "vi" / "LC_MESSAGES" / "messages.po"
NOW = datetime(2026, 1, 31, 20, 5, tzinfo=UTC)


def formats(language: str) -> Formats:
    return Formats(language, load_messages()[language], lambda: NOW)


def message_ids() -> set[str]:
    found = extract_from_dir(
        WEB,
        method_map=[("**.py", "python"), ("templates/**.html", "jinja2")],
        options_map={"templates/**.html": {"trimmed": "true"}},
        keywords={"_": None, "gettext": None, "ngettext": (1, 2), "N_": None},
    )
    return {ids if isinstance(ids, str) else str(ids[0]) for _, _, ids, _, _ in found}


def test_every_text_of_the_pages_is_translated_and_none_is_left_over() -> None:
    with PO.open("rb") as stream:
        catalog = read_po(stream)
    known = {
        entry.id if isinstance(entry.id, str) else entry.id[0]
        for entry in catalog
        if entry.id and (entry.string if isinstance(entry.string, str) else all(entry.string or ("",)))
    }
    wanted = message_ids()
    assert wanted - known == set(), "not translated: see docs/translating.md"
    assert known - wanted == set(), "no longer used: see docs/translating.md"
    assert not [entry.id for entry in catalog if entry.fuzzy and entry.id]


def test_the_compiled_messages_are_those_of_the_source() -> None:
    fresh = io.BytesIO()
    with PO.open("rb") as source:
        write_mo(fresh, read_po(source))
    fresh.seek(0)
    with PO.with_suffix(".mo").open("rb") as compiled:
        assert messages_of(GNUTranslations(compiled)) == messages_of(GNUTranslations(fresh))


def messages_of(translations: GNUTranslations) -> dict[object, str]:
    """Return every message; the header holds times and is left out."""
    return {key: text for key, text in vars(translations)["_catalog"].items() if key != ""}


def test_no_template_holds_a_text_outside_of_gettext() -> None:
    loose: list[str] = []
    for path in (WEB / "templates").rglob("*.html"):
        source = re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}", "\0", path.read_text(encoding="utf-8"), flags=re.S)
        source = re.sub(r"<(script|style|code|pre).*?</\1>", "", source, flags=re.S)
        words = re.findall(r"[A-Za-zÀ-ỹ]{3,}", re.sub(r"<[^>]*>", "\0", source))
        loose += [f"{path.name}: {word}" for word in words if not _translated(path, word)]
    assert loose == []


def _translated(path: Path, word: str) -> bool:
    """Whether the word stands inside a trans block."""
    blocks = re.findall(r"{%-? trans.*?%}(.*?){%-? endtrans", path.read_text(encoding="utf-8"), re.S)
    return any(word in block for block in blocks)


@pytest.mark.parametrize(
    ("value", "unit", "vi", "en"),
    [
        (0.4523, "1", "45,2 %", "45.2 %"),
        (1.0, "1", "100 %", "100 %"),
        (0.00312, "s", "3,1 ms", "3.1 ms"),
        (90.0, "s", "1 phút", "1 minute"),
        (1234567.0, "s", "14 ngày", "14 days"),
        (1536.0, "By", "1,5 KiB", "1.5 KiB"),
        (1.2e7, "bit/s", "12 Mbit/s", "12 Mbit/s"),
        (12345.6, "{session}", "12.345,6", "12,345.6"),
        (47.25, "Cel", "47,2 °C", "47.2 °C"),
        (float("nan"), "Cel", "– °C", "– °C"),
    ],
)
def test_quantities_are_written_as_people_read_them(value: float, unit: str, vi: str, en: str) -> None:
    assert (formats("vi").quantity(value, unit), formats("en").quantity(value, unit)) == (vi, en)


def test_every_metric_that_profiles_and_rules_name_has_a_title() -> None:
    folders = (inventory.profiles, alerts.rules, alerts.baseline)
    files = [path for folder in folders for path in Path(str(folder.__file__)).parent.glob("*.yaml")]
    named = {name for path in files for name in re.findall(r"metric: ([a-z_.0-9]+)", path.read_text("utf-8"))}
    assert len(named) > 10
    assert named - METRICS.keys() == set()


def test_times_are_those_of_viet_nam() -> None:
    assert formats("vi").moment(NOW) == "01/02/2026 03:05"
    assert formats("vi").ago(NOW - timedelta(minutes=3, seconds=20)) == "3 phút trước"
    assert formats("en").ago(NOW - timedelta(hours=1)) == "1 hour ago"
    assert formats("vi").ago(NOW + timedelta(seconds=9)) == "vừa xong"
    assert formats("vi").clock(NOW - timedelta(hours=4)) == "31/01 23:05"


def test_names_are_in_vietnamese_order_without_their_kind() -> None:
    names = ["Xã Đức Thọ", "Phường Thành Sen", "Xã Cẩm Bình", "Xã Can Lộc", "Xã Dương", "Xã Ăn", "Xã An"]
    assert [bare_name(name) for name in sorted(names, key=name_key)] == [
        "An",
        "Ăn",
        "Can Lộc",
        "Cẩm Bình",
        "Dương",
        "Đức Thọ",
        "Thành Sen",
    ]


def test_every_commune_of_the_country_has_a_sort_key() -> None:
    keys = {name_key(commune.name) for commune in Communes.load()}
    assert len(keys) > 2000
