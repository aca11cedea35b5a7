"""`status`: the table, one canary in full, and as data."""

from __future__ import annotations

import json

import yaml

from tests.unit.cli.conftest import Run
from tests.unit.cli.fakes import FakeResources, canary
from truststream.errors import SpecError

PROGRESSING = canary(
    phase="Progressing",
    weight=25,
    step="3/5",
    verdict="NotEnoughData",
    samples="52/410",
    health="Unknown",
    message="25 % to the canary; increments [10, 25]",
    stableRevision="aaaa",
    release={"revision": "bbbb", "startedAt": "2026-01-01T00:00:00Z"},
    metrics=[
        {
            "name": "errorRate",
            "verdict": "NotEnoughData",
            "unit": "%",
            "canary": {"requests": 52, "bad": 1, "value": 1.9231},
            "stable": {"requests": 410, "bad": 0, "value": 0},
            "message": "52 of 100 requests needed",
        }
    ],
    lastCommand={
        "command": "resume",
        "by": "jane",
        "at": "2026-01-01T00:00:00Z",
        "accepted": True,
        "message": "going on",
    },
    history=[
        {
            "revision": "cccc",
            "outcome": "RolledBack",
            "reason": "too slow",
            "endedAt": "2026-01-01T00:00:00Z",
            "weight": 10,
        }
    ],
    warnings=["the PDB counts both arms"],
)


def test_all_canaries_of_the_namespace_are_listed(run: Run) -> None:
    other = canary("pay", "bank", phase="Idle")
    shown = run("status", cluster=FakeResources(PROGRESSING, other))
    assert shown.exit_code == 0
    assert shown.stdout.splitlines()[0].split() == [
        "NAME", "PHASE", "WEIGHT", "STEP", "VERDICT", "SAMPLES", "HEALTH", "MESSAGE",
    ]  # fmt: skip
    assert "increments [10, 25]" in shown.stdout
    assert "pay" not in shown.stdout


def test_all_namespaces(run: Run) -> None:
    shown = run("status", "-A", cluster=FakeResources(PROGRESSING, canary("pay", "bank", phase="Idle"))).stdout
    assert [line.split()[:2] for line in shown.splitlines()[1:]] == [["bank", "pay"], ["shop", "checkout"]]


def test_one_canary_in_full(run: Run) -> None:
    shown = run("status", "checkout", cluster=FakeResources(PROGRESSING)).stdout
    for part in (
        "shop/checkout  Progressing  Unknown",
        "Deployment checkout, traffic by GatewayAPI",
        "bbbb against aaaa",
        "25 %  step 3/5  of 5 · 10 · 25 · 50 · 100",
        "1.9231 % (1 of 52)",
        "resume by jane at 2026-01-01T00:00:00Z: accepted, going on",
        "the PDB counts both arms",
        "RolledBack",
        "next  Nothing: it goes on when the weight has had its time and its requests.",
    ):
        assert part in shown


def test_json_and_yaml_say_the_same(run: Run) -> None:
    as_json = json.loads(run("status", "checkout", "-o", "json", cluster=FakeResources(PROGRESSING)).stdout)
    as_yaml = yaml.safe_load(run("status", "checkout", "-o", "yaml", cluster=FakeResources(PROGRESSING)).stdout)
    assert as_json == as_yaml
    assert as_json["stableRevision"] == "aaaa"
    assert as_json["metrics"][0]["canary"] == {"requests": 52, "bad": 1, "value": 1.9231}
    assert as_json["metrics"][0]["limit"] == "5%"


def test_an_unknown_name_lists_those_that_are_there(run: Run) -> None:
    shown = run("status", "chekout", cluster=FakeResources(PROGRESSING))
    assert isinstance(shown.exception, SpecError)
    assert "no CanaryDeployment chekout in namespace shop; there are: checkout" in str(shown.exception)


def test_an_empty_namespace_says_where_to_look(run: Run) -> None:
    shown = run("status", "-n", "empty")
    assert (shown.exit_code, shown.stdout) == (0, "")
    assert "No CanaryDeployment in namespace empty; look in all with -A." in shown.stderr


def test_a_name_and_all_namespaces_are_refused(run: Run) -> None:
    assert run("status", "checkout", "-A").exit_code == 2


def test_the_context_chooses_the_namespace(run: Run) -> None:
    assert "namespace default" in run("status", "--context", "b").stderr
