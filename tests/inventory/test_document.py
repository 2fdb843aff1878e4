"""YAML files become models, or every mistake is said with its place."""

from __future__ import annotations

import os
import time
import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field, RootModel

from inventory import document
from inventory.document import Invalid, Problem, load
from inventory.duration import Duration, written
from inventory.model import Model


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


class Small(Model):
    kind: Literal["small"]
    size: Annotated[int, Field(ge=1)] = 1


class Large(Model):
    kind: Literal["large"]
    weight: float


class Thing(Model):
    name: str = ""
    port: int = 0
    ratio: float = 0.0
    on: bool = False
    colour: Colour = Colour.RED
    span: Duration = 1.0
    tags: tuple[str, ...] = ()
    pair: tuple[float, float] = (0.0, 0.0)
    either: int | str | tuple[str, ...] = 0
    box: Annotated[Small | Large, Field(discriminator="kind")] | None = None
    inner: Mapping[str, Small] = {}
    maybe: str | None = None


class Things(RootModel[tuple[Thing, ...]]):
    pass


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "thing.yaml"


def problems(file: Path, text: str | bytes) -> list[str]:
    """Return what is said about `text`, less the folder."""
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(Invalid) as refusal:
        load(file, Thing)
    return [str(problem).replace(f"{file.parent}/", "") for problem in refusal.value.problems]


def thing(file: Path, text: str) -> Thing:
    file.write_text(text, encoding="utf-8")
    return load(file, Thing)


@pytest.mark.parametrize(
    "word", ["no", "yes", "on", "22:22", "0777", "0x1F", "1e3", "+5", "~", ".inf", "2024-01-01"]
)
def test_what_only_looks_like_a_value_stays_text(file: Path, word: str) -> None:
    assert thing(file, f"name: {word}").name == word


def test_plain_words_and_decimal_numbers_have_their_meaning(file: Path) -> None:
    read = thing(file, "on: true\nport: -5\nratio: 0.25\nmaybe: null\npair: [1, 2.5]\n")
    assert (read.on, read.port, read.ratio, read.maybe, read.pair) == (True, -5, 0.25, None, (1.0, 2.5))


def test_quotes_make_text_of_everything(file: Path) -> None:
    assert thing(file, "tags: ['true', \"5\", 'null']").tags == ("true", "5", "null")
    assert problems(file, "port: '5'") == ["thing.yaml:1:7: port: wants a whole number, found the text '5'"]


@pytest.mark.parametrize("number", ["1.10", "18073", "912345678", "-0", "100000000000000000000000000"])
def test_a_number_where_text_is_wanted_is_the_text_that_was_written(file: Path, number: str) -> None:
    assert thing(file, f"name: {number}\ntags: [a, {number}]").tags == ("a", number)
    assert thing(file, f"name: {number}").name == number


def test_true_and_nothing_where_text_is_wanted_are_mistakes(file: Path) -> None:
    assert problems(file, "name: true\ntags:\n") == [
        "thing.yaml:1:7: name: wants a text, found true",
        "thing.yaml:2:6: tags: wants a list, found nothing",
    ]


def test_keys_are_always_text(file: Path) -> None:
    assert set(thing(file, "inner: {18073: {kind: small}, true: {kind: small}}").inner) == {"18073", "true"}


def test_strict_models_take_lists_for_tuples_and_texts_for_enumerations(file: Path) -> None:
    read = thing(file, "colour: green\ntags: [a, b]\nspan: 1.5h\nbox: {kind: large, weight: 2}\n")
    assert (read.colour, read.tags, read.span) == (Colour.GREEN, ("a", "b"), 5400.0)
    assert read.box == Large(kind="large", weight=2.0)


def test_a_list_can_be_a_whole_file(file: Path) -> None:
    file.write_text("- {name: a}\n- {name: b, prot: 1}\n", encoding="utf-8")
    with pytest.raises(
        Invalid, match=r"thing.yaml:2:13: \[1\].prot: unknown key 'prot'; did you mean 'port'"
    ):
        load(file, Things)


def test_every_mistake_of_a_file_is_said_at_once(file: Path) -> None:
    text = "nam: x\nport: a\non: no\ncolour: blue\nspan: 5\n"
    text += "inner: {a: {kind: small, size: 0}}\nbox: {kind: huge}\n"
    assert [line.split(": ", 2)[1] for line in problems(file, text)] == [
        "nam",
        "port",
        "on",
        "colour",
        "span",
        "inner.a.size",
        "box.kind",
    ]


def test_members_of_a_union_are_said_in_one_sentence(file: Path) -> None:
    assert problems(file, "either: {a: b}") == [
        "thing.yaml:1:9: either: wants a whole number or a text or a list, found a mapping (key: value)"
    ]


def test_lines_and_columns_count_characters_not_bytes(file: Path) -> None:
    assert problems(file, 'tags: ["Nguyễn Văn Ánh", {}]')[0].startswith("thing.yaml:1:26: tags[1]")


