"""Out of GrowthBook's and Unleash's files: rules, and what the report says."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.flags.world import flags
from truststream.flags.evaluation import Evaluation
from truststream.flags.flagset import FlagSet
from truststream.flags.imports.base import Effect, Imported, Unsupported
from truststream.flags.imports.growthbook import import_growthbook
from truststream.flags.imports.unleash import import_unleash
from truststream.flags.segmentsource import read_segments, segment_source_of
from truststream.flags.source import source_of

GROWTHBOOK: dict[str, Any] = {
    "features": {
        "checkout": {
            "defaultValue": False,
            "rules": [
                {"condition": {"id": {"$in": ["ann", "bob"]}}, "force": True},
                {"condition": {"$or": [{"country": "DE"}, {"age": {"$gte": 18}}]}, "force": True, "coverage": 0.25},
            ],
        },
        "button": {
            "defaultValue": "blue",
            "rules": [
                {
                    "variations": ["blue", "green"],
                    "weights": [0.3, 0.7],
                    "coverage": 0.5,
                    "hashAttribute": "company",
                    "namespace": ["checkout", 0, 0.5],
                }
            ],
        },
        "child": {"defaultValue": 1, "rules": [{"parentConditions": [{"id": "checkout"}], "force": 2}]},
    }
}
API = {
    "features": [
        {
            "id": "limits",
            "valueType": "json",
            "defaultValue": '{"max": 10}',
            "owner": "team-a",
            "environments": {
                "production": {"enabled": False, "rules": []},
                "dev": {
                    "enabled": True,
                    "rules": [{"type": "force", "condition": '{"plan": {"$ne": "free"}}', "value": '{"max": 99}'}],
                },
            },
        }
    ]
}
UNLEASH: dict[str, Any] = {
    "version": 2,
    "features": [
        {
            "name": "checkout",
            "enabled": True,
            "strategies": [
                {"name": "userWithId", "parameters": {"userIds": "ann, bob"}},
                {
                    "name": "flexibleRollout",
                    "parameters": {"rollout": "25", "stickiness": "userId", "groupId": "checkout"},
                    "constraints": [
                        {"contextName": "country", "operator": "NOT_IN", "values": ["US"]},
                        {
                            "contextName": "email",
                            "operator": "STR_ENDS_WITH",
                            "values": ["@a.example"],
                            "inverted": True,
                        },
                    ],
                    "segments": [7],
                },
            ],
            "variants": [
                {"name": "blue", "weight": 333, "payload": {"type": "string", "value": "#00f"}},
                {"name": "green", "weight": 667, "overrides": [{"contextName": "userId", "values": ["ann"]}]},
            ],
        },
        {"name": "lottery", "strategies": [{"name": "flexibleRollout", "parameters": {"stickiness": "random"}}]},
        {"name": "off", "enabled": False, "strategies": []},
    ],
    "segments": [{"id": 7, "constraints": [{"contextName": "age", "operator": "NUM_GTE", "value": "18"}]}],
}
EXPORT = {
    "features": [{"name": "banner"}],
    "featureEnvironments": [
        {"featureName": "banner", "environment": "production", "enabled": False},
        {"featureName": "banner", "environment": "development", "enabled": True},
    ],
    "featureStrategies": [
        {"featureName": "banner", "environment": "development", "strategyName": "default", "constraints": []},
    ],
}


def specs(found: Imported) -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"]: one["spec"] for one in found.manifests if one["kind"] == "FeatureFlag"}


def built(found: Imported, environment: str = "") -> FlagSet:
    maps = [segment_source_of(one) for one in found.manifests if one["kind"] == "ConfigMap"]
    sources = [source_of(one) for one in found.manifests if one["kind"] == "FeatureFlag"]
    made = flags(*sources, segments=read_segments(maps).known, environment=environment)
    assert not made.problems
    return made


def evaluate(found: Imported, key: str, environment: str = "", **context: Any) -> Evaluation:
    return built(found, environment).evaluate(key, context, 0.0)


def given(found: Imported, key: str, count: int, **context: Any) -> int:
    """How many of so many units get true."""
    made = built(found)
    units = [{"targetingKey": f"u{index}", **context} for index in range(count)]
    return sum(made.evaluate(key, unit, 0.0).value for unit in units)


def effects(found: Imported, flag: str) -> set[tuple[str, Effect]]:
    return {
        (one.path, one.effect) for one in found.report.findings if one.flag == flag and one.effect is not Effect.NOTE
    }


def test_growthbooks_rules_force_values() -> None:
    found = import_growthbook(GROWTHBOOK)
    assert evaluate(found, "checkout", targetingKey="ann").value is True
    assert evaluate(found, "checkout", targetingKey="cid").value is False
    assert 60 < given(found, "checkout", 400, age=18) < 140


def test_growthbooks_experiments_are_distributions() -> None:
    found = import_growthbook(GROWTHBOOK)
    rule = specs(found)["button"]["rules"][0]
    assert rule["rolloutPercentage"] == 50
    assert rule["distribution"] == [{"variant": "default", "weight": 30}, {"variant": "green", "weight": 70}]
    assert specs(found)["button"]["bucketing"] == {"by": "company"}
    assert effects(found, "button") == {
        ("features.button.rules[0].namespace", Effect.CHANGED),
        ("features.button.rules[0]", Effect.REDEALT),
    }


def test_growthbooks_parents_are_not_carried_over() -> None:
    found = import_growthbook(GROWTHBOOK)
    assert "child" not in specs(found)
    assert effects(found, "child") == {("features.child.rules[0].parentConditions", Effect.OMITTED)}


def test_growthbooks_api_has_environments_and_writes_values_as_text() -> None:
    found = import_growthbook(API)
    spec = specs(found)["limits"]
    assert (spec["type"], spec["owner"]) == ("Object", "team-a")
    assert evaluate(found, "limits", "dev", plan="pro").value == {"max": 99}
    assert evaluate(found, "limits", "dev", plan="free").value == {"max": 10}
    assert evaluate(found, "limits", "production").value == {"max": 10}
    assert ("features[0].environments.production", Effect.CHANGED) in effects(found, "limits")


@pytest.mark.parametrize(
    ("condition", "effect"),
    [
        ({"tags": {"$size": 2}}, Effect.OMITTED),
        ({"name": {"$gt": "m"}}, Effect.OMITTED),
        ({"tags": ["a"]}, Effect.OMITTED),
        ({"name": {"$regex": "(?=a)"}}, Effect.OMITTED),
        ({"$where": "1"}, Effect.OMITTED),
        ({"tags": {"$elemMatch": {"$eq": "a"}}}, Effect.STRICTER),
        ({"version": {"$vgte": "1.2.0"}}, Effect.STRICTER),
        ({"$nor": [{"plan": "free"}, {"$not": {"age": {"$exists": True}}}]}, Effect.STRICTER),
    ],
)
def test_growthbooks_conditions_are_carried_over_or_told(condition: dict[str, Any], effect: Effect) -> None:
    feature = {"defaultValue": False, "rules": [{"condition": condition, "force": True}]}
    found = import_growthbook({"features": {"f": feature}})
    assert {one for _, one in effects(found, "f")} == {effect}
    assert ("f" in specs(found)) is (effect is not Effect.OMITTED)


def test_unleashs_strategies_are_alternatives() -> None:
    found = import_unleash(UNLEASH)
    assert evaluate(found, "checkout", targetingKey="bob").value is True
    grown: dict[str, Any] = {"age": 20, "country": "DE", "email": "x@b.example"}
    assert 60 < given(found, "checkout", 400, **grown) < 140
    for other in ({"country": "US"}, {"email": "x@a.example"}, {"age": 17}):
        assert given(found, "checkout", 100, **(grown | other)) == 0


def test_unleashs_variants_are_a_flag_of_their_own() -> None:
    found = import_unleash(UNLEASH)
    assert evaluate(found, "checkout.variant", targetingKey="ann").value == "green"
    assert evaluate(found, "checkout.variant", targetingKey="bob").value in ("#00f", "green")
    assert evaluate(found, "checkout.variant", targetingKey="cid").variant == "disabled"


def test_unleashs_disabled_features_are_off() -> None:
    found = import_unleash(UNLEASH)
    assert evaluate(found, "off").value is False
    assert specs(found)["off"]["enabled"] is False


def test_what_unleash_deals_at_random_is_left_out() -> None:
    found = import_unleash(UNLEASH)
    path = "features[1].strategies[0].parameters.stickiness"
    assert effects(found, "lottery") == {(path, Effect.OMITTED)}


def test_unleashs_exports_have_environments() -> None:
    found = import_unleash(EXPORT)
    assert evaluate(found, "banner", "development").value is True
    assert evaluate(found, "banner", "production").value is False
    assert evaluate(found, "banner").value is False


@pytest.mark.parametrize(
    ("constraint", "holds", "context"),
    [
        ({"operator": "IN", "values": ["a"]}, True, {"f": "a"}),
        ({"operator": "STR_CONTAINS", "values": ["x", "b"]}, True, {"f": "abc"}),
        ({"operator": "NUM_LT", "value": "2.5"}, True, {"f": 2}),
        ({"operator": "SEMVER_GT", "value": "1.2.0"}, False, {"f": "1.2.0"}),
        ({"operator": "IN_CIDR", "values": ["10.0.0.0/8"]}, True, {"f": "10.1.2.3"}),
        ({"operator": "REGEX", "value": "^a+$"}, True, {"f": "aaa"}),
        ({"operator": "DATE_BEFORE", "value": "2026-01-01T00:00:00Z"}, True, {"f": "2025-01-01T00:00:00Z"}),
        ({"operator": "IN", "values": ["a"], "inverted": True}, True, {}),
    ],
)
def test_unleashs_constraints(constraint: dict[str, Any], holds: bool, context: dict[str, Any]) -> None:
    strategy = {"name": "default", "constraints": [{"contextName": "f", **constraint}]}
    found = import_unleash({"features": [{"name": "flag", "strategies": [strategy]}]})
    assert evaluate(found, "flag", **context).value is holds


@pytest.mark.parametrize(
    "strategy",
    [
        {"name": "applicationHostname", "parameters": {"hostNames": "a"}},
        {"name": "default", "segments": [99]},
        {"name": "userWithId", "parameters": {"userIds": ""}},
        {"name": "default", "constraints": [{"contextName": "f", "operator": "STR_CONTAINS", "caseInsensitive": True}]},
        {"name": "default", "constraints": [{"contextName": "f", "operator": "UNKNOWN"}]},
        {"name": "default", "constraints": [{"contextName": "f", "operator": "NUM_EQ", "value": "many"}]},
    ],
)
def test_what_unleash_has_and_we_do_not_leaves_the_flag_out(strategy: dict[str, Any]) -> None:
    found = import_unleash({"features": [{"name": "flag", "strategies": [strategy]}]})
    assert found.manifests == []
    assert {one.effect for one in found.report.findings} == {Effect.OMITTED}


@pytest.mark.parametrize("content", [None, {}, {"features": 3}, []])
def test_other_files_are_refused(content: Any) -> None:
    with pytest.raises(Unsupported):
        import_growthbook(content)
    with pytest.raises(Unsupported):
        import_unleash(content)
