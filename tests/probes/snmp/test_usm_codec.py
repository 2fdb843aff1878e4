"""Our keys, ciphers and v3 messages against pysnmp's, both ways."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyasn1.codec.ber import decoder, encoder
from pyasn1.type import univ
from pysnmp.proto.api import v2c
from pysnmp.proto.mpmod.rfc3412 import ScopedPDU, SNMPv3Message
from pysnmp.proto.secmod.rfc3414.service import SnmpUSMSecurityModel, UsmSecurityParameters

from probes.snmp import ber, message
from probes.snmp.keys import DIGESTS, KEY_BYTES, KeyRing, localize, master
from probes.snmp.message import Pdu
from probes.snmp.reference import AUTH, PRIV
from probes.snmp.template import Template
from probes.snmp.usm import EngineState, User, parse
from tests.probes.snmp.test_ber import BINDS, OIDS, theirs

ENGINE_IDS = st.binary(min_size=5, max_size=32)
PASSWORDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=40)
NUMBERS = st.integers(0, 2**31 - 1)
PAIRS = [(auth, priv, way) for auth in DIGESTS for priv in KEY_BYTES for way in (0, 1)]
FEW = settings(max_examples=8, deadline=None)
"""A key costs a hash of one MiB, twice."""


@lru_cache
def their_privacy_key(auth: str, priv: str, way: int, password: str, engine_id: bytes) -> tuple[Any, bytes]:
    service = SnmpUSMSecurityModel.PRIV_SERVICES[PRIV[priv][way]]
    known = service.hash_passphrase(AUTH[auth], univ.OctetString(password))
    return service, bytes(service.localize_key(AUTH[auth], known, univ.OctetString(engine_id)))


@pytest.mark.parametrize(("auth", "priv", "way"), PAIRS)
def test_keys_of_every_pair_of_protocols_are_pysnmp_s(auth: str, priv: str, way: int) -> None:
    engine_id, password = bytes.fromhex("80001f8804ab12cd34ef"), "mot-mat-khau-dai"
    keys = KeyRing().keys((auth, "xac-thuc-dai"), (priv, password), engine_id)
    _, expected = their_privacy_key(auth, priv, way, password, engine_id)
    assert keys.privacy[way if way < len(keys.privacy) else 0] == expected[: KEY_BYTES[priv]]
    theirs = SnmpUSMSecurityModel.AUTH_SERVICES[AUTH[auth]]
    known = theirs.hash_passphrase(univ.OctetString("xac-thuc-dai"))
    assert keys.authentication == bytes(theirs.localize_key(known, univ.OctetString(engine_id)))


def test_3des_is_stretched_as_its_draft_says_only() -> None:
    keys = KeyRing().keys(("MD5", "xac-thuc-dai"), ("3DES", "bi-mat-dai"), b"\x80\0\0\0\1")
    assert len(keys.privacy) == 1


@FEW
@given(st.sampled_from(sorted(DIGESTS)), PASSWORDS, ENGINE_IDS)
def test_any_password_gives_pysnmp_s_key(auth: str, password: str, engine_id: bytes) -> None:
    digest, _ = DIGESTS[auth]
    theirs = SnmpUSMSecurityModel.AUTH_SERVICES[AUTH[auth]]
    expected = theirs.localize_key(
        theirs.hash_passphrase(univ.OctetString(password)), univ.OctetString(engine_id)
    )
    assert localize(digest, master(digest, password.encode()), engine_id) == bytes(expected)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([(priv, way) for priv in KEY_BYTES for way in (0, 1)]),
    st.binary(min_size=1, max_size=600),
    NUMBERS,
    NUMBERS,
)
def test_pysnmp_decrypts_what_we_encrypt_and_we_what_it_encrypts(
    which: tuple[str, int], plain: bytes, boots: int, time: int
) -> None:
    priv, way = which
    engine_id, password = b"\x80\0\x1f\x88\x04hai", "mot-mat-khau-dai"
    keys = RING.keys(("SHA1", password), (priv, password), engine_id)
    ours = min(way, len(keys.privacy) - 1)
    service, key = their_privacy_key("SHA1", priv, way, password, engine_id)
    salt = boots.to_bytes(4, "big") + b"\0\0\0\7"
    secret = keys.encrypt(ours, plain, boots, time, salt)
    where = boots, time, univ.OctetString(salt)
    theirs = service.decrypt_data(univ.OctetString(key), where, univ.OctetString(secret))
    assert bytes(theirs)[: len(plain)] == plain
    secret, their_salt = service.encrypt_data(univ.OctetString(key), (boots, time, None), plain)
    assert keys.decrypt(ours, bytes(secret), boots, time, bytes(their_salt))[: len(plain)] == plain


RING = KeyRing()


@settings(max_examples=60, deadline=None)
@given(st.lists(OIDS, min_size=1, max_size=20), ENGINE_IDS, NUMBERS, NUMBERS, st.integers(2**23, 2**31 - 1))
def test_pysnmp_takes_our_v3_request_apart(
    oids: list[tuple[int, ...]], engine_id: bytes, boots: int, time: int, key: int
) -> None:
    user = User("giam-sat", ("SHA256", "x" * 9), ("AES128", "y" * 9), RING, lambda: float(time))
    user.recall(EngineState(engine_id, boots, 0.0))
    datagram = user.seal(Template.get(tuple(map(ber.join_arcs, oids))), key)
    whole, rest = decoder.decode(datagram, asn1Spec=SNMPv3Message())
    assert rest == b""
    header = whole[1]
    assert (int(header[0]), bytes(header[2]), int(header[3])) == (key, b"\x07", 3)
    security, rest = decoder.decode(bytes(whole[2]), asn1Spec=UsmSecurityParameters())
    assert rest == b""
    assert (bytes(security[0]), int(security[1]), int(security[2])) == (engine_id, boots, time)
    assert bytes(security[3]) == b"giam-sat"
    auth = SnmpUSMSecurityModel.AUTH_SERVICES[AUTH["SHA256"]]
    keys = RING.keys(user.auth, user.priv, engine_id)
    auth.authenticate_incoming_message(univ.OctetString(keys.authentication), security[4], datagram)
    plain = keys.decrypt(0, bytes(whole[3][1]), boots, time, bytes(security[5]))
    scoped, _ = decoder.decode(plain, asn1Spec=ScopedPDU())
    asked = scoped[2].getComponent()
    assert int(asked[0]) == key
    assert [tuple(bind[0]) for bind in asked[3]] == oids


@settings(max_examples=60, deadline=None)
@given(BINDS, ENGINE_IDS, NUMBERS, NUMBERS, NUMBERS)
def test_we_take_pysnmp_s_v3_message_apart(
    binds: list[ber.VarBind], engine_id: bytes, boots: int, time: int, key: int
) -> None:
    datagram = bytes(encoder.encode(their_message(binds, engine_id, boots, time, key)))
    parsed = parse(datagram)
    assert (parsed.key, parsed.flags, parsed.engine_id) == (key, 0, engine_id)
    assert (parsed.boots, parsed.time, parsed.user, parsed.digest) == (boots, time, b"ai-do", b"")
    at, _ = ber.expect(datagram, parsed.scoped_at, ber.SEQUENCE)
    _, at = ber.read_octets(datagram, at)
    _, at = ber.read_octets(datagram, at)
    assert message.decode_pdu(datagram, at) == Pdu(message.RESPONSE, key, 0, 0, binds)


def their_message(binds: list[ber.VarBind], engine_id: bytes, boots: int, time: int, key: int) -> Any:
    pdu = v2c.ResponsePDU()
    v2c.apiPDU.set_defaults(pdu)
    v2c.apiPDU.set_request_id(pdu, key)
    v2c.apiPDU.set_varbinds(pdu, [theirs(bind) for bind in binds])
    security = UsmSecurityParameters()
    for place, value in enumerate((engine_id, boots, time, b"ai-do", b"", b"")):
        security[place] = value
    whole = SNMPv3Message()
    whole[0] = 3
    header = whole.setComponentByPosition(1)[1]
    for place, value in enumerate((key, 65507, b"\0", 3)):
        header[place] = value
    whole[2] = encoder.encode(security)
    scoped = whole.setComponentByPosition(3)[3].setComponentByPosition(0)[0]
    scoped[0], scoped[1] = engine_id, b""
    scoped.setComponentByPosition(2)[2].setComponentByType(pdu.tagSet, pdu, verifyConstraints=False)
    return whole
