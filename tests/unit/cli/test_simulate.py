"""`simulate`: the same seed draws the same, however it is shared out; nonsense refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Run
from tests.unit.replay.past import MANIFEST

Draw = Callable[..., Any]


@pytest.fixture
def draw(run: Run) -> Draw:
    """The JSON of a simulation in this process."""

    def drawn(*options: str, jobs: int = 1) -> Any:
        result = run("simulate", "--json", "--jobs", str(jobs), *options)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return drawn


def shares(document: Any) -> list[dict[str, float]]:
    """By scenario: outcome -> share."""
    return [{name: one["share"] for name, one in each["outcomes"].items()} for each in document["scenarios"]]


def test_good_releases_are_promoted_and_bad_ones_rolled_back(draw: Draw) -> None:
    found = draw("--runs", "12", "--regression", "6x")
    good, bad = shares(found)
    assert good["Promoted"] == 1.0
    assert bad["RolledBack"] == 1.0
    assert [one["name"] for one in found["scenarios"]] == ["no regression", "6x errors"]
    for one in found["scenarios"]:
        right = one["outcomes"][one["right"]]
        assert one["bound"] < right["mean"]
        assert right["median"] <= right["p90"]
        assert one["decidedBy"][-1][one["right"]] == 1.0
        assert len(one["times"]) == 12


def test_the_same_seed_draws_the_same_however_many_processes(draw: Draw) -> None:
    options = ("--runs", "6", "--duration", "10m", "--regression", "3x")
    alone = draw(*options)
    assert draw(*options, jobs=2) == alone
    assert draw(*options, "--seed", "2") != alone


def test_without_a_regression_there_is_one_scenario(draw: Draw) -> None:
    assert len(draw("--runs", "2", "--regression", "1x")["scenarios"]) == 1


def test_what_cannot_be_seen_has_no_bound(draw: Draw) -> None:
    worse = draw("--runs", "2", "--regression", "1.2x", "--duration", "2m")["scenarios"][1]
    assert (worse["bound"], worse["right"]) == (None, "Promoted")


def test_weights_and_a_file_make_the_plan(draw: Draw, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "checkout.yaml"
    file.write_text(MANIFEST + "  analysis: {interval: 20s}\n  stepDuration: 40s\n")
    told = run("simulate", str(file), "--runs", "1", "--jobs", "1", "--duration", "1m", "--weights", "20,40")
    assert told.stdout.startswith("checkout: 1 releases each, 200 requests/s, 0.5 % errors, weights 20, 40, 100,")
    by_pods = run("simulate", str(file), "--runs", "1", "--jobs", "1", "--duration", "1m", "--pods", "4")
    assert "weights 20, 50, 100," in by_pods.stdout, "beside four pods there are no other shares"
    assert by_pods.stdout.count("Undecided") == 2


def test_latencies_are_drawn_where_they_are_watched(draw: Draw, tmp_path: Path) -> None:
    file = tmp_path / "slow.yaml"
    file.write_text(MANIFEST.replace("[{name: errorRate}]", "[{name: errorRate}, {name: responseTime}]"))
    found = draw(str(file), "--runs", "3", "--regression", "1x", "--latency-regression", "3x")
    assert shares(found)[1]["RolledBack"] == 1.0
    assert found["scenarios"][1]["name"] == "3x latency"
    assert found["scenarios"][1]["bound"] is None


def test_a_late_regression_in_clusters_is_named(draw: Draw) -> None:
    found = draw("--runs", "2", "--at", "1m", "--duration", "2m", "--cluster-size", "4")
    assert found["scenarios"][1]["name"] == "2x errors after 1m"


def test_the_tables_and_the_page(run: Run, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    told = run("simulate", "--runs", "4", "--jobs", "1", "--duration", "15m", "--html", str(page))
    assert told.exit_code == 0
    assert "RELEASE" in told.stdout
    assert "BY 15m" in told.stdout
    text = page.read_text()
    assert text.count("<svg") == 6
    assert "Decided by then" in text
    assert not re.search(r"<script|src=|href=|@import|url\(", text), "the page loads something"


VALUE = MANIFEST.replace(
    "{name: errorRate}", "{name: errorRate}, {name: d, kind: Value, query: max(d), direction: LowerIsBetter}"
)
LATENCY = MANIFEST.replace("name: errorRate", "name: responseTime")


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("", ["--rps", "0"], "--rps 0: has to be more than 0"),
        ("", ["--error-rate", "lots"], "--error-rate 'lots': write a percentage like 0.5%"),
        ("", ["--error-rate", "100%"], "below 100%"),
        ("", ["--regression", "much"], "--regression 'much': write how many times as much"),
        ("", ["--cluster-size", "0.5"], "--cluster-size 0.5: has to be at least 1"),
        ("", ["--duration", "soon"], "--duration: must be a duration"),
        ("", ["--weights", "5,x"], "--weights '5,x': write percentages below 100"),
        ("", ["--weights", "50,5"], "needs weights that rise"),
        ("", ["--at", "1h"], "--at: the regression would begin after --duration is over"),
        ("", ["--latency-regression", "2x"], "no metric of the spec watches latencies"),
        (LATENCY, [], "no metric of the spec watches errors: give --regression 1x"),
        (VALUE, [], "metric d is a Value, which nobody can draw"),
        ("kind: Service", [], "it has none"),
    ],
)
def test_nonsense_is_refused(text: str, options: list[str], said: str, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(text)
    told = run("simulate", *([str(file)] if text else []), "--runs", "1", "--jobs", "1", *options)
    assert (told.exit_code, told.stdout) == (2, "")
    assert said in told.stderr
