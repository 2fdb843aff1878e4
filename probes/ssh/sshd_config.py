"""The effective configuration of an SSH server, as far as our account may read it (sshd_config(5))."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from probes.core.observation import Fact
from probes.core.text import clean

_DEFAULTS: Final = {
    "sshd.permitrootlogin": "prohibit-password",
    "sshd.passwordauthentication": "yes",
    "sshd.kbdinteractiveauthentication": "yes",
    "sshd.permitemptypasswords": "no",
    "sshd.hostbasedauthentication": "no",
    "sshd.ignorerhosts": "yes",
    "sshd.maxauthtries": "6",
    "sshd.logingracetime": "120",
    "sshd.clientaliveinterval": "0",
    "sshd.clientalivecountmax": "3",
    "sshd.loglevel": "INFO",
    "sshd.x11forwarding": "no",
    "sshd.allowtcpforwarding": "yes",
    "sshd.disableforwarding": "no",
    "sshd.permituserenvironment": "no",
}
"""Facts we report, with the value OpenSSH 7.4 and later take when the files are silent."""
_SAME: Final = {
    "challengeresponseauthentication": "kbdinteractiveauthentication",
    "skeyauthentication": "kbdinteractiveauthentication",
}
_NUMBERS: Final = frozenset(
    ("sshd.maxauthtries", "sshd.logingracetime", "sshd.clientaliveinterval", "sshd.clientalivecountmax")
)
_UNIT_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def facts(section: list[str], subject: str) -> tuple[Fact, ...]:
    """Read the ``sshd`` section of the script's answer; what cannot be known is left out, never guessed."""
    kind, lines = (section[0].strip(), section[1:]) if section else ("", [])
    values: dict[str, str] = {}
    if kind == "effective":
        values = {name: value for name, value in _settings(lines) if name in _DEFAULTS}
    elif kind == "file":
        values = _from_files(lines)
    if not values:
        return ()
    found = [Fact(name, _value(name, value), subject) for name, value in sorted(values.items())]
    return (*found, Fact("sshd.source", kind, subject))


def _from_files(lines: list[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, value in _global_settings(lines):
        if name == _UNREADABLE:
            return values  # it may set, first, anything not yet set: the rest and the defaults are unknown
        if name in _DEFAULTS:
            values.setdefault(name, value)  # the first value wins
    return {**_DEFAULTS, **values}


_UNREADABLE: Final = "#@unreadable"
_MATCH: Final = ".".join(("sshd", "match"))


def _global_settings(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Settings outside of Match blocks; a Match inside an included file ends with that file."""
    in_match, outside = False, False
    for name, value in _settings(lines):
        if name == "#@file":
            outside = in_match
        elif name == "#@back":
            in_match = outside
        elif name == _MATCH:
            in_match = value.strip().lower() != "all"
        elif name == _UNREADABLE or not in_match:
            yield name, value


def _settings(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        text = line.strip()
        if text in ("#@file", "#@back", _UNREADABLE):
            yield text, ""
            continue
        match = re.match(r'([A-Za-z0-9]{1,64})(?:\s*=\s*|\s+)"?([^"#]{1,255})', text)
        if match:
            name = match[1].lower()
            yield ".".join(("sshd", _SAME.get(name, name))), match[2].strip()


def _value(name: str, value: str) -> str | int:
    if name in _NUMBERS:
        seconds = _number(value)
        if seconds is not None:
            return seconds
    text = clean(value, 64)
    if name == "sshd.loglevel":
        return text.upper()
    text = text.lower()
    return "prohibit-password" if text == "without-password" else text


def _number(value: str) -> int | None:
    """Seconds of sshd_config's time format (``2m``, ``1h30m``), or a plain number."""
    if not re.fullmatch(r"([0-9]{1,9}[smhdwSMHDW]?){1,5}", value):
        return None
    parts = re.findall(r"([0-9]+)([a-z]?)", value.lower())
    return sum(int(count) * _UNIT_SECONDS[unit] for count, unit in parts)
