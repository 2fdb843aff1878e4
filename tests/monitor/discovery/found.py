"""What a sweep may find, for tests that need no network."""

from __future__ import annotations

from datetime import UTC, datetime

from monitor.discovery.sweep import Found

AT = datetime(2026, 1, 31, 1, 0, tzinfo=UTC)


def found(
    address: str = "10.20.1.7", *, tcp: tuple[int, ...] = (), credential: str = "", **facts: str
) -> Found:
    """Return a find; facts are named with ``__`` for the dot: ``snmp__sys_descr="…"``."""
    named = {name.replace("__", "."): value for name, value in facts.items()}
    return Found(address, AT, ping=True, tcp=tcp, facts=named, credential=credential)
