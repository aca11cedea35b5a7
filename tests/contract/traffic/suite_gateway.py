"""What is particular to the Gateway API: the annotation of a held rule, and what controllers answer."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.traffic import manifests as m
from tests.contract.traffic.cases import CASES, Case, Stage, gateway, stage
from tests.contract.traffic.suite import backends
from tests.contract.traffic.world import World
from truststream.api.names import RULE_ANNOTATION


class HoldContract:
    """The annotation by which the admission policy keeps a rule's backends."""

    def annotations(self, at: Stage) -> dict[str, str]:
        live = at.live()
        assert live is not None
        return dict(live["metadata"].get("annotations") or {})

    @pytest.mark.parametrize(("config", "value"), [({"rule": "web"}, "web"), ({"ruleIndex": 1}, "1")])
    async def test_is_put_on_with_the_canary_and_goes_with_it(
        self, world: World, config: dict[str, Any], value: str
    ) -> None:
        name = config.get("rule")
        rules = (m.rule(m.backend("blue"), prefix="/blue"), m.rule(m.backend(m.STABLE), name=name))
        at = stage(world, gateway(*rules, holdRoute=True, **config))
        split = at.noted()
        await at.provider.attach(split)
        assert self.annotations(at) == {RULE_ANNOTATION: value}
        assert len(world.objects.writes) == 1
        await at.provider.restore(split)
        assert self.annotations(at) == {}
        assert len(world.objects.writes) == 2

    async def test_other_annotations_stay(self, world: World) -> None:
        at = stage(world, gateway(m.rule(m.backend(m.STABLE), name="web"), holdRoute=True))
        at.world.edit(*at.case.touched(world), lambda route: route["metadata"].update(annotations={"team": "a"}))
        split = at.noted()
        await at.provider.attach(split)
        assert self.annotations(at) == {"team": "a", RULE_ANNOTATION: "web"}
        await at.provider.restore(split)
        assert self.annotations(at) == {"team": "a"}

    async def test_off_is_respected(self, world: World) -> None:
        at = stage(world, gateway(m.rule(m.backend(m.STABLE), name="web"), holdRoute=True))
        split = await at.begin()
        at.world.edit(
            *at.case.touched(world), lambda route: route["metadata"]["annotations"].update({RULE_ANNOTATION: "off"})
        )
        world.objects.writes.clear()
        await at.provider.attach(split)
        assert world.objects.writes == []
        await at.provider.restore(split)
        assert self.annotations(at) == {RULE_ANNOTATION: "off"}


class StatusContract:
    """What the gateways' controllers have and have not accepted."""

    async def test_is_ready_only_for_the_last_write(self, world: World) -> None:
        at = stage(world, CASES["GatewayAPI"])
        await at.settled()
        assert at.provider.read(at.split).waiting_for == ""
        assert at.provider.telemetry(at.split) == "Contour"

    async def test_a_missing_reference_grant_says_what_to_create(self, world: World) -> None:
        at = self.crossing(world)
        await world.eventually(lambda: "RefNotPermitted" in at.provider.read(at.split).waiting_for)
        view = at.provider.read(at.split)
        assert not view.ready
        assert f"create a ReferenceGrant in namespace {world.namespace}" in view.waiting_for
        assert f"kind HTTPRoute, namespace {world.other_namespace}" in view.waiting_for
        world.create(m.grant(world.namespace, world.other_namespace))
        await at.settled()

    async def test_the_canary_of_another_namespace_is_there_too(self, world: World) -> None:
        at = self.crossing(world)
        world.create(m.grant(world.namespace, world.other_namespace))
        split = await at.begin()
        await at.provider.set_weight(split, 25)
        await at.settled()
        canary = backends(at)[1]
        assert (canary["name"], canary["namespace"]) == (m.CANARY, world.namespace)
        assert at.provider.read(split).weight == 25

    async def test_a_parent_that_nobody_serves_is_waited_for(self, world: World) -> None:
        at = stage(world, CASES["GatewayAPI"])
        await at.settled()
        nobody = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "nobody"}
        at.world.edit(*at.case.touched(world), lambda route: route["spec"]["parentRefs"].insert(0, nobody))
        view = at.provider.read(at.split)
        assert not view.ready
        assert view.waiting_for == f"Gateway nobody has not seen HTTPRoute {world.namespace}/public yet"

    def crossing(self, world: World) -> Stage:
        def prepare(world: World) -> None:
            for name in (m.STABLE, m.CANARY):
                world.create(m.service(world.namespace, name))
            refs = [m.backend(m.STABLE, namespace=world.namespace)]
            world.create(m.route(world.other_namespace, [m.rule(*refs)]))

        config = {"route": "public", "routeNamespace": world.other_namespace}
        return stage(
            world,
            Case("GatewayAPI", prepare, lambda world: ("HTTPRoute", world.other_namespace, "public"), (5,), config),
        )
