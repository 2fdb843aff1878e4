"""Names of compiled MIBs, and the compiler on a small module of every kind of definition."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from probes.core.words import same
from probes.snmp import ber, message
from probes.snmp.ber import oid
from probes.snmp.channel import Silence
from probes.snmp.engine import Exchange, Peer
from probes.snmp.mib import Mib
from probes.snmp.security import Community
from probes.snmp.template import Template
from probes.snmp.trace import lines
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def mib() -> Mib:
    return Mib.load()


def test_an_oid_has_the_longest_known_name_and_its_row(mib: Mib) -> None:
    assert mib.name("1.3.6.1.2.1.2.2.1.2.7") == "IF-MIB::ifDescr.7"
    assert mib.short("1.3.6.1.2.1.1.3.0") == "sysUpTime.0"
    assert mib.name("1.3.6.1.9.9.9") == "1.3.6.1.9.9.9"


@pytest.mark.parametrize(
    "text", ["1.3.6.1.2.1.2.2.1.2.7", ".1.3.6.1.2.1.2.2.1.2.7", "ifDescr.7", "IF-MIB::ifDescr.7"]
)
def test_a_name_leads_back_to_its_oid(mib: Mib, text: str) -> None:
    assert mib.oid(text) == "1.3.6.1.2.1.2.2.1.2.7"


def test_a_value_is_a_word_where_there_is_one_and_never_more_than_one_clean_line(mib: Mib) -> None:
    assert mib.value("1.3.6.1.2.1.2.2.1.8.1", 2) == "down(2)"
    assert mib.value("1.3.6.1.2.1.2.2.1.8.1", 99) == "99"
    assert mib.value("1.3.6.1.2.1.2.2.1.6.1", bytes.fromhex("001b21ffee07")) == "00:1b:21:ff:ee:07"
    hostile = mib.value("1.3.6.1.2.1.1.1.0", b"a\r\nb\x1b[31m" * 50)
    assert hostile.isprintable()
    assert len(hostile) <= 80


@pytest.mark.parametrize("table", ["1.3.6.1.6.3.15.1.2.2.1.3.1", "1.3.6.1.6.3.18.1.1.1.2.1"])
def test_users_and_communities_are_never_shown(mib: Mib, table: str) -> None:
    assert mib.value(table, b"public") == "(hidden)"


def test_a_vendor_is_known_by_its_enterprise(mib: Mib) -> None:
    assert mib.vendor("1.3.6.1.4.1.14988.1") == "MikroTik"
    assert mib.vendor("1.3.6.1.2.1.1") == ""


@pytest.mark.parametrize("number", ["1.3.6.1.4.1.318.0.5", "1.3.6.1.4.1.318.5"])
def test_a_notification_is_known_with_and_without_the_zero(mib: Mib, number: str) -> None:
    known = mib.notification(number)
    assert known is not None
    assert (known.name, known.severity) == ("upsOnBattery", "warning")


def test_a_trace_hides_what_must_not_be_seen_and_tells_silence(mib: Mib) -> None:
    peer = Peer(("192.0.2.1", 161), Community("bi-mat"))
    asked = Template.get((oid("1.3.6.1.6.3.18.1.1.1.2.1"),))
    pdu = message.Pdu(message.RESPONSE, 1, 0, 0, [(asked.oids[0], ber.OCTETS, b"bi-mat")])
    told = [
        *lines(Exchange(peer, asked, pdu, 0.001), mib),
        *lines(Exchange(peer, asked, Silence(same("late")), 2.0), mib),
    ]
    assert not any("bi-mat" in line for line in told)
    assert told[0].startswith("> GET ")
    assert told[-1] == "< nothing within 2000.0 ms: late"


MODULE = """
SMALL-MIB DEFINITIONS ::= BEGIN
IMPORTS enterprises, OBJECT-TYPE FROM SNMPv2-SMI;
small MODULE-IDENTITY LAST-UPDATED "202601010000Z" DESCRIPTION "x ::= { wrong 9 }" ::= { enterprises 99999 }
State ::= TEXTUAL-CONVENTION STATUS current DESCRIPTION "y" SYNTAX INTEGER { off(0), on (1) }
smallState OBJECT-TYPE SYNTAX State -- a comment -- MAX-ACCESS read-only ::= { small 1 1 }
smallTrap NOTIFICATION-TYPE OBJECTS { smallState } STATUS current ::= { small 0 2 }
oldTrap TRAP-TYPE ENTERPRISE small VARIABLES { smallState } DESCRIPTION "z" --#SEVERITY MAJOR
  ::= 3
END
"""


def test_the_compiler_reads_objects_words_notifications_and_severities(tmp_path: Path) -> None:
    script = (ROOT / "scripts" / "compile_mibs.py").read_text("utf-8")
    (tmp_path / "compile.py").write_text(script.replace("NET-SNMP-AGENT-MIB", "SMALL-MIB", 1))
    (tmp_path / "mibs").mkdir()
    smi = "SNMPv2-SMI DEFINITIONS ::= BEGIN enterprises OBJECT IDENTIFIER ::= { iso 3 6 1 4 1 } END"
    (tmp_path / "mibs" / "smi.txt").write_text(smi)
    (tmp_path / "mibs" / "small.my").write_text(MODULE)
    made = subprocess.run(
        [sys.executable, str(tmp_path / "compile.py"), str(tmp_path / "mibs")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows = {row["name"]: (row["oid"], row["words"]) for row in csv.DictReader(made.stdout.splitlines())}
    assert rows == {
        "smallState": ("1.3.6.1.4.1.99999.1.1", "0=off 1=on"),
        "smallTrap": ("1.3.6.1.4.1.99999.0.2", ""),
        "oldTrap": ("1.3.6.1.4.1.99999.0.3", "critical"),
    }
