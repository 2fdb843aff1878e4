"""A short fuzz campaign at each run of the tests; `bench.fuzz_snmp` runs the long ones."""

from __future__ import annotations

from bench.fuzz_snmp import run


async def test_mutated_replies_raise_nothing_but_the_documented() -> None:
    figures = await run(20_000, seed=5)
    assert figures.undocumented == ""
    assert figures.ends["Malformed"] > 10_000
    assert figures.ends["taken"] > 500
