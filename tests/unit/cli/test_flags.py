"""`flags` and `stale`: what is printed, what is written, what is refused."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.cli.conftest import Run
from tests.unit.cli.fakes import FakeResources, Manifest

SPEC: dict[str, Any] = {
    "type": "Boolean",
    "variants": {"on": True, "off": False},
    "defaultVariant": "off",
    "rules": [
        {
            "name": "gold",
            "conditions": [{"field": "plan", "operator": "Equals", "value": "gold"}],
            "variant": "on",
        }
    ],
    "rolloutPercentage": 10,
    "rolloutVariant": "on",
}
SEGMENTS = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "segments", "namespace": "shop", "labels": {"truststream.dev/segments": ""}},
    "data": {"testers": "included: [ann]\n"},
}


def flag(name: str = "checkout", status: dict[str, Any] | None = None, **spec: Any) -> Manifest:
    return {
        "apiVersion": "truststream.dev/v1alpha1",
        "kind": "FeatureFlag",
        "metadata": {"name": name, "namespace": "shop", "generation": 3},
        "spec": copy.deepcopy(SPEC) | spec,
        "status": status or {},
    }


def file_of(folder: Path, name: str, *manifests: Manifest) -> str:
    path = folder / name
    path.write_text(yaml.safe_dump_all(manifests))
    return str(path)


def test_evaluate_shows_variant_reason_and_rule(run: Run) -> None:
    told = run("flags", "evaluate", "checkout", "-c", '{"plan": "gold"}', cluster=FakeResources(flag()))
    assert told.exit_code == 0
    assert told.stdout.splitlines()[1].split() == ["checkout", "on", "TARGETING_MATCH", "gold", "true"]


def test_evaluate_without_a_unit_says_so(run: Run) -> None:
    told = run("flags", "evaluate", "checkout", "-o", "json", cluster=FakeResources(flag()))
    expected = {"key": "checkout", "variant": "off", "value": False, "reason": "DEFAULT", "unitMissing": True}
    assert json.loads(told.stdout) == expected


def test_evaluate_takes_a_file_with_its_segments_and_a_key(run: Run, tmp_path: Path) -> None:
    rules = [
        {"name": "t", "conditions": [{"operator": "InSegment", "value": "testers"}], "variant": "on"},
    ]
    file = file_of(tmp_path, "flags.yaml", SEGMENTS, flag(key="shop/checkout", rules=rules))
    context = tmp_path / "context.json"
    context.write_text('{"targetingKey": "ann"}')
    told = run("flags", "evaluate", "shop/checkout", "-f", file, "-c", f"@{context}")
    assert "TARGETING_MATCH" in told.stdout


def test_evaluate_knows_environments_and_times(run: Run) -> None:
    raw = flag(
        rules=[],
        environments={"prod": {"defaultVariant": "on", "rolloutPercentage": 0}},
        schedule=[{"at": "2030-01-01T00:00:00Z", "enabled": False}],
    )
    told = run("flags", "evaluate", "checkout", "-e", "prod", cluster=FakeResources(raw))
    assert "on" in told.stdout.splitlines()[1].split()
    told = run("flags", "evaluate", "checkout", "--at", "2030-01-01T00:00:00Z", cluster=FakeResources(raw))
    assert "DISABLED" in told.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nope"], "namespace shop has no FeatureFlag nope; there is: checkout"),
        (["checkout", "-c", "[]"], "a context is an object"),
        (["checkout", "-c", "{"], "this is no JSON"),
        (["checkout", "--at", "soon"], "'soon' is no moment"),
        (["checkout", "-f", "missing.yaml"], "missing.yaml: cannot be read"),
    ],
)
def test_evaluate_refuses_with_a_sentence(arguments: list[str], said: str, run: Run) -> None:
    told = run("flags", "evaluate", *arguments, cluster=FakeResources(flag()))
    assert told.exit_code == 1
    assert said in str(told.exception)


def test_a_flag_that_cannot_be_served_is_named_with_its_problem(run: Run, tmp_path: Path) -> None:
    file = file_of(tmp_path, "flags.yaml", flag(defaultVariant="none"))
    told = run("flags", "evaluate", "checkout", "-f", file)
    assert "FeatureFlag checkout: spec.defaultVariant" in str(told.exception)


def test_who_moves_counts_units(run: Run, tmp_path: Path) -> None:
    old = file_of(tmp_path, "old.yaml", flag())
    new = file_of(tmp_path, "new.yaml", flag(rolloutPercentage=20))
    told = run("flags", "who-moves", old, new, "--units", "2000", "-o", "json")
    found = json.loads(told.stdout)
    assert (found["flag"], found["units"], found["withoutUnit"]) == ("checkout", 2000, 0)
    assert [(one["from"], one["to"]) for one in found["moves"]] == [("off", "on")]
    assert found["moved"] == found["moves"][0]["units"]
    assert 8 < found["percent"] < 12
    told = run("flags", "who-moves", old, new, "--units", "2000")
    assert f"checkout: {found['percent']:.3f}".rstrip("0") in told.stdout
    assert "Made-up units have no other fields" in told.stdout


def test_who_moves_asks_for_given_contexts(run: Run, tmp_path: Path) -> None:
    old, new = file_of(tmp_path, "old.yaml", flag()), file_of(tmp_path, "new.yaml", flag(rules=[]))
    contexts = tmp_path / "contexts.jsonl"
    contexts.write_text('{"plan": "gold"}\n\n{"plan": "free"}\n')
    told = run("flags", "who-moves", old, new, "--contexts", str(contexts))
    assert "50 % get another variant, 1 of 2." in told.stdout
    assert "2 contexts name no unit (targetingKey)" in told.stdout


def test_who_moves_between_the_cluster_and_a_file(run: Run, tmp_path: Path) -> None:
    overlay = {"owner": "checkout", "variant": "on", "percentage": 50}
    cluster = FakeResources(flag(status={"overlay": overlay}), flag("other"))
    new = file_of(tmp_path, "new.yaml", flag(rolloutPercentage=20))
    told = run("flags", "who-moves", "--live", "checkout", new, "--units", "100", cluster=cluster)
    assert "checkout: nobody of 100 moves." in told.stdout  # the release holds the share


def test_who_moves_looks_for_units_where_both_revisions_do(run: Run, tmp_path: Path) -> None:
    old = file_of(tmp_path, "old.yaml", flag(rules=[], rolloutPercentage=50))
    new = file_of(tmp_path, "new.yaml", flag(rules=[], rolloutPercentage=50, bucketing={"by": "company.id"}))
    told = run("flags", "who-moves", old, new, "--units", "50", "-o", "json")
    assert json.loads(told.stdout)["withoutUnit"] == 0


@pytest.mark.parametrize("arguments", [["one.yaml"], ["--live", "checkout", "one.yaml", "two.yaml"]])
def test_who_moves_takes_two_revisions(arguments: list[str], run: Run) -> None:
    assert run("flags", "who-moves", *arguments).exit_code == 2


def waiting() -> Manifest:
    served = {"generation": 2, "digest": "old", "spec": SPEC | {"approval": {"required": 1, "groups": ["leads"]}}}
    return flag(status={"served": served}, rolloutPercentage=50, approval={"required": 1, "groups": ["leads"]})


def test_approve_shows_what_is_approved_and_names_the_generation(run: Run) -> None:
    cluster = FakeResources(waiting())
    told = run("flags", "approve", "checkout", cluster=cluster)
    assert told.exit_code == 0
    assert "-rolloutPercentage: 10\n+rolloutPercentage: 50" in told.stdout
    assert cluster.patches == [{"metadata": {"annotations": {"truststream.dev/approve": "3"}}}]


def test_approve_only_shows_when_asked(run: Run) -> None:
    cluster = FakeResources(waiting())
    told = run("flags", "approve", "checkout", "--dry-run", cluster=cluster)
    assert "nothing was approved" in told.stdout
    assert cluster.patches == []


def test_approve_refuses_where_nothing_waits(run: Run) -> None:
    told = run("flags", "approve", "checkout", cluster=FakeResources(flag()))
    assert "nothing waits for approval: generation 3 is served" in str(told.exception)
    told = run("flags", "approve", "nope", cluster=FakeResources(flag()))
    assert "no FeatureFlag nope in namespace shop; there are: checkout" in str(told.exception)


def test_export_prints_flagds_json_and_what_is_left_out(run: Run) -> None:
    rules = [{"name": "r", "conditions": [{"field": "a", "operator": "Matches", "value": "b"}], "variant": "on"}]
    told = run("flags", "export", cluster=FakeResources(flag(), flag("beta", rules=rules)))
    assert told.exit_code == 1
    found = json.loads(told.stdout)
    assert list(found["flags"]) == ["checkout"]
    assert found["metadata"]["flagSetId"] == "shop"
    assert "beta: left out: rule r: Matches" in told.stderr


def test_import_prints_manifests_and_a_report(run: Run, tmp_path: Path) -> None:
    content = {
        "flags": {
            "a": {"state": "ENABLED", "variants": {"on": True}, "defaultVariant": "on"},
            "b": {"state": "ENABLED", "variants": {"on": True}},
        }
    }
    report = tmp_path / "report.json"
    arguments = ["flags", "import", "--from", "flagd", "-", "--report", str(report), "-n", "shop"]
    told = run(*arguments, stdin=json.dumps(content))
    assert told.exit_code == 0
    assert [one["metadata"] for one in yaml.safe_load_all(told.stdout)] == [{"name": "a", "namespace": "shop"}]
    assert [(one["flag"], one["effect"]) for one in json.loads(report.read_text())] == [("b", "Omitted")]
    assert "b: Omitted: flags.b.defaultVariant" in told.stderr
    assert "1 flag imported; in the report: 1 omitted" in told.stderr
    assert run(*arguments, "--strict", stdin=json.dumps(content)).exit_code == 1


def test_import_reads_yaml_of_the_openfeature_operator(run: Run) -> None:
    manifest = {
        "apiVersion": "core.openfeature.dev/v1beta1",
        "kind": "FeatureFlag",
        "metadata": {"name": "flags"},
        "spec": {"flagSpec": {"flags": {"a": {"state": "ENABLED", "variants": {"x": 1}, "defaultVariant": "x"}}}},
    }
    told = run("flags", "import", "--from", "openfeature", "-", stdin=yaml.safe_dump(manifest))
    assert yaml.safe_load(told.stdout)["spec"]["type"] == "Number"


@pytest.mark.parametrize(
    ("system", "text", "said"),
    [
        ("flagd", "{}", "flags: flagd's definitions have an object"),
        ("flagd", "{", "this is no JSON"),
        ("unleash", "a: 1\n---\nb: 2\n", "one document is expected, not 2"),
        ("growthbook", "features: 3\n", "GrowthBook's files have `features`"),
    ],
)
def test_import_refuses_other_files(system: str, text: str, said: str, run: Run) -> None:
    told = run("flags", "import", "--from", system, "-", stdin=text)
    assert told.exit_code == 1
    assert said in str(told.exception)


def stale_flag() -> Manifest:
    status = {
        "stale": "SoleVariant",
        "usage": {"lastEvaluated": "2026-11-01T09:00:00Z", "lastSynced": "2026-11-02T09:00:00Z"},
        "conditions": [{"type": "Stale", "status": "True", "message": "all got on for 30 days"}],
    }
    return flag("old", status, owner="team-a")


def test_stale_lists_whom_to_ask(run: Run) -> None:
    told = run("stale", "-A", cluster=FakeResources(flag(), stale_flag()))
    assert told.stdout.splitlines()[0].split() == ["NAMESPACE", "NAME", "REASON", "OWNER", "LAST", "USED", "MESSAGE"]
    row = told.stdout.splitlines()[1].split()
    assert row[:5] == ["shop", "old", "SoleVariant", "team-a", "2026-11-02T09:00:00Z"]
    found = json.loads(run("stale", "-o", "json", cluster=FakeResources(stale_flag())).stdout)
    assert found[0]["message"] == "all got on for 30 days"


def test_nothing_stale_is_said(run: Run) -> None:
    told = run("stale", cluster=FakeResources(flag()))
    assert (told.exit_code, told.stdout) == (0, "")
    assert "None of 1 FeatureFlags in namespace shop is stale." in told.stderr
