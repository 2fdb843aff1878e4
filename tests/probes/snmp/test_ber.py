"""Our encoding against pysnmp's, both ways, and against noise."""

from __future__ import annotations

import random
import struct
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyasn1.codec.ber import decoder, encoder
from pyasn1.type import univ
from pysnmp.proto import rfc1902
from pysnmp.proto.api import v1, v2c

from probes.snmp import ber, message
from probes.snmp.ber import Malformed, VarBind, oid
from probes.snmp.message import Message, Pdu
from probes.snmp.security import Community
from probes.snmp.template import Template

OIDS = st.tuples(
    st.sampled_from((0, 1)), st.integers(0, 39), st.lists(st.integers(0, 2**32 - 1), max_size=30)
).map(lambda parts: (parts[0], parts[1], *parts[2]))
PYASN1_PADS = {-(2**7), -(2**15), -(2**23), -(2**31)}
"""pyasn1 writes these with a byte more than X.690 8.3.2 allows."""
VALUES = st.one_of(
    st.tuples(st.just(ber.INTEGER), st.integers(-(2**31), 2**31 - 1).filter(lambda n: n not in PYASN1_PADS)),
    st.tuples(st.sampled_from((ber.COUNTER32, ber.GAUGE32, ber.TIMETICKS)), st.integers(0, 2**32 - 1)),
    st.tuples(st.just(ber.COUNTER64), st.integers(0, 2**64 - 1)),
    st.tuples(st.just(ber.OCTETS), st.binary(max_size=300)),
    st.tuples(st.just(ber.IP_ADDRESS), st.binary(min_size=4, max_size=4)),
    st.tuples(st.just(ber.OID), OIDS.map(ber.join_arcs)),
    st.tuples(st.just(ber.OPAQUE), st.floats(allow_nan=False) | st.floats(allow_nan=False, width=32)),
    st.tuples(st.just(ber.OPAQUE), st.binary(max_size=20).filter(lambda b: b[:1] != b"\x9f")),
    st.tuples(st.sampled_from((ber.NO_SUCH_OBJECT, ber.NO_SUCH_INSTANCE, ber.END_OF_MIB)), st.none()),
)
BINDS = st.lists(st.builds(lambda name, value: (ber.join_arcs(name), *value), OIDS, VALUES), max_size=12)
THEIRS = {
    ber.INTEGER: rfc1902.Integer32,
    ber.COUNTER32: rfc1902.Counter32,
    ber.GAUGE32: rfc1902.Gauge32,
    ber.TIMETICKS: rfc1902.TimeTicks,
    ber.COUNTER64: rfc1902.Counter64,
    ber.OCTETS: rfc1902.OctetString,
    ber.IP_ADDRESS: rfc1902.IpAddress,
}


def theirs(bind: VarBind) -> tuple[object, object]:
    name, tag, value = bind
    arcs = rfc1902.ObjectName(ber.arcs(name))
    if tag == ber.OID:
        assert isinstance(value, bytes)
        return arcs, rfc1902.ObjectIdentifier(ber.arcs(value))
    if value is None:
        kinds = {
            ber.NO_SUCH_OBJECT: v2c.NoSuchObject,
            ber.NO_SUCH_INSTANCE: v2c.NoSuchInstance,
            ber.END_OF_MIB: v2c.EndOfMibView,
        }
        return arcs, kinds[tag]("")
    if tag == ber.OPAQUE:
        content = value if isinstance(value, bytes) else opaque(value)
        return arcs, rfc1902.Opaque(content)
    return arcs, THEIRS[tag](value)


def opaque(value: object) -> bytes:
    """Return a number as net-snmp wraps it: a float where that says the same, else a double."""
    assert isinstance(value, float)
    try:
        short = struct.pack(">f", value)
    except OverflowError:
        return b"\x9f\x79\x08" + struct.pack(">d", value)
    exact = struct.unpack(">f", short)[0] == value
    return b"\x9f\x78\x04" + short if exact else b"\x9f\x79\x08" + struct.pack(">d", value)


