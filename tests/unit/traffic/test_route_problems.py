"""What `read` says of a route on which nothing can be split: the object, the field, what there is, the remedy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from tests.contract.traffic import manifests as m
from tests.contract.traffic.cases import CASES, Stage, gateway, stage
from tests.contract.traffic.memory import Memory, MemoryWorld
from tests.contract.traffic.world import Watched
from truststream.errors import SpecError, TrafficError
from truststream.traffic import provider
from truststream.traffic.base import Manifest, PatchOp

WEB, ADMIN = m.rule(m.backend(m.STABLE), name="web"), m.rule(m.backend("blue"), name="admin", prefix="/admin")
NAMELESS = (m.rule(m.backend("blue"), prefix="/blue"), m.rule(m.backend(m.STABLE), prefix="/shop"))


def at(*rules: dict[str, Any], **config: Any) -> Stage:
    return stage(MemoryWorld(), gateway(*rules, **config))


@pytest.mark.parametrize(
    ("rules", "config", "problem"),
    [
        ((WEB, ADMIN), {"rule": "wep"}, r"config\.rule: no rule 'wep'; .* has the rules 0 'web', 1 'admin'"),
        ((WEB, ADMIN), {}, r"config\.rule: which rule\? HTTPRoute shop/public has the rules 0 'web', 1 'admin'"),
        (NAMELESS, {}, r"0 \(no name\), 1 \(no name\): set config.ruleIndex and config.matches"),
        (NAMELESS, {"ruleIndex": 2}, r"config\.ruleIndex: no rule 2; "),
        (
            NAMELESS,
            {"ruleIndex": 1, "matches": m.http_matches("/blue")},
            r"config\.matches: rule 1 of .* has other matches: .*'/shop'.* correct ruleIndex",
        ),
        ((ADMIN,), {}, r"Service shop/shop is not a backend of rule \"admin\" of .* \(there: 'blue'\)"),
        ((m.rule(m.backend(m.STABLE), m.backend(m.STABLE, 5)),), {}, r"is 2 times a backend of rule 0 .* make it one"),
        ((m.rule(m.backend(m.STABLE, 0), m.backend("blue")),), {}, r"shop has weight 0 on rule 0 .* give it a weight"),
        ((m.rule(m.backend(m.STABLE, 1), m.backend("blue", 500_000)),), {}, r"far apart \(1 for shop, 500000 for "),
        ((m.rule(m.backend(m.STABLE, port=81)),), {}, r"sends to port 81, but Service shop has 80; correct either"),
        ((), {}, r"has no rules: give it one"),
    ],
)  # fmt: skip
def test_says_what_is_wrong(rules: tuple[dict[str, Any], ...], config: dict[str, Any], problem: str) -> None:
    view = at(*rules, **config).provider.read(_split())
    assert view.found
    assert view.problem.startswith("spec.traffic.config.")
    assert re.search(problem, view.problem), view.problem


def _split() -> Any:
    return stage(MemoryWorld(), CASES["GatewayAPI"]).split


@pytest.mark.parametrize(
    ("config", "rules"),
    [
        ({"rule": "web"}, (ADMIN, WEB)),
        ({}, (m.rule(m.backend(m.STABLE)),)),
        ({"ruleIndex": 1, "matches": [{"path": {"value": "/shop"}}]}, NAMELESS),
        ({"ruleIndex": 1}, NAMELESS),
    ],
)
def test_a_rule_that_is_found_is_no_problem(config: dict[str, Any], rules: tuple[dict[str, Any], ...]) -> None:
    assert at(*rules, **config).provider.read(_split()).problem == ""


def test_header_matches_may_leave_out_the_defaults() -> None:
    full = {"path": {"type": "PathPrefix", "value": "/"}, "headers": [{"type": "Exact", "name": "x", "value": "1"}]}
    rule = {"matches": [full], "backendRefs": [m.backend(m.STABLE)]}
    assert (
        at(rule, ruleIndex=0, matches=[{"headers": [{"name": "x", "value": "1"}]}]).provider.read(_split()).problem
        == ""
    )


async def test_a_missing_route() -> None:
    here = at(WEB)
    here.world.delete("HTTPRoute", "shop", "public")
    view = here.provider.read(here.split)
    assert not view.found
    assert "HTTPRoute shop/public does not exist; create it, or correct route and routeNamespace" in view.problem
    with pytest.raises(TrafficError, match="does not exist"):
        await here.provider.attach(here.split)
    with pytest.raises(TrafficError, match="has answered"):
        here.provider.telemetry(here.split)
    assert not here.provider.concerns(here.split, "GRPCRoute", "shop", "public")


async def test_a_rejected_route_is_a_problem_in_the_controllers_words() -> None:
    here = at(WEB)
    await here.world.eventually(lambda: True)
    route = _stored(here)
    route["status"]["parents"][0]["conditions"][0].update(
        status="False", reason="NoMatchingParent", message="no listener"
    )
    view = here.provider.read(here.split)
    assert "rejected by Gateway projectcontour/contour: NoMatchingParent: no listener" in view.problem
    assert "says Accepted=False" in view.waiting_for


async def test_a_route_without_parents_is_served_by_nobody() -> None:
    here = at(WEB)
    _stored(here)["spec"]["parentRefs"] = []
    assert "has no parentRefs" in here.provider.read(here.split).waiting_for


async def test_an_answer_to_an_older_generation_is_none() -> None:
    here = at(WEB)
    await here.settled()
    await here.provider.attach(here.noted())
    view = here.provider.read(here.split)
    assert view.waiting_for == (
        "Gateway projectcontour/contour has not answered Accepted for generation 2 of HTTPRoute shop/public yet"
    )


async def test_an_unknown_controller_asks_for_telemetry() -> None:
    here = at(WEB)
    await here.settled()
    _stored(here)["status"]["parents"][0]["controllerName"] = "example.com/gateway"
    with pytest.raises(SpecError, match=r"served by example.com/gateway, .* set one of: Contour, Pods") as raised:
        here.provider.telemetry(here.split)
    assert raised.value.path == "spec.traffic.config.telemetry"
    assert at(WEB, telemetry="Pods").provider.telemetry(here.split) == "Pods"


class Restless(Memory):
    """Somebody puts a rule before ours at every look."""

    async def json_patch(
        self, kind: str, namespace: str, name: str, ops: Sequence[PatchOp], *, subresource: str | None = None
    ) -> Manifest:
        answer = await super().json_patch(kind, namespace, name, ops, subresource=subresource)
        self.stored[kind, namespace, name]["spec"]["rules"].insert(0, deepcopy(ADMIN))
        return answer


async def test_a_route_that_never_stands_still_is_given_up_for_now() -> None:
    here = at(WEB)
    split = await here.begin()
    await here.provider.set_weight(split, 10)
    restless = Restless()
    restless.stored = {("HTTPRoute", "shop", "public"): _stored(here)}
    watched = Watched(restless)
    watched.lag("HTTPRoute", "shop", "public")
    _stored(here)["spec"]["rules"].insert(0, deepcopy(ADMIN))
    with pytest.raises(TrafficError, match="rewritten all the time"):
        await provider("GatewayAPI", here.case.config, watched).set_weight(split, 0)
    assert len(watched.writes) == 8


async def test_a_lost_note_still_lets_the_route_be_put_back() -> None:
    here = at(m.rule(m.backend(m.STABLE, 100), m.backend("blue", 50)))
    before = deepcopy(here.spec())
    split = await here.begin()
    await here.provider.set_weight(split, 25)
    await here.provider.restore(replace(split, memory=None))
    assert here.spec() == before


async def test_two_services_of_the_users_stay_as_they_are_without_a_note() -> None:
    here = at(m.rule(m.backend(m.STABLE, 0), m.backend(m.CANARY, 100)))
    before = deepcopy(here.spec())
    await here.provider.restore(replace(here.split, canary_workload="", memory=None))
    assert here.spec() == before
    assert here.world.objects.writes == []


async def test_a_rule_renamed_during_the_release_still_rolls_back() -> None:
    here = at(WEB, ADMIN, rule="web")
    split = await here.begin()
    await here.provider.set_weight(split, 25)
    _stored(here)["spec"]["rules"][0]["name"] = "shop"
    view = here.provider.read(split)
    assert (view.attached, view.weight) == (True, 25)
    assert "no rule 'web'" in view.problem
    await here.provider.set_weight(split, 0)
    assert here.provider.read(split).weight == 0
    await here.provider.restore(split)
    assert [ref["name"] for ref in here.spec()["rules"][0]["backendRefs"]] == [m.STABLE]


async def test_a_users_own_canary_rule_is_never_taken_for_ours() -> None:
    preview = m.rule(m.backend(m.CANARY), m.backend(m.STABLE), name="preview", prefix="/preview")
    here = at(preview, WEB, rule="web")
    split = replace(here.split, canary_workload="")
    split = replace(split, memory=here.provider.note(split))
    assert not here.provider.read(split).attached
    await here.provider.attach(split)
    await here.provider.set_weight(split, 40)
    await here.provider.set_weight(split, 0)
    await here.provider.restore(split)
    assert here.spec()["rules"] == [preview, WEB]


async def test_an_annotation_that_came_at_the_same_moment_is_not_lost() -> None:
    here = at(WEB, holdRoute=True)
    split = here.noted()
    here.world.objects.lag("HTTPRoute", "shop", "public")
    here.world.edit("HTTPRoute", "shop", "public", lambda route: route["metadata"].update(annotations={"team": "a"}))
    with pytest.raises(TrafficError, match="changed since it was read"):
        await here.provider.attach(split)
    live = here.live()
    assert live is not None
    assert live["metadata"]["annotations"] == {"team": "a"}


def _stored(here: Stage) -> Any:
    assert isinstance(here.world, MemoryWorld)
    return here.world.memory.stored["HTTPRoute", "shop", "public"]