def test_vietnamese_in_either_unicode_form_is_the_same_text(file: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "Nguyễn")
    assert decomposed != "Nguyễn"
    assert thing(file, f"name: {decomposed}").name == "Nguyễn"


def test_the_same_key_in_two_unicode_forms_is_written_twice(file: Path) -> None:
    twice = "ễ: {kind: small}, " + unicodedata.normalize("NFD", "ễ") + ": {kind: small}"
    assert "written twice" in problems(file, "inner: {" + twice + "}")[0]


def test_windows_line_ends_are_read(file: Path) -> None:
    file.write_bytes(b"name: a\r\nport: x\r\n")
    with pytest.raises(Invalid, match=r":2:7: port"):
        load(file, Thing)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"name: \x00", "U+0000"),
        (b"\x00\x00\x00n", "UTF-16"),
        ("name: a".encode("utf-16-be"), "UTF-16"),
        (b"name: \xff", "not UTF-8"),
        (b"name: \xed\xa0\x80", "not UTF-8"),
        ("name: a\u2028b".encode(), "U+2028"),
        ("name: a\x85b".encode(), "U+0085"),
        (b"name: a\rb", "U+000D"),
        (b'name: "\\ud800"', "not valid YAML"),
        (b"name: &a b", "anchors"),
        (b"name: *a", "aliases"),
        (b"<<: {name: a}", "merge keys"),
        (b"name: !secret b", "tags"),
        (b"? {a: b}\n: c", "a key must be a text"),
        (b"name: a\nname: b", "written twice; first at line 1, column 1"),
        (b"name: a\n---\nname: b", "second document"),
        (b"[" * 100_000, "nested deeper than 40"),
        (b"{a: " * 100_000, "nested deeper than 40"),
        (b"- " * 100_000, "nested deeper than 40"),
        (b"a" * (document.MAX_BYTES + 1), "larger than 1024 KiB"),
        (b"tags: [" + b"a," * 250_000 + b"]", "more than 200000 values"),
        (b"'" * 99_999, "not valid YAML"),
        (b"", "the file is empty"),
        (b"# nothing", "the file is empty"),
        (b"%TAG ! tag:x,2000:\n---\nname: a", "directives"),
    ],
)
def test_dangerous_yaml_is_refused_with_a_clear_message(file: Path, text: bytes, said: str) -> None:
    started = time.monotonic()
    assert any(said in line for line in problems(file, text))
    assert time.monotonic() - started < 5


def test_a_quoted_merge_sign_is_an_ordinary_key(file: Path) -> None:
    assert list(thing(file, "inner: {'<<': {kind: small}}").inner) == ["<<"]


@pytest.mark.parametrize(
    "what", ["missing", "folder", "pipe", "link out", "link loop", "forbidden name", "device"]
)
def test_what_is_no_readable_file_is_a_mistake_and_nothing_else(tmp_path: Path, what: str) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    path = inside / "a.yaml"
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "link out":
        (tmp_path / "secret.yaml").write_text("name: secret")
        path.symlink_to("../secret.yaml")
    elif what == "link loop":
        path.symlink_to("a.yaml")
    elif what == "device":
        path.symlink_to("/dev/zero")
    elif what == "forbidden name":
        path = inside / "a\0.yaml"
    with pytest.raises(Invalid) as refusal:
        load(path, Thing)
    assert len(refusal.value.problems) == 1


def test_a_link_within_the_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real.yaml").write_text("name: real")
    (tmp_path / "link.yaml").symlink_to("real.yaml")
    assert load(tmp_path / "link.yaml", Thing).name == "real"


def test_signs_in_a_key_cannot_forge_a_line_of_the_report(file: Path) -> None:
    said = problems(file, 'inner: {"a\\n/etc/x.yaml:1:1: fine": 5}')
    assert len(said) == 1
    assert "\n" not in said[0]


def test_problems_sort_by_place_and_are_said_once() -> None:
    one, two = Problem("a.yaml", 2, 1, "x", "m"), Problem("a.yaml", 10, 1, "x", "m")
    assert Invalid([two, one, two]).problems == (one, two)
    assert str(Invalid([two.as_warning()])) == "a.yaml:10:1: warning: x: m"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("30s", 30), ("1.5m", 90), ("1h", 3600), ("1d", 86400), ("366d", 31622400)],
)
def test_spans_of_time_are_seconds(file: Path, text: str, seconds: float) -> None:
    assert thing(file, f"span: {text}").span == seconds


@pytest.mark.parametrize(
    "text", ["30", "0s", "367d", "-5s", "5 s", "5w", "'5'", "true", "[5s]", "1e3s", "٣s", "null"]
)
def test_other_spans_are_refused(file: Path, text: str) -> None:
    assert "wants a span of time" in problems(file, f"span: {text}")[0]


@pytest.mark.parametrize("text", ["500ms", "90s", "5m", "6h", "2d"])
def test_a_span_is_written_as_people_write_it(file: Path, text: str) -> None:
    assert written(thing(file, f"span: {text}").span) == text
