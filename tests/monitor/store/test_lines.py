"""Line protocol: whatever a device is called or reports, one line comes out and reads back as one point."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from monitor.store import SeriesKey
from monitor.store.influxql import identifier, string
from monitor.store.lines import Wire

TEXT = st.text(max_size=40) | st.text(alphabet=",= \\\"'\n\r\tab\x00._", max_size=12)
KEYS = st.builds(SeriesKey, TEXT, TEXT, st.lists(st.tuples(TEXT, TEXT), max_size=3).map(tuple))


def split(text: str, at: str) -> list[str]:
    """Split where `at` is not escaped, as the reference parser does, and take the escapes away."""
    parts, part, rest = [], "", iter(range(len(text)))
    for i in rest:
        if text[i] == "\\" and text[i + 1 : i + 2] in {",", "=", " "}:
            part += text[i : i + 2]
            next(rest)
        elif text[i] == at:
            parts.append(part)
            part = ""
        else:
            part += text[i]
    return [*parts, part]


def plain(text: str) -> str:
    for special in ",= ":
        text = text.replace(f"\\{special}", special)
    return text


@given(KEYS)
def test_any_series_is_one_line_that_reads_back_as_itself(key: SeriesKey) -> None:
    wire = Wire.of(key)
    line = f"{wire.prefix}{wire.assignment}1.0 1700000000000"
    assert line.isprintable()
    head, fields, time = split(line, " ")
    measurement, *tags = split(head, ",")
    assert (plain(measurement), time) == (wire.measurement, "1700000000000")
    assert [tuple(map(plain, split(tag, "="))) for tag in tags] == list(wire.tags)
    name, value = split(fields, "=")
    assert (plain(name), value) == (wire.field, "1.0")
    assert not line.startswith("#")


@given(KEYS)
def test_names_and_values_are_never_empty_and_never_reserved(key: SeriesKey) -> None:
    wire = Wire.of(key)
    names = [name for name, _ in wire.tags]
    assert all(name and value for name, value in wire.tags)
    assert wire.measurement
    assert wire.field not in {"", "time", *names}
    assert names.count("device") == 1


@given(TEXT)
def test_a_quoted_name_or_value_ends_only_at_its_own_quote(text: str) -> None:
    for quoted, quote in ((identifier(text), '"'), (string(text), "'")):
        inside = quoted[1:-1].replace("\\\\", "")
        assert quoted[0] == quoted[-1] == quote
        assert inside.count(quote) == inside.count(f"\\{quote}")
        assert "\n" not in inside
