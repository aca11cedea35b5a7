"""`backtest` over folders of recorded answers: the right ending, the same numbers again, nonsense refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.metrics.fake import FakePrometheus, serve
from tests.unit.cli.conftest import Run
from tests.unit.replay.past import MANIFEST, Past

STEPS = ((0.0, 5.0), (300.0, 25.0), (600.0, 50.0))
Play = Callable[..., Any]


@pytest.fixture(scope="module")
def pasts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders `good`, `bad` (three times the errors) and `alone` (one version)."""
    root = tmp_path_factory.mktemp("pasts")
    Past(STEPS).write(root / "good")
    Past(STEPS, ratio=3.0).write(root / "bad")
    Past(after=900.0).write(root / "alone")
    return root


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    file = tmp_path / "checkout.yaml"
    file.write_text(MANIFEST)
    return file


@pytest.fixture
def play(run: Run, manifest: Path, pasts: Path) -> Play:
    """The JSON of a backtest over one of the folders."""

    def played(past: str, *options: str) -> Any:
        result = run("backtest", str(manifest), "--data", str(pasts / past), "--json", *options)
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)

    return played


def test_a_regression_would_have_been_rolled_back(play: Play) -> None:
    found = play("bad")
    assert found["outcome"] == "RolledBack"
    assert found["looks"][-1]["verdict"] == "Bad"
    assert found["looks"][-1]["against"] >= found["looks"][-1]["againstNeeded"]
    after = r"after the (first weight|weight changed) \(errorRate: canary"
    assert re.match(rf"would have been rolled back at 12:0\d:\d0 UTC, .* {after}", found["sentence"])


def test_a_good_release_would_have_been_promoted_at_its_last_weight(play: Play) -> None:
    found = play("good")
    assert found["outcome"] == "Promoted"
    assert [stage["weight"] for stage in found["stages"]] == [5, 25, 50]
    assert found["stages"][0]["since"] == "2026-01-01T12:00:00.000Z"
    assert found["stages"][2]["since"] == "2026-01-01T12:10:00.000Z"
    assert found["looks"][-1]["proven"]
    assert any(look["proven"] for look in found["looks"] if look["weight"] == 25), "a proof before the last weight"


def test_the_same_past_gives_the_same_numbers(play: Play) -> None:
    assert play("bad") == play("bad", "--weights-from-metrics")


def test_noise_alone_rolls_nothing_back(play: Play) -> None:
    begin = ("--from", "2026-01-01T12:00:00Z")
    fixed, plan = play("alone", "--split", "50", *begin), play("alone", "--step-plan", *begin)
    assert (fixed["outcome"], plan["outcome"]) == ("Promoted", "Promoted")
    assert [stage["weight"] for stage in fixed["stages"]] == [50]
    assert fixed["looks"][-1]["at"] == "2026-01-01T12:15:00.000Z", "an A/A is judged for its whole time"
    assert fixed["sentence"].endswith("; nothing rolled it back up to 12:15:00")
    assert [stage["weight"] for stage in plan["stages"]] == [5, 10, 25, 50]


def test_a_split_counts_every_request_once(play: Play) -> None:
    found = play("alone", "--split", "50", "--from", "2026-01-01T12:00:00Z", "--to", "2026-01-01T12:00:40Z")
    (row,) = found["looks"][-1]["metrics"]
    assert row["canary"]["requests"] + row["stable"]["requests"] == pytest.approx(200 * 30, rel=0.05)
    assert row["evidence"]["phi"] > 0


def test_a_release_that_the_time_does_not_suffice_for_is_undecided(play: Play) -> None:
    found = play("good", "--release", "2026-01-01T12:00:00Z", "--to", "2026-01-01T12:02:00Z")
    assert found["outcome"] == "Undecided"
    assert found["sentence"].startswith("undecided after 2 min: ")


def test_mode_threshold_plays_too(run: Run, tmp_path: Path, pasts: Path) -> None:
    file = tmp_path / "threshold.yaml"
    file.write_text(MANIFEST + "  analysis: {mode: Threshold}\n  rollbackThresholds: {errorRate: 1%}\n")
    for options in ([], ["--split", "50", "--from", "2026-01-01T12:00:00Z"]):
        past = "bad" if not options else "alone"
        found = json.loads(run("backtest", str(file), "--data", str(pasts / past), "--json", *options).stdout)
        assert found["outcome"] == ("RolledBack" if past == "bad" else "Promoted")


def test_the_table_ends_with_the_sentence(run: Run, manifest: Path, pasts: Path, tmp_path: Path) -> None:
    page = tmp_path / "out" / "report.html"
    told = run("backtest", str(manifest), "--data", str(pasts / "bad"), "--html", str(page))
    assert told.exit_code == 0
    lines = told.stdout.splitlines()
    assert lines[0].split()[:3] == ["TIME", "WEIGHT", "METRIC"]
    assert lines[1].startswith("12:00:30  5 %")
    assert lines[-1].startswith("checkout: would have been rolled back at 12:0")
    text = page.read_text()
    assert "would have been rolled back" in text
    assert text.count("<svg") == 3
    assert not re.search(r"<script|src=|href=|@import|url\(", text), "the page loads something"


