"""The API server refuses what `examine_flag` refuses: by the CRD, and by the policy for what the CRD cannot see."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cluster import Cluster, waiting
from tests.integration.crd.random_flags import SPECS, specs
from tests.unit.api.bad_flags import BAD_FLAGS, GOOD, GOOD_CONDITIONS, WHOLE, BadFlag, By, flag
from truststream.api.flagpolicy import NAME
from truststream.api.flagrules import examine_flag


@pytest.fixture(scope="module")
def flags(chart: Cluster, namespace: str) -> str:
    """A namespace in which kind and policy are in force: the API server takes a moment to read a policy."""
    bad = json.dumps(flag({**GOOD, "defaultVariant": "nothing"}))

    def refused() -> bool:
        command = ("create", "-n", namespace, "--dry-run=server", "-f", "-")
        return NAME in chart.kubectl(*command, input=bad, check=False).stderr

    waiting.until(refused, f"the policy {NAME} to be in force")
    return namespace


def _ask(cluster: Cluster, namespace: str, objects: list[dict[str, Any]]) -> tuple[dict[str, str], int]:
    """Name -> why it is refused, and how many are not; one kubectl asks for all, without a look of its own."""
    everything = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    command = ("create", "-n", namespace, "--dry-run=server", "--validate=false", "-f", "-")
    answer = cluster.kubectl(*command, input=everything, check=False)
    said: dict[str, str] = {}
    for part in answer.stderr.replace("Error from server", "\x00").replace("The FeatureFlag", "\x00").split("\x00"):
        names = [one for one in part.split('"') if one in {o["metadata"]["name"] for o in objects}]
        if names:
            said[names[0]] = part
    return said, answer.stdout.count("created")


@pytest.fixture(scope="module")
def answers(cluster: Cluster, flags: str) -> dict[str, str]:
    return _ask(cluster, flags, [bad.manifest for bad in BAD_FLAGS])[0]


@pytest.mark.parametrize("bad", BAD_FLAGS, ids=lambda bad: bad.id)
def test_a_bad_flag_is_refused_with_its_path(bad: BadFlag, answers: dict[str, str]) -> None:
    said = answers[bad.id]
    assert (bad.server or bad.said) in said
    if bad.by is By.CRD:
        assert "ValidatingAdmissionPolicy" not in said
    else:
        assert f"ValidatingAdmissionPolicy '{NAME}'" in said
    # A policy names an entry by its name, the schema by its place; the field is the last word for both.
    assert bad.path.rpartition(".")[2].partition("[")[0] in said


def test_good_flags_are_taken(cluster: Cluster, flags: str) -> None:
    changes = [{}, WHOLE, *GOOD_CONDITIONS]
    objects = [flag({**GOOD, **change}, f"good-{index}") for index, change in enumerate(changes)]
    said, created = _ask(cluster, flags, objects)
    assert said == {}
    assert created == len(changes)


def test_both_sides_agree(cluster: Cluster, flags: str) -> None:
    """Flags put together at random: what `examine_flag` takes, the API server takes, and the other way round."""
    objects = [flag(spec, f"flag-{index}") for index, spec in enumerate(specs())]
    said, created = _ask(cluster, flags, objects)
    differences = []
    for whole in objects:
        problems = examine_flag(whole)[1]
        refusal = said.get(whole["metadata"]["name"], "")
        if bool(refusal) != bool(problems):
            differences.append((whole["spec"], refusal, [str(problem) for problem in problems]))
    assert differences == []
    assert created + len(said) == SPECS
    assert 0.1 * SPECS < created < 0.9 * SPECS


def test_the_largest_flag_is_within_the_budget(cluster: Cluster, flags: str) -> None:
    """A thousand rules with ten conditions each; an error in the last one is still found."""
    one = {"field": "country", "operator": "Equals", "value": "de"}
    rules = [{"name": f"r{index}", "variant": "on", "conditions": [one] * 10} for index in range(1000)]
    last = {**rules[-1], "conditions": [*[one] * 9, {**one, "operator": "In"}]}
    objects = [flag({**GOOD, "rules": rules}, "large"), flag({**GOOD, "rules": [*rules[:-1], last]}, "large-bad")]
    said, created = _ask(cluster, flags, objects)
    assert created == 1
    assert 'spec.rules[name="r999"].conditions[operator="In"].value: must be a list' in said["large-bad"]


def _apply(cluster: Cluster, namespace: str, spec: dict[str, Any], *more: str, name: str = "kept") -> str:
    text = json.dumps(flag(spec, name))
    return cluster.kubectl("apply", "-n", namespace, *more, "-f", "-", input=text, check=False).stderr


def test_the_key_stays(cluster: Cluster, flags: str) -> None:
    assert _apply(cluster, flags, GOOD) == ""
    assert "the key cannot be changed" in _apply(cluster, flags, {**GOOD, "key": "other"})
    assert _apply(cluster, flags, {**GOOD, "key": "kept"}) == ""
    assert _apply(cluster, flags, GOOD) == ""


def test_another_bucketing_is_warned_of(cluster: Cluster, flags: str) -> None:
    assert _apply(cluster, flags, GOOD, name="dealt") == ""
    warned = _apply(cluster, flags, {**GOOD, "bucketing": {"version": "FlagdV3"}}, name="dealt")
    assert "Warning: " in warned
    assert "truststream flags who-moves" in warned
    assert _apply(cluster, flags, {**GOOD, "bucketing": {"version": "FlagdV3"}, "owner": "me"}, name="dealt") == ""
    for bucketing in ({"salt": "a"}, {"by": "company"}):
        assert "who-moves" in _apply(cluster, flags, {**GOOD, "bucketing": bucketing}, name="dealt")
    same_as_default = {**GOOD, "bucketing": {"by": "company", "salt": "dealt"}}
    assert _apply(cluster, flags, same_as_default, name="dealt") == ""


def test_rules_of_two_owners_are_merged_by_name(cluster: Cluster, flags: str) -> None:
    ours = {**GOOD, "rules": [{"name": "a", "variant": "on"}]}
    theirs = {**GOOD, "rules": [{"name": "b", "variant": "on"}]}
    for manager, spec in (("one", ours), ("two", theirs)):
        assert _apply(cluster, flags, spec, "--server-side", f"--field-manager={manager}", name="merged") == ""
    live: Any = cluster.get("fflag", "merged", "-n", flags)
    assert [rule["name"] for rule in live["spec"]["rules"]] == ["a", "b"]


def test_get_reads_well_at_120_columns(cluster: Cluster, flags: str) -> None:
    assert _apply(cluster, flags, {**GOOD, "owner": "checkout"}, name="checkout-new-flow") == ""
    status = {
        "state": "AwaitingApproval",
        "key": "checkout/new-flow",
        "defaultVariant": "off",
        "rollout": "12.345% on",
        "delivery": "OFREPOnly",
        "usage": {"evaluations": 1234567, "lastEvaluated": "2026-01-01T00:00:00Z"},
        "stale": "NotEvaluated",
        "message": "Waits for an approval.",
        "conditions": [
            {"type": "Ready", "status": "True", "reason": "Served", "lastTransitionTime": "2026-01-01T00:00:00Z"}
        ],
    }
    patch = ("patch", "fflag", "checkout-new-flow", "-n", flags, "--subresource=status", "--type=merge", "-p")
    cluster.kubectl(*patch, json.dumps({"status": status}))
    header, row = cluster.kubectl("get", "fflag", "checkout-new-flow", "-n", flags).stdout.splitlines()
    columns = ["NAME", "STATE", "DEFAULT", "ROLLOUT", "DELIVERY", "EVALUATIONS", "LAST", "USED", "STALE", "AGE"]
    assert header.split() == columns
    assert len(row) <= 120
    for shown in ("AwaitingApproval", "off", "12.345% on", "OFREPOnly", "1234567", "NotEvaluated"):
        assert shown in row
    wide = cluster.kubectl("get", "fflag", "checkout-new-flow", "-n", flags, "-o", "wide").stdout
    assert "Waits for an approval." in wide
    assert "checkout/new-flow" in wide
    cluster.kubectl("wait", "fflag/checkout-new-flow", "-n", flags, "--for=condition=Ready", "--timeout=10s")
    listed = cluster.kubectl("get", "truststream", "-n", flags, "-o", "name").stdout
    assert "featureflag.truststream.dev/checkout-new-flow" in listed
