"""Out of flagd's files and the OpenFeature operator's manifests: rules, and what the report says."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from truststream.api.featureflag import BucketingVersion
from truststream.flags.imports.base import Effect, Imported, Unsupported, resource_names
from truststream.flags.imports.boolean import MOST
from truststream.flags.imports.flagd import import_flagd
from truststream.flags.imports.openfeature import import_openfeature

ON_OFF = {"on": True, "off": False}


def flag(targeting: Any = None, **more: Any) -> dict[str, Any]:
    base: dict[str, Any] = {"state": "ENABLED", "variants": ON_OFF, "defaultVariant": "off"}
    return base | ({} if targeting is None else {"targeting": targeting}) | more


def imported(targeting: Any = None, **more: Any) -> Imported:
    return import_flagd({"flags": {"flag": flag(targeting, **more)}})


def spec_of(found: Imported, name: str = "flag") -> dict[str, Any]:
    specs = {one["metadata"]["name"]: one["spec"] for one in found.manifests if one["kind"] == "FeatureFlag"}
    spec: dict[str, Any] = specs[name]
    return spec


def told(found: Imported) -> set[tuple[str, Effect]]:
    return {(one.path, one.effect) for one in found.report.findings}


def test_branches_become_rules_in_their_order() -> None:
    mail = {"var": "email"}
    found = imported(
        {"if": [{"ends_with": [mail, "@a.example"]}, "on", {"===": [{"var": "plan"}, "gold"]}, "off", "on"]}
    )
    assert [(rule["conditions"], rule["variant"]) for rule in spec_of(found)["rules"]] == [
        ([{"field": "email", "operator": "EndsWith", "value": "@a.example"}], "on"),
        ([{"field": "plan", "operator": "Equals", "value": "gold"}], "off"),
        ([], "on"),
    ]
    assert told(found) == set()


def test_fractional_becomes_nested_shares_of_the_flags_key() -> None:
    found = imported({"fractional": [["on", 10], ["off", 90]]})
    spec = spec_of(found)
    assert spec["rules"] == [{"name": "rule-1", "conditions": [], "variant": "on", "rolloutPercentage": 10.0}]
    assert spec["bucketing"] == {"version": "FlagdV2", "by": "targetingKey"}
    assert {effect for _, effect in told(found)} == {Effect.NOTE}


def test_a_text_before_the_unit_becomes_the_salt() -> None:
    source = {"cat": ["seed-", {"var": "company.id"}]}
    found = imported({"fractional": [source, ["on", 50], ["off", 50]]})
    assert spec_of(found)["bucketing"] == {"version": "FlagdV2", "by": "company.id", "salt": "seed-"}


def test_the_flags_key_before_the_unit_is_the_default_salt() -> None:
    source = {"cat": [{"var": "$flagd.flagKey"}, {"var": "targetingKey"}]}
    assert spec_of(imported({"fractional": [source, ["on", 50], ["off", 50]]}))["bucketing"] == {
        "version": "FlagdV2",
        "by": "targetingKey",
    }


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ([{"var": "email"}, ["on", 1], ["off", 1]], "flags.flag.targeting.fractional"),
        ([{"cat": [{"var": "email"}, "seed"]}, ["on", 1], ["off", 1]], "flags.flag.targeting.fractional"),
        ([["on", 1], ["off", 2]], "flags.flag.targeting.fractional"),
    ],
)
def test_what_is_dealt_otherwise_is_said(arguments: list[Any], path: str) -> None:
    assert (path, Effect.REDEALT) in told(imported({"fractional": arguments}))


def test_version_3_hashes_key_and_unit_as_a_list() -> None:
    content = {"flags": {"flag": flag({"fractional": [["on", 1], ["off", 1]]})}}
    found = import_flagd(content, version=BucketingVersion.FLAGD_V3)
    assert told(found) == {("flags.flag.targeting.fractional", Effect.REDEALT)}
    assert spec_of(found)["bucketing"]["version"] == "FlagdV3"


def test_the_opposite_of_what_has_none_goes_through_a_segment() -> None:
    found = imported({"if": [{"!": [{"starts_with": [{"var": "email"}, "a"]}]}, "on", None]})
    config_map = next(one for one in found.manifests if one["kind"] == "ConfigMap")
    assert config_map["metadata"]["labels"] == {"truststream.dev/segments": ""}
    (name,) = config_map["data"]
    condition = {"field": "email", "operator": "StartsWith", "value": "a"}
    assert yaml.safe_load(config_map["data"][name]) == {"conditions": [condition]}
    assert spec_of(found)["rules"][0]["conditions"] == [{"operator": "NotInSegment", "value": name}]


def test_evaluators_are_put_where_they_are_referred_to() -> None:
    content = {
        "flags": {"flag": flag({"if": [{"$ref": "staff"}, "on", "off"]})},
        "$evaluators": {"staff": {"in": ["@acme", {"var": "email"}]}},
    }
    assert spec_of(import_flagd(content))["rules"][0]["conditions"] == [
        {"field": "email", "operator": "Contains", "value": "@acme"}
    ]


def test_a_missing_number_is_nought_for_flagd_and_so_it_is_imported() -> None:
    found = imported({"if": [{"<": [{"var": "age"}, 18]}, "on", "off"]})
    operators = [rule["conditions"][0]["operator"] for rule in spec_of(found)["rules"]]
    assert operators == ["LessThan", "Exists"]
    assert told(found) == {("flags.flag.targeting.if[0].<", Effect.STRICTER)}


def test_the_clock_becomes_a_moment() -> None:
    found = imported({"if": [{">": [{"var": "$flagd.timestamp"}, 1_796_000_000]}, "on", "off"]})
    assert spec_of(found)["rules"][0]["conditions"] == [{"operator": "After", "value": "2026-11-30T00:53:21Z"}]
    assert told(found) == set()


def test_where_flagds_evaluators_disagree_it_is_a_change() -> None:
    found = imported({"if": [{"==": [{"var": "beta"}, False]}, "on", "off"]})
    assert ("flags.flag.targeting.if[0].==", Effect.CHANGED) in told(found)


def test_a_disabled_flag_is_off_and_told() -> None:
    found = imported("on", state="DISABLED")
    assert spec_of(found)["enabled"] is False
    assert told(found) == {("flags.flag.state", Effect.CHANGED)}


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (flag(defaultVariant=None), "flags.flag.defaultVariant"),
        (flag(defaultVariant="none"), "flags.flag.defaultVariant"),
        (flag(variants={}), "flags.flag.variants"),
        (flag(variants={"on": True, "off": "no"}), "flags.flag.variants"),
        (flag(variants={"off": None}), "flags.flag.variants"),
        (flag({"if": [True, "unknown"]}), "flags.flag.targeting.if[1]"),
        (flag({"if": [{"%": [{"var": "age"}, 2]}, "on"]}), "flags.flag.targeting.if[0].%"),
        (flag({"if": [{"===": [{"var": ["plan", "gold"]}, "gold"]}, "on"]}), "flags.flag.targeting.if[0].==="),
        (flag({"if": [{"===": [{"var": "a"}, {"var": "b"}]}, "on"]}), "flags.flag.targeting.if[0].==="),
        (flag({"if": [{"<": [{"var": "a"}, {"var": "b"}]}, "on"]}), "flags.flag.targeting.if[0].<"),
        (flag({"if": [{"$ref": "nothing"}, "on"]}), "flags.flag.targeting.if[0].$ref"),
        (flag({"fractional": [["on", {"var": "weight"}]]}), "flags.flag.targeting.fractional[0]"),
        (flag({"fractional": [["on", 0]]}), "flags.flag.targeting.fractional"),
        (flag({"if": [True, 3]}), "flags.flag.targeting.if[1]"),
        (flag({"a": 1, "b": 2}), "flags.flag.targeting"),
    ],
)
def test_what_cannot_be_said_leaves_the_flag_out(raw: dict[str, Any], path: str) -> None:
    found = import_flagd({"flags": {"flag": raw}})
    assert found.manifests == []
    assert told(found) == {(path, Effect.OMITTED)}


def test_too_many_alternatives_are_no_rules() -> None:
    either = {"or": [{"===": [{"var": "plan"}, f"p{index}"]} for index in range(MOST)]}
    found = imported({"if": [{"and": [either, either]}, "on"]})
    assert told(found) == {("flags.flag.targeting", Effect.OMITTED)}


def test_a_key_that_no_flag_can_have_is_told() -> None:
    found = import_flagd({"flags": {"Banner Text": flag(), "Beta_Flag": flag()}})
    assert [one["metadata"]["name"] for one in found.manifests] == ["beta-flag"]
    assert spec_of(found, "beta-flag")["key"] == "Beta_Flag"
    assert {(one.flag, one.effect) for one in found.report.findings} == {("Banner Text", Effect.OMITTED)}


def test_names_of_resources_are_never_shared() -> None:
    keys = ["a-b", "a_b", "A.B", "x" * 200, "x" * 199 + "y", "a/b"]
    names = resource_names(keys)
    assert len(set(names.values())) == len(keys)
    assert names["a-b"] == "a-b"
    assert all(len(name) <= 63 for name in names.values())


def test_variants_with_other_names_are_told() -> None:
    found = imported(None, variants={"dark mode": "d", "light": "l"}, defaultVariant="dark mode")
    assert spec_of(found)["variants"] == {"dark-mode": "d", "light": "l"}
    assert told(found) == {("flags.flag.variants", Effect.CHANGED)}


def test_the_owner_is_kept_and_other_metadata_is_told() -> None:
    found = imported(None, metadata={"owner": "team-a", "ticket": 7})
    assert spec_of(found)["owner"] == "team-a"
    assert told(found) == {("flags.flag.metadata", Effect.NOTE)}


@pytest.mark.parametrize("content", [None, [], {}, {"flags": 3}])
def test_what_is_no_definition_is_refused(content: Any) -> None:
    with pytest.raises(Unsupported):
        import_flagd(content)


def resource(name: str, flags: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "core.openfeature.dev/v1beta1",
        "kind": "FeatureFlag",
        "metadata": {"name": name},
        "spec": {"flagSpec": {"flags": flags}},
    }


def test_manifests_of_the_openfeature_operator() -> None:
    other = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}
    found = import_openfeature(
        [resource("one", {"a": flag()}), other, resource("two", {"a": flag(), "b": flag({"if": [True, "nope"]})})],
        namespace="shop",
    )
    assert [(one["metadata"]["name"], one["metadata"]["namespace"]) for one in found.manifests] == [("a", "shop")]
    assert told(found) == {
        ("two.spec.flagSpec.flags.a", Effect.OMITTED),
        ("two.spec.flagSpec.flags.b.targeting.if[1]", Effect.OMITTED),
    }


def test_manifests_without_flags_are_refused() -> None:
    with pytest.raises(Unsupported, match=r"no FeatureFlag of group core.openfeature.dev"):
        import_openfeature([{"apiVersion": "v1", "kind": "ConfigMap"}])
    with pytest.raises(Unsupported, match="v1beta1 is"):
        import_openfeature([resource("a", {}) | {"apiVersion": "core.openfeature.dev/v1alpha1"}])
