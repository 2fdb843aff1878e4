"""Names for people: what compiled MIBs call an OID, a value of an enumeration, a notification, a vendor.

The data beside this file is made from MIB modules by ``scripts/compile_mibs.py``. Reading it takes some milliseconds,
so it is read by those who show names, never by the poll loop.
"""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Self

import msgspec

from probes.core.text import clean

ENTERPRISES = "1.3.6.1.4.1."
MAX_SHOWN = 80
SECRET = ("1.3.6.1.6.3.15.", "1.3.6.1.6.3.16.", "1.3.6.1.6.3.18.", "1.3.6.1.6.3.12.")
"""Tables of users, views, communities and trap targets: what they hold is never shown."""


class Name(msgspec.Struct, frozen=True):
    """What a MIB says of one OID; ``words`` is an enumeration, ``severity`` a vendor's for a notification."""

    module: str
    name: str
    is_notification: bool
    words: Mapping[str, str]
    severity: str


class Mib:
    """Looks names up; make it by `load`."""

    def __init__(self, names: Mapping[str, Name], vendors: Mapping[str, str]) -> None:
        self._names = names
        self._vendors = vendors

    @classmethod
    def load(cls) -> Self:
        """Read the compiled names."""
        rows = _rows("mib.csv")
        names = {row["oid"]: _name(row["kind"], row["module"], row["name"], row["words"]) for row in rows}
        return cls(names, {row["number"]: row["vendor"] for row in _rows("vendors.csv")})

    def find(self, oid: str) -> tuple[Name | None, str]:
        """Return the longest known beginning of a dotted OID, and what follows it: the row."""
        known, rest = oid, ""
        while known:
            name = self._names.get(known)
            if name is not None:
                return name, rest
            known, _, last = known.rpartition(".")
            rest = f"{last}.{rest}" if rest else last
        return None, oid

    def name(self, oid: str) -> str:
        """Return ``IF-MIB::ifDescr.7``, or the OID where no MIB of ours knows it."""
        name, row = self.find(oid)
        if name is None:
            return oid
        return f"{name.module}::{name.name}" + (f".{row}" if row else "")

    def short(self, oid: str) -> str:
        """Return ``ifDescr.7``, or the OID where no MIB of ours knows it."""
        return self.name(oid).rpartition("::")[2]

    def oid(self, text: str) -> str:
        """Return the dotted OID of ``1.3.6.1.2.1.2``, ``ifDescr``, ``IF-MIB::ifDescr`` or ``ifDescr.7``.

        Raises `ValueError` with words for people.
        """
        if all(part.isdecimal() for part in text.strip(".").split(".")):
            return text.strip(".")
        module, _, rest = text.rpartition("::")
        name, dot, row = rest.partition(".")
        for number, known in self._names.items():
            if known.name == name and module in ("", known.module):
                return number + dot + row
        close = difflib.get_close_matches(name, {known.name for known in self._names.values()}, 3)
        hint = (
            f"; did you mean {' or '.join(close)}?"
            if close
            else "; numbers always work, such as 1.3.6.1.2.1.2.2"
        )
        raise ValueError(f"no MIB of ours knows {text!r}{hint}")

    def notification(self, oid: str) -> Name | None:
        """Return what a MIB says of a notification, `None` when none of ours knows it.

        Agents differ in whether a zero stands before the last number (RFC 2576 §3.1 and vendors' habits).
        """
        head, _, last = oid.rpartition(".")
        for other in (oid, f"{head}.0.{last}", f"{head.removesuffix('.0')}.{last}"):
            name = self._names.get(other)
            if name is not None and name.is_notification:
                return name
        return None

    def value(self, oid: str, value: object) -> str:
        """Return a value for people, on one line, with the word of its enumeration: ``up(1)``."""
        if oid.startswith(SECRET):
            return "(hidden)"
        name, _ = self.find(oid)
        word = name.words.get(str(value), "") if name and isinstance(value, int) else ""
        if isinstance(value, bytes):
            return _octets(value)
        return f"{word}({value})" if word else clean(str(value), MAX_SHOWN)

    def vendor(self, oid: str) -> str:
        """Return whose enterprise number begins an OID such as sysObjectID; empty when it is not known."""
        if not oid.startswith(ENTERPRISES):
            return ""
        return self._vendors.get(oid[len(ENTERPRISES) :].partition(".")[0], "")


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = resources.files("probes.snmp").joinpath(name).read_text("utf-8")
    return iter(csv.DictReader(text.splitlines()))


def _name(kind: str, module: str, name: str, words: str) -> Name:
    if kind == "trap":
        return Name(module, name, True, {}, words)
    pairs = (pair.partition("=") for pair in words.split())
    return Name(module, name, False, {number: word for number, _, word in pairs}, "")


def _octets(value: bytes) -> str:
    """Return text as text, and what is none as hexadecimal digits, as MAC addresses are."""
    text = value.rstrip(b"\0")
    try:
        readable = all(character.isprintable() or character in "\t\r\n" for character in text.decode())
    except UnicodeDecodeError:
        readable = False
    return clean(text, MAX_SHOWN) if readable else clean(value[: MAX_SHOWN // 3].hex(":"), MAX_SHOWN)
