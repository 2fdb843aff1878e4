"""An answer read by the form of an earlier one says exactly what parsing says."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.snmp import ber
from probes.snmp.ber import Malformed, Value, VarBind, oid
from probes.snmp.form import Form, Reader

NAMES = [oid(f"1.3.6.1.2.1.31.1.1.1.6.{index}") for index in range(1, 9)]
VARIABLES: st.SearchStrategy[tuple[int, Value]] = st.one_of(
    st.tuples(st.just(ber.INTEGER), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(st.sampled_from([ber.COUNTER32, ber.GAUGE32, ber.TIMETICKS]), st.integers(0, 2**32 - 1)),
    st.tuples(st.just(ber.COUNTER64), st.integers(0, 2**64 - 1)),
    st.tuples(st.just(ber.OCTETS), st.binary(max_size=12)),
    st.tuples(st.just(ber.NO_SUCH_INSTANCE), st.none()),
)


def encoded(values: Sequence[tuple[int, Value]]) -> bytes:
    return b"".join(ber.varbind(name, tag, value) for name, (tag, value) in zip(NAMES, values, strict=False))


def parsed(content: bytes) -> list[VarBind] | None:
    try:
        return ber.read_varbinds(content, 0, len(content))
    except Malformed:
        return None


@given(st.lists(VARIABLES, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_what_a_form_reads_is_what_parsing_reads_whatever_bytes_change(
    values: list[tuple[int, Value]], dice: random.Random
) -> None:
    content = encoded(values)
    form = Form(content, ber.read_varbinds(content, 0, len(content)))
    assert form.size == len(content)
    for _ in range(60):
        changed = bytearray(content)
        for _ in range(dice.randint(0, 4)):
            changed[dice.randrange(len(changed))] = dice.randrange(256)
        found = form.read(bytes(changed))
        assert found is None or found == parsed(bytes(changed))


@given(st.lists(st.lists(VARIABLES, min_size=1, max_size=8), min_size=1, max_size=6))
def test_a_reader_reads_one_answer_after_the_other_as_parsing_does(
    answers: list[list[tuple[int, Value]]],
) -> None:
    reader = Reader()
    for values in [answer for answer in answers for _ in range(3)]:
        content = encoded(values)
        assert reader.read(b"head" + content + b"tail", 4, 4 + len(content)) == parsed(content)


def test_an_answer_whose_numbers_changed_has_the_same_form_and_a_negative_one_has_not() -> None:
    first, second = [(ber.COUNTER64, 2**40), (ber.INTEGER, 5)], [(ber.COUNTER64, 2**40 + 9), (ber.INTEGER, 6)]
    content = encoded(first)
    form = Form(content, ber.read_varbinds(content, 0, len(content)))
    assert form.read(encoded(second)) == [(NAMES[0], ber.COUNTER64, 2**40 + 9), (NAMES[1], ber.INTEGER, 6)]
    assert form.read(encoded([(ber.COUNTER64, 2**40), (ber.INTEGER, -1)])) is None


def test_a_malformed_answer_of_a_known_length_is_still_refused() -> None:
    reader, content = Reader(), encoded([(ber.COUNTER32, 7), (ber.OCTETS, b"up")])
    for _ in range(3):
        reader.read(content, 0, len(content))
    with pytest.raises(Malformed):
        reader.read(b"\x31" + content[1:], 0, len(content))
