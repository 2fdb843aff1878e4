"""Revisions of the inventory: every one can be had back whole, and says what it changed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.ledger import Ledger
from tests.monitor.ledger.steps import T0

TREES = st.dictionaries(st.sampled_from(["a.yaml", "b.yaml", "x/c.yaml"]), st.binary(max_size=20))


async def test_a_revision_says_what_it_added_changed_and_removed(tmp_path: Path) -> None:
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        await ledger.revisions.add({"a.yaml": b"1", "b.yaml": b"2"}, T0)
        second = await ledger.revisions.add({"a.yaml": b"3", "c.yaml": b"2"}, T0, "an", "nối cáp mới")
        assert (second.author, second.note, second.at) == (
            "an",
            "nối cáp mới",
            T0.replace(microsecond=123000),
        )
        assert (second.added, second.changed, second.removed) == (("c.yaml",), ("a.yaml",), ("b.yaml",))


async def test_the_same_files_are_no_new_revision(tmp_path: Path) -> None:
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        first = await ledger.revisions.add({"a.yaml": b"1"}, T0)
        assert await ledger.revisions.add({"a.yaml": b"1"}, T0, "an", "nothing") == first


async def test_an_empty_inventory_is_a_revision_too_and_unknown_numbers_have_no_files(tmp_path: Path) -> None:
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        assert (await ledger.revisions.add({}, T0)).id == 1
        assert await ledger.revisions.files(7) == {}
        assert [one.id for one in await ledger.revisions.newest(before_id=1)] == []


@settings(max_examples=25, deadline=None)
@given(st.lists(TREES, max_size=6))
def test_whatever_was_in_force_can_be_had_back(
    tmp_path_factory: pytest.TempPathFactory, trees: list[dict[str, bytes]]
) -> None:
    async def remember() -> None:
        async with Ledger(tmp_path_factory.mktemp("ledger") / "ledger.sqlite") as ledger:
            kept = [((await ledger.revisions.add(tree, T0)).id, tree) for tree in trees]
            for number, tree in kept:
                assert await ledger.revisions.files(number) == tree

    asyncio.run(remember())