def their_message(binds: list[VarBind], request_id: int) -> bytes:
    pdu = v2c.ResponsePDU()
    v2c.apiPDU.set_defaults(pdu)
    v2c.apiPDU.set_request_id(pdu, request_id)
    v2c.apiPDU.set_varbinds(pdu, [theirs(bind) for bind in binds])
    whole = v2c.Message()
    v2c.apiMessage.set_defaults(whole)
    v2c.apiMessage.set_community(whole, b"cong-dong")
    v2c.apiMessage.set_pdu(whole, pdu)
    return bytes(encoder.encode(whole))


@settings(max_examples=60, deadline=None)
@given(BINDS, st.integers(0, 2**31 - 1))
def test_we_read_what_pysnmp_writes_and_write_the_same_bytes(binds: list[VarBind], request_id: int) -> None:
    written = their_message(binds, request_id)
    read = message.decode(written)
    assert read == Message(message.V2C, b"cong-dong", Pdu(message.RESPONSE, request_id, 0, 0, binds))
    assert message.encode(read) == written


@settings(max_examples=60, deadline=None)
@given(BINDS, st.integers(0, 2**31 - 1))
def test_pysnmp_reads_what_we_write(binds: list[VarBind], request_id: int) -> None:
    ours = message.encode(Message(message.V2C, b"cong-dong", Pdu(message.RESPONSE, request_id, 0, 0, binds)))
    whole, rest = decoder.decode(ours, asn1Spec=v2c.Message())
    pdu = v2c.apiMessage.get_pdu(whole)
    assert rest == b""
    assert int(v2c.apiPDU.get_request_id(pdu)) == request_id
    for (name, value), (expected_name, expected) in zip(
        v2c.apiPDU.get_varbinds(pdu), [theirs(bind) for bind in binds], strict=True
    ):
        assert (name, value) == (expected_name, expected)


KINDS = {
    message.GET: v2c.GetRequestPDU,
    message.GET_NEXT: v2c.GetNextRequestPDU,
    message.GET_BULK: v2c.GetBulkRequestPDU,
}


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from((message.V1, message.V2C)),
    st.sampled_from(sorted(KINDS)),
    st.lists(OIDS, min_size=1, max_size=20),
    st.integers(2**23, 2**31 - 1),
    st.integers(0, 3),
    st.integers(0, 100),
)
def test_our_requests_are_pysnmp_s_byte_for_byte(
    version: int, tag: int, oids: list[tuple[int, ...]], request_id: int, first: int, second: int
) -> None:
    api = v1 if version == message.V1 else v2c
    if tag == message.GET_BULK:
        api, version = v2c, message.V2C
    kinds = {message.GET: api.GetRequestPDU, message.GET_NEXT: api.GetNextRequestPDU}
    pdu = kinds.get(tag, KINDS[tag])()
    its = v2c.apiBulkPDU if tag == message.GET_BULK else api.apiPDU
    its.set_defaults(pdu)
    its.set_request_id(pdu, request_id)
    its.set_varbinds(pdu, [(arcs, api.null) for arcs in oids])
    names = tuple(map(ber.join_arcs, oids))
    template = Template(tag, names)
    if tag == message.GET_BULK:
        its.set_non_repeaters(pdu, first)
        its.set_max_repetitions(pdu, second)
        template = Template(tag, names, first, second)
    whole = api.Message()
    api.apiMessage.set_defaults(whole)
    api.apiMessage.set_community(whole, b"cong-dong")
    api.apiMessage.set_pdu(whole, pdu)
    ours = Community("cong-dong", version).seal(template, request_id)
    assert ours == bytes(encoder.encode(whole))


@given(OIDS)
def test_an_oid_survives_its_text(arcs: tuple[int, ...]) -> None:
    text = ".".join(map(str, arcs))
    assert ber.dotted(oid(text)) == text
    assert bytes(encoder.encode(univ.ObjectIdentifier(arcs))) == ber.tlv(ber.OID, oid(text))