def test_fail_on(run: Run, manifest: Path, pasts: Path) -> None:
    arguments = ["backtest", str(manifest), "--data", str(pasts / "bad")]
    assert run(*arguments, "--fail-on", "RolledBack").exit_code == 1
    assert run(*arguments, "--fail-on", "Promoted", "--fail-on", "Undecided").exit_code == 0


@pytest.fixture(scope="module")
def server(pasts: Path) -> Iterator[str]:
    """A Prometheus that remembers the bad past."""
    fake = FakePrometheus()
    for file in (pasts / "bad").glob("*.json"):
        for series in json.loads(file.read_text())["data"]["result"]:
            for time, value in series["values"]:
                fake.add(series["metric"], time, float(value))
    with serve(fake) as address:
        yield address


def test_what_is_exported_replays_alike(run: Run, manifest: Path, server: str, tmp_path: Path) -> None:
    span = ("--from", "2026-01-01T12:00:00Z", "--to", "2026-01-01T12:20:00Z", "--json")
    live = run("backtest", str(manifest), "--prometheus", server, "--export", str(tmp_path / "kept"), *span)
    assert live.exit_code == 0, live.output
    assert "wrote 1 files" in live.stderr
    again = run("backtest", str(manifest), "--data", str(tmp_path / "kept"), *span)
    assert again.exit_code == 0, again.output
    assert json.loads(again.stdout) == json.loads(live.stdout)
    assert json.loads(live.stdout)["outcome"] == "RolledBack"


def test_other_names_of_the_arms(run: Run, manifest: Path, server: str) -> None:
    span = ("--from", "2026-01-01T12:00:00Z", "--to", "2026-01-01T12:20:00Z", "--json")
    named = ("--stable-pods", "checkout-6f7c9d-.", "--canary-pods", "checkout-canary-5b4d8-.")
    told = run("backtest", str(manifest), "--prometheus", server, *named, *span)
    assert json.loads(told.stdout)["outcome"] == "RolledBack"
    elsewhere = run("backtest", str(manifest), "--prometheus", server, "--canary-pods", "nothing", *span)
    assert elsewhere.exit_code == 2
    assert "no request reached the canary between 2026-01-01 12:00:00 UTC" in elsewhere.stderr


FLAGGED = """
apiVersion: truststream.dev/v1alpha1
kind: CanaryDeployment
metadata: {name: checkout, namespace: shop}
spec:
  targetRef: {kind: FeatureFlag, name: checkout, variant: checkout-canary-5b4d8}
  monitoringMetrics:
    - name: failures
      kind: Ratio
      bad: http_requests_total{pod=~"{{variant}}-.*",status=~"5.."}
      total: http_requests_total{pod=~"{{variant}}-.*"}
"""


def test_a_release_over_a_flag_plays_by_its_variants(run: Run, tmp_path: Path, pasts: Path) -> None:
    file = tmp_path / "flag.yaml"
    file.write_text(FLAGGED)
    given = ("backtest", str(file), "--data", str(pasts / "bad"), "--json")
    told = run(*given, "--stable-variant", "checkout-6f7c9d")
    assert json.loads(told.stdout)["outcome"] == "RolledBack"
    assert "needs --stable-variant" in run(*given).stderr
    assert "a FeatureFlag has no pods" in run(*given, "--split", "50").stderr


def test_a_source_that_is_down_ends_the_replay(run: Run, manifest: Path) -> None:
    told = run("backtest", str(manifest), "--prometheus", "http://127.0.0.1:9", "--from", "1h")
    assert told.exit_code == 1
    assert "Prometheus at http://127.0.0.1:9 cannot be reached" in str(told.exception)


