"""The judge under any sequence of observations, silences, waits and restarts: what must always hold."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from alerts.incident import DeviceState, Kind, Step, Transition
from alerts.rule import RuleBook
from probes.core.observation import Outcome
from tests.alerts.province import Watch, built_in, check, device, fact, inventory, number

BOOK: list[RuleBook] = []
CHECKS = (check("icmp"), check("snmp"), check("ssh", interval=300.0), check("telnet", "tcp", 3600.0))
TREE = (
    device("router", checks=CHECKS),
    device("switch", "router", checks=CHECKS),
    device("server", "switch", checks=CHECKS),
    device("double", "router", "switch", checks=CHECKS),
)
NAMES = [found.id for found in TREE]
CUT_OFF = (DeviceState.DOWN, DeviceState.UNREACHABLE)


def book() -> RuleBook:
    """The built-in rules, read once."""
    if not BOOK:
        BOOK.append(built_in())
    return BOOK[0]


class Province(RuleBasedStateMachine):
    """Four devices, and everything that can be seen of them."""

    def __init__(self) -> None:
        super().__init__()
        self.watch = Watch(book(), inventory(*TREE))
        self.open: set[object] = set()
        self.told = 0

    @rule(
        name=st.sampled_from(NAMES),
        which=st.sampled_from([spec.name for spec in CHECKS]),
        outcome=st.sampled_from(list(Outcome)),
        times=st.integers(1, 4),
    )
    def attempt(self, name: str, which: str, outcome: Outcome, times: int) -> None:
        for _ in range(times):
            self.watch.see(f"{name}:{which}", outcome)
            steps = self.news()
            if outcome.is_ours:
                assert steps == []
            if outcome.is_silence or outcome.is_ours:
                assert not [step for step in steps if step.step is Step.RESOLVED]
            if outcome is not Outcome.OK:
                assert not [step for step in steps if step.kind is Kind.FINDING]

    @rule(name=st.sampled_from(NAMES), times=st.integers(3, 5))
    def fall_silent(self, name: str, times: int) -> None:
        for _ in range(times):
            for which in ("icmp", "snmp", "ssh"):
                self.watch.see(f"{name}:{which}", Outcome.TIMEOUT)
                assert not [step for step in self.news() if step.step is Step.RESOLVED]

    @rule(name=st.sampled_from(NAMES), weak=st.sampled_from([(), ("a",), ("a", "b")]))
    def configuration(self, name: str, weak: tuple[str, ...]) -> None:
        self.watch.see(f"{name}:ssh", facts=fact("ssh.weak_kex", weak, "22"))
        resolved = [t for t in self.news() if t.step is Step.RESOLVED and t.kind is Kind.FINDING]
        assert not (weak and resolved)

    @rule(name=st.sampled_from(NAMES), ratio=st.floats(0, 1) | st.just(float("nan")))
    def disk(self, name: str, ratio: float) -> None:
        samples = number("system.filesystem.utilization", ratio, mountpoint="/")
        self.watch.see(f"{name}:snmp", samples=samples)
        resolved = [t for t in self.news() if t.step is Step.RESOLVED and t.key.rule == "disk-full"]
        assert not resolved or ratio <= 0.77

    @rule(seconds=st.sampled_from([1, 60, 400, 7200, 90000]))
    def time_passes(self, seconds: int) -> None:
        self.watch.wait(seconds).tick()
        assert not [step for step in self.news() if step.step is Step.RESOLVED]

    @rule()
    def restart(self) -> None:
        self.watch = self.watch.restarted()
        self.told = 0
        self.watch.transitions = []
        self.watch.engine.tick(self.watch.now)

    @invariant()
    def no_child_alone_is_blamed_for_its_parents(self) -> None:
        for found in TREE:
            parents = [self.watch.state(parent) in CUT_OFF for parent in found.parents]
            if parents and all(parents):
                assert self.watch.state(found.id) is not DeviceState.DOWN

    def news(self) -> list[Transition]:
        """Return the steps since the last call, after entering them in the books."""
        steps = self.watch.transitions[self.told :]
        self.told = len(self.watch.transitions)
        for step in steps:
            assert (step.key in self.open) is (step.step is not Step.OPENED), step
            if step.step is Step.OPENED:
                self.open.add(step.key)
                if step.key.rule == "device-down":
                    assert self.watch.state(step.key.device) in (*CUT_OFF, DeviceState.NO_DATA)
            if step.step is Step.RESOLVED:
                self.open.remove(step.key)
        return steps


TestProvince = Province.TestCase
TestProvince.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
