"""Files changed in place: what was meant is read again, and what was not touched stays to the letter."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.document import Invalid
from inventory.loader import load_tree
from inventory.tree import Tree
from inventory.writer import Unwritable, Writer
from tests.inventory.traits import PROBES

OFFICE = """\
# the office
sites:
  "18073":   # quoted by somebody
    owner: {name: 'An', phone: "0912345678"}
    devices:

      router: {address: 192.0.2.1, role: router}
      server: {address: 192.0.2.10, role: server}   # old, and to be replaced
# the end
"""
TRAPS = [
    "no",
    ":0",
    "22:22",
    "0777",
    "1e3",
    "true",
    "null",
    "~",
    "123",
    "1_000",
    "0x1f",
    "- a",
    "a: b",
    "#x",
    "&a",
    "*a",
    "'",
    '"',
    "é",
    "=",
]


def tree(text: str, name: str = "a.yaml") -> Tree:
    return Tree(Path("inventory"), {name: text.encode()})


def test_what_is_not_touched_stays_to_the_letter() -> None:
    writer = Writer(tree(OFFICE))
    writer.device("18073", "router", {"title": "Bộ định tuyến chính"})
    (text,) = writer.texts.values()
    assert text == OFFICE.replace("role: router}", "role: router, title: Bộ định tuyến chính}")


def test_a_site_that_is_nowhere_gets_a_file_and_codes_stay_codes() -> None:
    writer = Writer(Tree(Path(__file__).parent, {"a.yaml": OFFICE.encode()}), "42")
    writer.device("18100", "router", {"address": "192.0.2.9", "role": "router"})
    writer.site("00004", {"owner": {"name": "An"}})
    assert list(writer.texts) == ["42/18100.yaml", "42/00004.yaml"]
    everything = tree(OFFICE).altered({name: text.encode() for name, text in writer.texts.items()})
    assert set(load_tree(everything, PROBES).inventory.sites) >= {"18100", "18073"}


@pytest.mark.parametrize("broken", ["sites: [", "a: &x 1\nb: *y\n", "- a\n", "a: 1\na: 2\n", "\x00"])
def test_a_file_that_cannot_be_read_is_not_written(broken: str) -> None:
    with pytest.raises(Unwritable):
        Writer(tree(broken)).site("18073", {"owner": {"name": "An"}})


@settings(max_examples=200, deadline=None)
@given(
    title=st.sampled_from(TRAPS) | st.text(min_size=1, max_size=60),
    tag=st.from_regex(r"[a-z0-9][a-z0-9-]{0,10}", fullmatch=True),
)
def test_whatever_text_is_written_is_read_again_or_refused(title: str, tag: str) -> None:
    writer = Writer(tree(OFFICE))
    writer.device("18073", "router", {"title": title, "tags": [tag]})
    changed = tree(OFFICE).altered(
        {name: text.encode("utf-8", "surrogatepass") for name, text in writer.texts.items()}
    )
    try:
        router = load_tree(changed, PROBES).inventory.devices["18073/router"]
    except Invalid:
        assert (
            not title.isprintable()
            or not title.strip()
            or len(title) > 100
            or any(ord(c) > 0xFFFF or ord(c) >= 0xE000 for c in title)
        ), title
        return
    assert (router.title, router.tags) == (title, (tag,))