@given(st.integers(-(2**63), 2**63 - 1))
def test_an_integer_takes_the_fewest_bytes(number: int) -> None:
    size = next(size for size in range(1, 9) if -(1 << 8 * size - 1) <= number < 1 << 8 * size - 1)
    assert ber.integer(number) == bytes((ber.INTEGER, size)) + number.to_bytes(size, "big", signed=True)
    assert ber.read_integer(ber.integer(number), 0) == (number, size + 2)


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"\x9f\x78\x04\x41\xb8\x00\x00", 23.0), (b"\x9f\x79\x08\x40\x37\x00\x00\x00\x00\x00\x00", 23.0)],
)
def test_opaque_floats_and_doubles_are_numbers(content: bytes, expected: float) -> None:
    bind = ber.tlv(ber.SEQUENCE, ber.tlv(ber.OID, oid("1.3.6.1")) + ber.tlv(ber.OPAQUE, content))
    assert ber.read_varbinds(bind, 0, len(bind)) == [(oid("1.3.6.1"), ber.OPAQUE, expected)]


def test_a_counter_without_its_leading_zero_is_not_negative() -> None:
    bind = ber.tlv(
        ber.SEQUENCE, ber.tlv(ber.OID, oid("1.3.6.1")) + ber.tlv(ber.COUNTER32, b"\xff\xff\xff\xff")
    )
    assert ber.read_varbinds(bind, 0, len(bind))[0][2] == 2**32 - 1


@pytest.mark.parametrize("text", ["", "1", "3.1", "1.40", "1.3.-6", "1.3.x", "1.3." + "1." * 130 + "1"])
def test_what_is_no_oid_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        oid(text)


def test_a_hundred_thousand_mutated_replies_raise_nothing_but_malformed() -> None:
    dice = random.Random(20261123)
    seeds = [
        their_message(
            [(oid(f"1.3.6.1.2.1.2.2.1.10.{n}"), ber.COUNTER32, 2**31 + n) for n in range(1, 4)], 2**30
        ),
        their_message(
            [(oid("1.3.6.1.2.1.1.5.0"), ber.OCTETS, b"x" * 40), (oid("1.3.6.1"), ber.END_OF_MIB, None)], 7
        ),
    ]
    began, malformed = time.monotonic(), 0
    for _ in range(100_000):
        mutated = bytearray(dice.choice(seeds))
        for _ in range(dice.randint(1, 3)):
            mutated[dice.randrange(len(mutated))] = dice.randrange(256)
        if dice.random() < 0.2:
            del mutated[dice.randrange(len(mutated)) :]
        try:
            message.key_of(bytes(mutated))
            message.decode(bytes(mutated))
        except Malformed:
            malformed += 1
    assert malformed > 10_000
    assert time.monotonic() - began < 60


# -- what is read without being parsed -----------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(
    BINDS,
    st.integers(-(2**31), 2**31 - 1),
    st.binary(max_size=200),
    st.sampled_from((message.V1, message.V2C)),
    st.integers(0, 5),
)
def test_the_id_at_its_usual_place_is_the_one_that_parsing_finds(
    binds: list[VarBind], request_id: int, community: bytes, version: int, status: int
) -> None:
    pdu = Pdu(message.RESPONSE, request_id, status, 0, binds)
    assert message.key_of(message.encode(Message(version, community, pdu))) == request_id


@settings(max_examples=100, deadline=None)
@given(BINDS, st.integers(2**23, 2**31 - 1), st.integers(2**23, 2**31 - 1), st.binary(max_size=6), st.data())
def test_an_answer_with_a_known_head_reads_as_one_without(
    binds: list[VarBind], first: int, second: int, noise: bytes, data: st.DataObject
) -> None:
    warm, cold = Community("cong-dong"), Community("cong-dong")
    whole = message.encode(Message(message.V2C, b"cong-dong", Pdu(message.RESPONSE, first, 0, 0, binds)))
    assert warm.open(whole, first) == cold.open(whole, first)
    other = message.encode(Message(message.V2C, b"cong-dong", Pdu(message.RESPONSE, second, 0, 0, binds)))
    at = data.draw(st.integers(0, len(other)))
    changed = other[:at] + noise + other[at + len(noise) :]
    for reply in (other, changed[: len(other)]):
        try:
            key = message.key_of(reply)
            expected = Community("cong-dong").open(reply, key)
        except Malformed:
            with pytest.raises(Malformed):
                warm.open(reply, message.key_of(reply))
        else:
            assert warm.open(reply, key) == expected
