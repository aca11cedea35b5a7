"""The contract of the traffic providers, and what is more to say of routes.

Nothing here knows whether the world is memory or a real API server; the modules that collect these classes provide
the fixture `world`.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from tests.contract.traffic import manifests as m
from tests.contract.traffic.cases import CASES, SHAPES, Stage, gateway, stage
from tests.contract.traffic.world import World
from truststream.api.names import OWNER_LABEL
from truststream.errors import TrafficError
from truststream.traffic import PROVIDERS


def backends(at: Stage, rule: int = 0) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = at.spec()["rules"][rule]["backendRefs"]
    return found


def weight(ref: dict[str, Any]) -> int:
    return int(ref.get("weight", 1))


def test_every_provider_has_a_case() -> None:
    assert set(CASES) == set(PROVIDERS)


@pytest.mark.parametrize("name", sorted(CASES))
class ProviderContract:
    """What holds for every provider."""

    @pytest.fixture
    def at(self, world: World, name: str) -> Stage:
        return stage(world, CASES[name])

    async def test_attaching_moves_no_traffic(self, at: Stage) -> None:
        await at.begin()
        view = at.provider.read(at.split)
        assert (view.found, view.problem, view.attached, view.weight) == (True, "", True, 0)

    async def test_reads_back_what_was_set(self, at: Stage) -> None:
        split = await at.begin()
        for wanted in at.case.weights:
            await at.provider.set_weight(split, wanted)
            await at.settled()
            assert at.provider.read(split).weight == wanted

    async def test_one_step_is_one_write(self, at: Stage) -> None:
        split = await at.begin()
        at.world.objects.writes.clear()
        await at.provider.set_weight(split, at.case.weights[0])
        assert len(at.world.objects.writes) == 1

    async def test_repeating_a_verb_writes_nothing(self, at: Stage) -> None:
        split = await at.begin()
        await at.provider.set_weight(split, at.case.weights[0])
        at.world.objects.writes.clear()
        await at.provider.attach(split)
        await at.provider.set_weight(split, at.case.weights[0])
        assert at.world.objects.writes == []

    async def test_a_rollback_is_one_write_and_then_none(self, at: Stage) -> None:
        split = await at.begin()
        await at.provider.set_weight(split, at.case.weights[0])
        at.world.objects.writes.clear()
        await at.provider.set_weight(split, 0)
        await at.settled()
        assert at.provider.read(split).weight == 0
        await at.provider.set_weight(split, 0)
        assert len(at.world.objects.writes) == 1

    async def test_restoring_leaves_no_trace(self, at: Stage) -> None:
        before = deepcopy(at.spec())
        split = await at.begin()
        await at.provider.set_weight(split, at.case.weights[0])
        await at.provider.restore(split)
        assert at.spec() == before
        at.world.objects.writes.clear()
        await at.provider.restore(split)
        assert at.world.objects.writes == []

    async def test_with_the_object_gone_there_is_nothing_to_restore(self, at: Stage) -> None:
        split = await at.begin()
        at.world.delete(*at.case.touched(at.world))
        await at.provider.set_weight(split, 0)
        await at.provider.restore(split)
        assert at.spec() is None

    async def test_gone_behind_a_lagging_cache_is_gone_too(self, at: Stage) -> None:
        split = await at.begin()
        await at.provider.set_weight(split, at.case.weights[0])
        at.world.objects.lag(*at.case.touched(at.world))
        at.world.delete(*at.case.touched(at.world))
        await at.provider.set_weight(split, 0)
        await at.provider.restore(split)

    async def test_raising_a_weight_on_nothing_is_an_error(self, at: Stage) -> None:
        split = await at.begin()
        at.world.delete(*at.case.touched(at.world))
        with pytest.raises(TrafficError):
            await at.provider.set_weight(split, at.case.weights[0])

    async def test_concerns_its_own_object(self, at: Stage) -> None:
        kind, namespace, name = at.case.touched(at.world)
        assert kind in at.provider.watches
        assert at.provider.concerns(at.split, kind, namespace, name)
        assert not at.provider.concerns(at.split, kind, namespace, "another")
        assert not at.provider.concerns(at.split, kind, "elsewhere", name)


@pytest.mark.parametrize("shape", sorted(SHAPES))
class RouteContract:
    """Every shape of a rule: what is not ours stays as it is."""

    @pytest.fixture
    def at(self, world: World, shape: str) -> Stage:
        return stage(world, SHAPES[shape])

    @pytest.fixture
    def rule(self, shape: str) -> int:
        return 1 if shape.startswith("two rules") else 0

    async def test_the_canary_is_a_copy_after_the_users(self, at: Stage, rule: int) -> None:
        before = backends(at, rule)
        await at.begin()
        after = backends(at, rule)
        stable = next(ref for ref in after if ref["name"] == m.STABLE)
        canary = next(ref for ref in after if ref["name"] == m.CANARY)
        assert canary == {**stable, "name": m.CANARY, "weight": 0}
        assert after[: len(before)] == before

    async def test_the_others_keep_their_proportion(self, at: Stage, rule: int) -> None:
        before = {ref["name"]: ref for ref in backends(at, rule)}
        split = await at.begin()
        for wanted in (10, 33.3, 0.1, 100, 5):
            await at.provider.set_weight(split, wanted)
            after = {ref["name"]: ref for ref in backends(at, rule)}
            ours = weight(after[m.STABLE]) + weight(after[m.CANARY])
            assert weight(after[m.CANARY]) * 1000 == ours * round(wanted * 10)
            for name in before.keys() - {m.STABLE, m.CANARY}:
                assert weight(after[name]) * weight(before[m.STABLE]) == weight(before[name]) * ours
                assert after[name] == {**before[name], "weight": weight(after[name])}

    async def test_weight_0_gives_everyone_the_weight_of_before(self, at: Stage, rule: int) -> None:
        before = {ref["name"]: weight(ref) for ref in backends(at, rule)}
        split = await at.begin()
        await at.provider.set_weight(split, 33.3)
        await at.provider.set_weight(split, 0)
        assert {ref["name"]: weight(ref) for ref in backends(at, rule)} == {m.CANARY: 0, **before}

    async def test_restores_byte_for_byte(self, at: Stage) -> None:
        before = deepcopy(at.spec())
        split = await at.begin()
        for wanted in (33.3, 5):
            await at.provider.set_weight(split, wanted)
        await at.provider.restore(split)
        assert at.spec() == before

    async def test_other_rules_and_what_a_user_changes_meanwhile_stay(self, at: Stage, rule: int) -> None:
        split = await at.begin()
        await at.provider.set_weight(split, 10)

        def change(route: Any) -> None:
            route["spec"]["hostnames"].append("more.example.com")
            route["metadata"].setdefault("labels", {})["team"] = "checkout"

        expected = deepcopy(at.spec())
        at.world.edit(*at.case.touched(at.world), change)
        await at.provider.restore(split)
        live = at.live()
        assert live is not None
        assert live["metadata"]["labels"]["team"] == "checkout"
        assert live["spec"]["hostnames"] == [*expected["hostnames"], "more.example.com"]
        if rule:
            assert live["spec"]["rules"][0] == expected["rules"][0]


class OthersContract:
    """Other people write too."""

    KEY = "HTTPRoute"

    def at(self, world: World, **config: Any) -> Stage:
        return stage(world, gateway(m.rule(m.backend(m.STABLE, 100), m.backend("blue", 50)), **config))

    def reset(self, at: Stage) -> None:
        """As a GitOps tool does: the whole list, from Git."""

        def change(route: Any) -> None:
            route["spec"]["rules"][0]["backendRefs"] = [m.backend(m.STABLE, 100), m.backend("blue", 50)]

        at.world.edit(*at.case.touched(at.world), change)

    async def test_a_reset_has_a_name(self, world: World) -> None:
        at = self.at(world)
        split = await at.begin()
        await at.provider.set_weight(split, 10)
        assert at.provider.read(split).reset_by == ""
        self.reset(at)
        view = at.provider.read(split)
        assert (view.reset_by, view.attached, view.weight) == ("argocd-controller", False, 0)

    async def test_it_can_be_put_back_and_is_ours_again(self, world: World) -> None:
        at = self.at(world)
        split = await at.begin()
        self.reset(at)
        await at.provider.attach(split)
        await at.provider.set_weight(split, 10)
        view = at.provider.read(split)
        assert (view.reset_by, view.attached, view.weight) == ("", True, 10)

    async def test_weights_alone_can_be_reset_too(self, world: World) -> None:
        at = self.at(world)
        split = await at.begin()
        await at.provider.set_weight(split, 10)
        at.world.edit(
            *at.case.touched(world), lambda route: route["spec"]["rules"][0]["backendRefs"][2].update(weight=90)
        )
        view = at.provider.read(split)
        assert (view.reset_by, view.weight) == ("argocd-controller", 50)

    async def test_status_and_labels_are_no_reset(self, world: World) -> None:
        at = self.at(world)
        split = await at.begin()
        at.world.edit(*at.case.touched(world), lambda route: route["metadata"].setdefault("labels", {}).update(a="b"))
        assert at.provider.read(split).reset_by == ""

    async def test_after_a_reset_the_list_is_theirs(self, world: World) -> None:
        at = self.at(world)
        split = await at.begin()

        def change(route: Any) -> None:
            route["spec"]["rules"][0]["backendRefs"] = [m.backend(m.STABLE, 1), m.backend("blue", 2)]

        at.world.edit(*at.case.touched(world), change)
        theirs = deepcopy(at.spec())
        await at.provider.restore(split)
        assert at.spec() == theirs

    async def test_a_lagging_cache_never_adds_a_second_canary(self, world: World) -> None:
        at = self.at(world)
        split = at.noted()
        at.world.objects.lag(*at.case.touched(world))
        await at.provider.attach(split)
        with pytest.raises(TrafficError, match="changed since it was read"):
            await at.provider.attach(split)
        assert [ref["name"] for ref in backends(at)] == [m.STABLE, "blue", m.CANARY]

    async def test_a_raise_stands_on_what_was_read(self, world: World) -> None:
        at = self.at(world)
        split = await at.begin()
        at.world.objects.lag(*at.case.touched(world))
        self.reset(at)
        with pytest.raises(TrafficError, match="changed since it was read"):
            await at.provider.set_weight(split, 10)
        assert [ref["name"] for ref in backends(at)] == [m.STABLE, "blue"]

    async def test_a_rollback_does_not_wait_for_the_cache(self, world: World) -> None:
        at = self.at(world)
        split = await at.begin()
        await at.provider.set_weight(split, 10)
        at.world.objects.lag(*at.case.touched(world))
        theirs = m.rule(*(m.backend(f"other-{number}", 7) for number in range(3)), prefix="/new")
        at.world.edit(
            *at.case.touched(world),
            lambda route: route["spec"]["rules"].insert(0, theirs),
        )
        await at.provider.set_weight(split, 0)
        assert {ref["name"]: weight(ref) for ref in backends(at, 1)} == {m.STABLE: 100, "blue": 50, m.CANARY: 0}
        assert backends(at, 0) == theirs["backendRefs"]

    async def test_a_rollback_overwrites_weights_that_it_has_not_seen(self, world: World) -> None:
        at = self.at(world)
        split = await at.begin()
        await at.provider.set_weight(split, 10)
        at.world.objects.lag(*at.case.touched(world))

        def change(route: Any) -> None:
            for ref, changed in zip(route["spec"]["rules"][0]["backendRefs"], (9, 500, 90), strict=True):
                ref["weight"] = changed

        at.world.edit(*at.case.touched(world), change)
        at.world.objects.writes.clear()
        await at.provider.set_weight(split, 0)
        assert [weight(ref) for ref in backends(at)] == [100, 50, 0]
        assert len(at.world.objects.writes) == 1

    async def test_a_restore_behind_a_lagging_cache(self, world: World) -> None:
        at = self.at(world)
        split = await at.begin()
        await at.provider.set_weight(split, 10)
        at.world.objects.lag(*at.case.touched(world))
        at.world.edit(
            *at.case.touched(world),
            lambda route: route["spec"]["rules"].insert(0, m.rule(m.backend("blue"), prefix="/new")),
        )
        await at.provider.restore(split)
        assert [(ref["name"], weight(ref)) for ref in backends(at, 1)] == [(m.STABLE, 100), ("blue", 50)]

    async def test_a_rule_put_before_ours_is_a_problem_until_it_is_said(self, world: World) -> None:
        at = stage(world, gateway(m.rule(m.backend(m.STABLE), prefix="/shop"), ruleIndex=0))
        split = await at.begin()
        await at.provider.set_weight(split, 10)
        at.world.edit(
            *at.case.touched(world),
            lambda route: route["spec"]["rules"].insert(0, m.rule(m.backend(m.STABLE), prefix="/new")),
        )
        view = at.provider.read(split)
        assert (view.attached, view.weight) == (True, 10)
        assert "the canary's backend is on rule 1" in view.problem
        await at.provider.restore(split)
        assert [[ref["name"] for ref in rule["backendRefs"]] for rule in at.spec()["rules"]] == [[m.STABLE], [m.STABLE]]

    async def test_a_backend_that_came_during_the_release_is_named(self, world: World) -> None:
        at = self.at(world)
        split = await at.begin()
        at.world.create(m.service(world.namespace, "green"))
        at.world.edit(
            *at.case.touched(world),
            lambda route: route["spec"]["rules"][0]["backendRefs"].append(m.backend("green", 9)),
        )
        assert "green came onto rule 0" in at.provider.read(split).problem
        await at.provider.restore(split)
        assert [(ref["name"], weight(ref)) for ref in backends(at)] == [(m.STABLE, 100), ("blue", 50), ("green", 9)]

    async def test_another_canary_on_the_rule_is_foreign(self, world: World) -> None:
        world.create(m.service(world.namespace, "cart-canary", labels={OWNER_LABEL: "cart"}))
        at = self.at(world)
        assert not at.provider.read(at.split).foreign
        at.world.edit(
            *at.case.touched(world),
            lambda route: route["spec"]["rules"][0]["backendRefs"].append(m.backend("cart-canary", 5)),
        )
        assert at.provider.read(at.split).foreign
