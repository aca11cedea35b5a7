"""Anything may happen at any moment: the safety of a release must hold all the same."""

from __future__ import annotations

import contextlib

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.unit.canary.world import Killed, World
from truststream.api.canarydeployment import CanaryDeploymentSpec
from truststream.canary.observation import Cause, Command, Outcome, PodProblem

BAD = {"web:3", "web:4"}


class Release(RuleBasedStateMachine):
    """Users push, revert, command and delete; pods crash, sources go down, GitOps meddles, the process dies."""

    def __init__(self) -> None:
        super().__init__()
        spec = {"targetRef": {"name": "web"}, "traffic": {"provider": "GatewayAPI"}, "gates": [{"step": 25}]}
        self.world = World(CanaryDeploymentSpec.model_validate(spec))
        self.world.settle()
        self.reverted = False

    @rule(image=st.sampled_from(["web:1", "web:2", "web:3", "web:4"]))
    def push(self, image: str) -> None:
        self.world.push(image)
        if image not in BAD:
            self.world.allowed.add(image)

    @rule(verb=st.sampled_from(["promote", "rollback", "pause", "resume", "retry", "skip", "nonsense"]))
    @precondition(lambda self: self.world.command is None)
    def command(self, verb: str) -> None:
        self.world.command = Command(verb, "because", "ann")
        if verb == "promote":
            self.world.allowed.add(self.world.image)  # a person may promote what is not proven

    @rule(by=st.sampled_from(["argocd", "flux"]))
    @precondition(lambda self: self.world.attached)
    def meddle(self, by: str) -> None:
        self.world.reset_route(by)

    @rule(outcome=st.sampled_from(list(Outcome)))
    def source(self, outcome: Outcome) -> None:
        self.world.outcome = outcome

    @rule(cause=st.sampled_from([None, *Cause]))
    def pods(self, cause: Cause | None) -> None:
        self.world.problems = (PodProblem(cause, "SomeReason", "some message"),) if cause else ()

    @rule(ready=st.booleans())
    def readiness(self, ready: bool) -> None:
        self.world.pods_become_ready = ready

    @rule(blocked=st.sampled_from(["", "exceeded quota"]))
    def quota(self, blocked: str) -> None:
        self.world.roll_blocked = blocked

    @rule(seconds=st.sampled_from([1, 10, 30, 60, 4000]))
    def wait(self, seconds: int) -> None:
        self.world.wait(seconds)

    @rule(turns=st.integers(1, 6))
    @precondition(lambda self: not self.world.gone)
    def work(self, turns: int) -> None:
        for _ in range(turns):
            self._measure()
            if not self.world.gone:
                self.world.turn()

    @rule(writes=st.integers(0, 3))
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
        self.world.counts = (1000, 400) if self.world.image in BAD else (1000, 0)

    @invariant()
    def nothing_unjudged_rolls(self) -> None:
        assert self.world.unjudged_rolls == []

    @invariant()
    def weight_is_one_of_the_plan(self) -> None:
        assert self.world.weight in (0, 5, 10, 25, 50, 100)

    @invariant()
    def canary_pods_only_behind_a_pin_until_the_verdict(self) -> None:
        release = self.world.status.release
        judged = release is not None and release.stage is not None
        if self.world.canary_ready and not judged and not self.world.canary_deleting and not self.world.gone:
            assert self.world.pinned

    def teardown(self) -> None:
        """Left alone with a healthy cluster, every release ends, and deletion always completes."""
        world = self.world
        if world.gone:
            return
        world.problems, world.pods_become_ready, world.roll_blocked = (), True, ""
        world.outcome = Outcome.OK
        world.deleting = True
        for _ in range(200):
            self._measure()
            if world.gone:
                break
            world.turn()
            world.wait(5)
        assert world.gone, f"stuck in {world.status.phase}: {world.status.message}"
        assert (world.attached, world.pinned, world.canary_image, world.canary_service) == (False, False, None, False)


TestRelease = Release.TestCase
TestRelease.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
