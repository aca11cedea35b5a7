"""How the contract suite sets the stage for each provider: one line of CASES for each line of the registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tests.contract.traffic import manifests as m
from tests.contract.traffic.world import World
from truststream.traffic import provider
from truststream.traffic.base import Manifest, Split, TrafficProvider

Key = tuple[str, str, str]


@dataclass(frozen=True)
class Case:
    """A provider's settings, its stage, and the object whose spec must be the user's again afterwards."""

    provider: str
    prepare: Callable[[World], None]
    touched: Callable[[World], Key]
    weights: tuple[float, ...]  # percents that are exact on this stage
    config: dict[str, Any] = field(default_factory=dict)
    workload: bool = True
    flag: str = ""


@dataclass
class Stage:
    """A case set up in a world."""

    world: World
    case: Case
    provider: TrafficProvider
    split: Split

    def noted(self) -> Split:
        """The split as the core passes it once the release has begun."""
        self.split = replace(self.split, memory=self.provider.note(self.split))
        return self.split

    def live(self) -> Manifest | None:
        return self.world.live(*self.case.touched(self.world))

    def spec(self) -> Any:
        found = self.live()
        return None if found is None else found["spec"]

    async def begin(self) -> Split:
        """Noted, attached, and taken up by the controllers."""
        split = self.noted()
        await self.provider.attach(split)
        await self.settled()
        return split

    async def settled(self) -> None:
        await self.world.eventually(lambda: self.provider.read(self.split).ready)


def stage(world: World, case: Case) -> Stage:
    case.prepare(world)
    workload = m.CANARY if case.workload else ""
    split = Split(
        owner="shop",
        namespace=world.namespace,
        stable=m.STABLE,
        canary=m.CANARY,
        target=m.STABLE,
        canary_workload=workload,
        flag=case.flag,
    )
    return Stage(world, case, provider(case.provider, case.config, world.objects), split)


def routed(*rules: dict[str, Any], kind: str = "HTTPRoute", **metadata: Any) -> Callable[[World], None]:
    """A route with these rules, and every Service that it needs."""

    def prepare(world: World) -> None:
        names = {ref["name"] for rule in rules for ref in rule["backendRefs"]} | {m.STABLE, m.CANARY}
        for name in sorted(names):
            world.create(m.service(world.namespace, name))
        world.create(m.route(world.namespace, rules, kind=kind, **metadata))

    return prepare


def _deployments(world: World) -> None:
    world.create(m.deployment(world.namespace, m.STABLE, 9))
    world.create(m.deployment(world.namespace, m.CANARY, 0))


def gateway(*rules: dict[str, Any], kind: str = "HTTPRoute", **config: Any) -> Case:
    return Case(
        provider="GatewayAPI",
        prepare=routed(*rules, kind=kind),
        touched=lambda world: (kind, world.namespace, "public"),
        weights=(5, 12.5, 0.1, 99.9, 100, 50),
        config={"kind": kind, "route": "public", **config},
    )


def flagged(**spec: Any) -> Case:
    """A flag whose variants are called like the Services of the other cases."""
    return Case(
        provider="FeatureFlag",
        prepare=lambda world: world.create(m.flag(world.namespace, **spec)),
        touched=lambda world: ("FeatureFlag", world.namespace, m.FLAG),
        weights=(5, 0.001, 33.333, 99.999, 100, 50),
        workload=False,
        flag=m.FLAG,
    )


CASES = {
    "FeatureFlag": flagged(),
    "GatewayAPI": gateway(m.rule(m.backend(m.STABLE))),
    "Replicas": Case(
        provider="Replicas",
        prepare=_deployments,
        touched=lambda world: ("Deployment", world.namespace, m.CANARY),
        weights=(10, 50, 25),
    ),
}

SHAPES = {
    "weight absent": CASES["GatewayAPI"],
    "weight explicit": gateway(m.rule(m.backend(m.STABLE, 100))),
    "odd weights of three": gateway(m.rule(m.backend("blue", 7), m.backend(m.STABLE, 3), m.backend("legacy", 11))),
    "filters on the backend": gateway(
        m.rule(
            m.backend(
                m.STABLE,
                10,
                filters=[
                    {
                        "type": "RequestHeaderModifier",
                        "requestHeaderModifier": {"set": [{"name": "x-arm", "value": "1"}]},
                    }
                ],
            ),
            m.backend("blue", 1),
        )
    ),
    "two rules by name": gateway(
        m.rule(m.backend(m.STABLE, 5), name="admin", prefix="/admin"),
        m.rule(m.backend(m.STABLE), m.backend("blue", 0), name="web"),
        rule="web",
    ),
    "two rules by index": gateway(
        m.rule(m.backend(m.STABLE, 5), prefix="/admin"),
        m.rule(m.backend(m.STABLE, 20), prefix="/shop"),
        ruleIndex=1,
        matches=[{"path": {"value": "/shop"}}],
    ),
    "GRPCRoute": gateway(m.grpc_rule(m.backend(m.STABLE, 1), name="cart"), kind="GRPCRoute", rule="cart"),
    "the user's own two Services": replace(
        gateway(m.rule(m.backend(m.STABLE, 90), m.backend(m.CANARY, 0))), workload=False
    ),
}
