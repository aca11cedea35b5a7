"""Anything may happen at any moment to a flag under release: what must hold all the same."""

from __future__ import annotations

import contextlib

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.unit.canary.flag_world import KEY, FlagWorld, canary_spec
from tests.unit.canary.world import Killed
from truststream.canary.observation import Command, Outcome

VARIANTS = ("green", "blue", "red")
PLAN = (0, 5, 10, 25, 50)


class Release(RuleBasedStateMachine):
    """`red` fails; nobody promotes it by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.world = FlagWorld(canary_spec("green"))
        self.world.settle()

    @rule(variant=st.sampled_from(VARIANTS))
    def ask(self, variant: str) -> None:
        self.world.release(variant)

    @rule(default=st.sampled_from(("green", "blue")), enabled=st.booleans())
    @precondition(lambda self: KEY in self.world.memory.stored)
    def git(self, default: str, enabled: bool) -> None:
        self.world.git(defaultVariant=default, enabled=enabled)

    @rule(
        overlay=st.sampled_from(
            (None, {"owner": "web", "variant": "blue", "percentage": 25}, {"owner": "eve", "defaultVariant": "blue"})
        )
    )
    @precondition(lambda self: KEY in self.world.memory.stored)
    def meddle(self, overlay: dict[str, object] | None) -> None:
        self.world.by_hand(overlay)

    @rule(verb=st.sampled_from(["rollback", "pause", "resume", "retry", "skip"]))
    @precondition(lambda self: self.world.command is None)
    def command(self, verb: str) -> None:
        self.world.command = Command(verb, "because", "ann")

    @rule(outcome=st.sampled_from(list(Outcome)))
    def source(self, outcome: Outcome) -> None:
        self.world.outcome = outcome

    @rule(seconds=st.sampled_from([1, 10, 60, 4000]))
    def wait(self, seconds: int) -> None:
        self.world.wait(seconds)

    @rule(turns=st.integers(1, 8))
    @precondition(lambda self: not self.world.gone)
    def work(self, turns: int) -> None:
        for _ in range(turns):
            self._measure()
            if not self.world.gone:
                self.world.now = max(self.world.turn().wake_at or self.world.now, self.world.now)

    @rule(writes=st.integers(0, 2))
    @precondition(lambda self: not self.world.gone)
    def die(self, writes: int) -> None:
        self._measure()
        with contextlib.suppress(Killed):
            self.world.turn(kill_after=writes)

    @rule()
    @precondition(lambda self: not self.world.deleting)
    def delete(self) -> None:
        self.world.deleting = True

    def _measure(self) -> None:
        self.world.counts = (1000, 400) if self.world.split.canary == "red" else (1000, 0)

    @invariant()
    def what_fails_is_never_promoted(self) -> None:
        assert self.world.overlay.get("defaultVariant") != "red"

    @invariant()
    def the_share_is_one_of_the_plan(self) -> None:
        assert self.world.overlay.get("percentage", 0) in PLAN

    @invariant()
    def only_the_overlay_is_written(self) -> None:
        assert set(self.world.flag.get("status") or {}) <= {"overlay"}

    def teardown(self) -> None:
        """Left alone, deletion always completes, and what is ours is off the flag."""
        world = self.world
        if world.gone:
            return
        world.deleting = True
        for _ in range(60):
            if world.gone:
                break
            world.turn()
            world.wait(5)
        assert world.gone, f"stuck in {world.status.phase}: {world.status.message}"
        assert world.overlay.get("owner") != "web"


TestRelease = Release.TestCase
TestRelease.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