VALUE = MANIFEST.replace(
    "[{name: errorRate}]",
    "[{name: errorRate}, {name: depth, kind: Value, query: 'max(depth{pod=~\"{{pods}}\"})', direction: LowerIsBetter}]",
)
GATEWAY = MANIFEST + "  traffic: {provider: GatewayAPI, config: {route: checkout}}\n"
TWICE = f"{MANIFEST}---{MANIFEST}"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "give either --prometheus or --data"),
        (["--data", "{good}", "--prometheus", "http://a:9090"], "give either --prometheus or --data"),
        (["--data", "/not/there"], "has no .json files"),
        (["--prometheus", "http://a:9090"], "say where to begin with --from or --release"),
        (["--prometheus", "prometheus:9090", "--from", "1h"], "--prometheus prometheus:9090: write it like http"),
        (["--data", "{good}", "--split", "50", "--step-plan"], "--split and --step-plan are different pasts"),
        (["--data", "{good}", "--split", "50", "--weights-from-metrics"], "are different pasts: choose one"),
        (["--data", "{good}", "--split", "100"], "needs a percentage above 0 and below 100"),
        (["--data", "{good}", "--step-plan", "--canary-pods", "x"], "plays a past without a canary"),
        (["--data", "{good}", "--canary-pods", "("], "'(' is no regular expression"),
        (["--data", "{good}", "--from", "1h", "--release", "1h"], "both say where to begin"),
        (["--data", "{good}", "--from", "yesterday"], "--from: 'yesterday' is no time"),
        (["--data", "{good}", "--to", "2025-01-01"], "nothing lies between"),
        (["--data", "{good}", "--export", "x"], "--export and --bearer-token-file go with --prometheus"),
        (["--data", "{alone}"], "no request reached the canary"),
        (["--data", "{good}", "--name", "other"], "needs a CanaryDeployment called other; it has checkout"),
        (["--prometheus", "http://a:9090", "--from", "1h", "--bearer-token-file", "/not/there"], "cannot be read"),
    ],
)
def test_nonsense_is_refused(options: list[str], said: str, run: Run, manifest: Path, pasts: Path) -> None:
    given = [option.format(good=pasts / "good", alone=pasts / "alone") for option in options]
    told = run("backtest", str(manifest), *given)
    assert (told.exit_code, told.stdout) == (2, "")
    assert said in told.stderr


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        (VALUE, [], "metric depth is a Value, which only Prometheus computes"),
        (VALUE, ["--split", "50"], "metric depth is a Value, one number for all pods"),
        (GATEWAY, [], "metric errorRate is asked for by the Service's port: say which with --port"),
        (TWICE, [], "needs a CanaryDeployment exactly one, or --name; it has checkout, checkout"),
        ("kind: Deployment\n", [], "it has none"),
        ("a: [", [], "this is no YAML"),
        (MANIFEST.replace("targetRef: {name: checkout}", "targetRef: {}"), [], "needs name"),
    ],
)
def test_files_that_cannot_be_played(
    text: str, options: list[str], said: str, run: Run, tmp_path: Path, pasts: Path
) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(text)
    told = run("backtest", str(file), "--data", str(pasts / "good"), *options)
    assert (told.exit_code, told.stdout) == (2, "")
    assert said in told.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nothing", "is no matrix (JSONDecodeError"),
        ('{"status": "error"}', "status has to be success"),
        ('{"status": "success", "data": {"resultType": "vector", "result": []}}', "resultType matrix"),
        ('{"status": "success", "data": {"resultType": "matrix", "result": [{}]}}', "is no matrix (KeyError"),
        ('{"status": "success", "data": {"resultType": "matrix", "result": []}}', "its files hold no series"),
    ],
)
def test_a_folder_of_something_else(text: str, said: str, run: Run, manifest: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.json").write_text(text)
    told = run("backtest", str(manifest), "--data", str(tmp_path / "data"))
    assert told.exit_code == 2
    assert said in told.stderr


def test_a_metric_of_another_source_is_refused(run: Run, tmp_path: Path, pasts: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        "sources: {other: {type: Prometheus, config: {address: http://a:9090}}}\n"
        "metrics: {sales: {kind: Ratio, source: other, bad: 'a{pod=~\"{{pods}}\"}', total: 'b{pod=~\"{{pods}}\"}'}}\n"
    )
    file = tmp_path / "sales.yaml"
    file.write_text(MANIFEST.replace("{name: errorRate}", "{name: sales}"))
    told = run("backtest", str(file), "--data", str(pasts / "good"), "--config", str(config))
    assert told.exit_code == 2, told.exception
    assert "metric sales is asked of source other: only Prometheus can be replayed" in told.stderr


def test_several_metrics_are_told_together(run: Run, tmp_path: Path, pasts: Path) -> None:
    file = tmp_path / "two.yaml"
    file.write_text(MANIFEST.replace("[{name: errorRate}]", "[{name: errorRate}, {name: successRate}]"))
    told = run("backtest", str(file), "--data", str(pasts / "bad"))
    assert told.exit_code == 0
    assert [line.split()[3] for line in told.stdout.splitlines()[1:4]] == ["errorRate", "successRate", "together"]


def test_a_token_reaches_prometheus_and_nothing_else(run: Run, manifest: Path, tmp_path: Path) -> None:
    token, fake = tmp_path / "token", FakePrometheus()
    token.write_text("s3cret\n")
    with serve(fake) as address:
        told = run(
            "backtest", str(manifest), "--prometheus", address, "--from", "1h", "--bearer-token-file", str(token)
        )
    assert told.exit_code == 2
    assert {one["Authorization"] for one in fake.headers} == {"Bearer s3cret"}
    assert "s3cret" not in told.output


def test_a_value_is_asked_of_prometheus_as_it_was_then(run: Run, tmp_path: Path, server: str) -> None:
    file = tmp_path / "value.yaml"
    file.write_text(VALUE)
    span = ("--from", "2026-01-01T12:00:00Z", "--to", "2026-01-01T12:20:00Z", "--json")
    told = run("backtest", str(file), "--prometheus", server, *span)
    assert told.exit_code == 0, told.output
    (row,) = (row for row in json.loads(told.stdout)["looks"][0]["metrics"] if row["name"] == "depth")
    assert row["canary"]["value"] == 1.0
