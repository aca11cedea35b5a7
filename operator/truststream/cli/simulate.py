"""`simulate`: how often, and how soon, a plan would decide on releases that are drawn."""

from __future__ import annotations

import math
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final

import typer

from truststream.api.canarydeployment import CanaryDeploymentSpec, TargetRef
from truststream.api.canarydeployment import Traffic as TrafficSpec
from truststream.api.configuration import Configuration
from truststream.api.quantities import format_duration, parse_duration
from truststream.canary.judge import MetricShape
from truststream.cli.backtesting import wanted_of
from truststream.cli.documents import UnreadableError, to_yaml
from truststream.cli.manifest import USAGE, NoCluster, UsageError, configuration_of, resource_in
from truststream.cli.replay_view import Tell, as_json, progress, table, write
from truststream.errors import SpecError
from truststream.metrics.blocks import length_for
from truststream.replay import chances, limits
from truststream.replay.model import Regression, Traffic
from truststream.replay.outcome import Ending
from truststream.replay.page import Page
from truststream.replay.page import Table as PageTable
from truststream.replay.played import by_pods, planned
from truststream.replay.simulation import Result, Scenario, simulate
from truststream.replay.summary import Summary, summarise

_TRACED: Final = 20
_CHUNK: Final = 5
_TRAFFIC: Final = "Traffic"
_PLAN: Final = "Plan"
_WHAT: Final = "What comes out"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is released: the spec as it is played, and what its metrics are."""

    name: str
    spec: CanaryDeploymentSpec
    shapes: dict[str, MetricShape]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("simulate")(run)


def run(
    file: Annotated[
        Path | None, typer.Argument(help="A file with a CanaryDeployment; without one its defaults.")
    ] = None,
    rps: Annotated[
        float, typer.Option(help="Requests a second, both arms together.", rich_help_panel=_TRAFFIC)
    ] = 200.0,
    error_rate: Annotated[str, typer.Option(help="Of stable: 0.5%.", rich_help_panel=_TRAFFIC)] = "0.5%",
    cluster_size: Annotated[
        float, typer.Option(help="Mean number of errors of one cause; 1: each has its own.", rich_help_panel=_TRAFFIC)
    ] = 1.0,
    latency: Annotated[str, typer.Option(help="Of stable: the median.", rich_help_panel=_TRAFFIC)] = "80ms",
    latency_spread: Annotated[
        float, typer.Option(help="Standard deviation of the latencies' logarithm.", rich_help_panel=_TRAFFIC)
    ] = 1.0,
    scrape_interval: Annotated[str, typer.Option(help="Time between two scrapes.", rich_help_panel=_TRAFFIC)] = "5s",
    pods: Annotated[
        int, typer.Option(help="Pods of stable, where pods are counted and not a proxy.", rich_help_panel=_TRAFFIC)
    ] = 10,
    regression: Annotated[
        str, typer.Option(help="The canary's errors: 2x as many as stable's.", rich_help_panel=_TRAFFIC)
    ] = "2x",
    latency_regression: Annotated[
        str, typer.Option(help="The canary's latencies: 1.25x as long.", rich_help_panel=_TRAFFIC)
    ] = "1x",
    at: Annotated[
        str, typer.Option(help="How long after the first weight the regression begins.", rich_help_panel=_TRAFFIC)
    ] = "0s",
    weights: Annotated[str, typer.Option(help="Instead of the spec's: 5,10,25,50.", rich_help_panel=_PLAN)] = "",
    duration: Annotated[str, typer.Option(help="The longest that a release is watched.", rich_help_panel=_PLAN)] = "1h",
    name: Annotated[str, typer.Option(help="Which one, in a file with several.", rich_help_panel=_PLAN)] = "",
    config: Annotated[
        Path | None, typer.Option(help="The operator's configuration: metrics, defaults.", rich_help_panel=_PLAN)
    ] = None,
    runs: Annotated[
        int, typer.Option(min=1, max=100_000, help="Releases that are drawn.", rich_help_panel=_WHAT)
    ] = 500,
    seed: Annotated[int, typer.Option(min=0, help="The same seed draws the same.", rich_help_panel=_WHAT)] = 1,
    jobs: Annotated[int, typer.Option(min=0, help="Processes; 0: one a core.", rich_help_panel=_WHAT)] = 0,
    html: Annotated[Path | None, typer.Option(help="Write a report to this file.", rich_help_panel=_WHAT)] = None,
    json_: Annotated[
        bool, typer.Option("--json", help="Everything as JSON instead of tables.", rich_help_panel=_WHAT)
    ] = False,
) -> None:
    """Draw releases and judge each as the controller would: false alarms, missed regressions, times to a decision.

    Two kinds are drawn: releases that are as good as stable, and releases with the regression. The bound is the least
    mean time that any judge of the same levels needs for the decision that is right.
    """
    try:
        traffic = Traffic(
            rps=_above("--rps", rps, 0.0),
            errors=_percent("--error-rate", error_rate),
            cluster=_above("--cluster-size", cluster_size, 1.0, itself=True),
            latency=_above("--latency", _seconds("--latency", latency), 0.0),
            spread=_above("--latency-spread", latency_spread, 0.0),
            scrape=_above("--scrape-interval", _seconds("--scrape-interval", scrape_interval), 0.0),
            block=length_for(_seconds("--scrape-interval", scrape_interval)),
            pods=int(_above("--pods", pods, 1, itself=True)),
        )
        worse = Regression(
            _times("--regression", regression), _times("--latency-regression", latency_regression), _seconds("--at", at)
        )
        plan = _plan(file, name, configuration_of(config), _weights(weights), traffic)
        scenarios = _scenarios(plan, traffic, worse, _above("--duration", _seconds("--duration", duration), 0.0), seed)
        _check(scenarios)
    except (UsageError, SpecError, UnreadableError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(USAGE) from error
    with progress("simulating", quiet=json_) as tell:
        found = _draw(scenarios, runs, jobs, tell)
    summaries = [_summary(scenario, results) for scenario, results in zip(scenarios, found, strict=True)]
    _tell(plan, scenarios, summaries, html, json_=json_)


# What was written


def _above(option: str, value: float, least: float, *, itself: bool = False) -> float:
    if value > least or (itself and value == least):
        return value
    raise UsageError(f"{option} {value:g}: has to be {'at least' if itself else 'more than'} {least:g}")


def _percent(option: str, text: str) -> float:
    try:
        value = float(text.removesuffix("%")) / 100
    except ValueError:
        value = math.nan
    if not 0 <= value < 1:
        raise UsageError(f"{option} {text!r}: write a percentage like 0.5%, below 100%")
    return value


def _times(option: str, text: str) -> float:
    try:
        value = float(text.removesuffix("x"))
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1000:
        raise UsageError(f"{option} {text!r}: write how many times as much: 2x, 1.2x; 1x is no regression")
    return value


def _seconds(option: str, text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from error


def _weights(text: str) -> list[float] | None:
    if not text:
        return None
    try:
        return [float(part.strip().removesuffix("%")) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"--weights {text!r}: write percentages below 100 that rise: 5,10,25,50") from None


# What is drawn


def _plan(
    file: Path | None, name: str, configuration: Configuration, weights: list[float] | None, traffic: Traffic
) -> Plan:
    if file is None:
        spec = CanaryDeploymentSpec(target_ref=TargetRef(name="release"), traffic=TrafficSpec(provider="GatewayAPI"))
        return Plan(
            "the default spec", planned(spec, weights), {"errorRate": MetricShape("errorRate", "%", gateway=True)}
        )
    resource = resource_in(file, name, NoCluster(), configuration, "")
    shapes = dict(wanted_of(resource, configuration, split=False).shapes)
    numbers = [shape.name for shape in shapes.values() if not shape.counted]
    if numbers:
        raise UsageError(f"metric {numbers[0]} is a Value, which nobody can draw: leave it out of the file")
    if weights is None and resource.traffic is not None and resource.traffic.weight_by_replicas:
        wanted = [w for w in (resource.spec.initial_traffic, *resource.spec.increments) if w < 100]
        weights = list(by_pods(wanted, traffic.pods))
    return Plan(resource.name, planned(resource.spec, weights), shapes)


def _scenarios(plan: Plan, traffic: Traffic, worse: Regression, duration: float, seed: int) -> list[Scenario]:
    same = Scenario(0, "no regression", plan.spec, plan.shapes, traffic, Regression(), duration, seed)
    if not worse.present:
        return [same]
    return [same, replace(same, number=1, name=_named(worse), regression=worse)]


def _named(worse: Regression) -> str:
    parts = [
        f"{worse.errors:g}x errors" if worse.errors != 1 else "",
        f"{worse.latency:g}x latency" if worse.latency != 1 else "",
    ]
    late = f" after {format_duration(worse.after)}" if worse.after else ""
    return " and ".join(part for part in parts if part) + late


def _check(scenarios: Sequence[Scenario]) -> None:
    for scenario in scenarios:
        units = {shape.unit for shape in scenario.shapes.values()}
        if scenario.regression.latency != 1 and "ms" not in units:
            raise UsageError("--latency-regression: no metric of the spec watches latencies: add responseTime to it")
        if scenario.regression.errors != 1 and "%" not in units:
            raise UsageError("--regression: no metric of the spec watches errors: give --regression 1x")
        if scenario.regression.after >= scenario.duration:
            raise UsageError("--at: the regression would begin after --duration is over")


def _draw(scenarios: Sequence[Scenario], runs: int, jobs: int, tell: Tell) -> list[list[Result]]:
    """Results of every scenario, in the order of the runs, whoever drew them."""
    work = [
        (place, list(range(first, min(first + _CHUNK, runs))))
        for place in range(len(scenarios))
        for first in range(0, runs, _CHUNK)
    ]
    found: dict[tuple[int, int], list[Result]] = {}
    for done, (place, numbers, results) in enumerate(_drawn(scenarios, work, jobs or os.cpu_count() or 1), start=1):
        found[place, numbers[0]] = results
        tell(done / len(work))
    return [
        [result for place, first in sorted(found) if place == wanted for result in found[place, first]]
        for wanted in range(len(scenarios))
    ]


def _drawn(
    scenarios: Sequence[Scenario], work: Sequence[tuple[int, list[int]]], jobs: int
) -> Iterator[tuple[int, list[int], list[Result]]]:
    if jobs == 1:
        for place, numbers in work:
            yield place, numbers, simulate(scenarios[place], numbers, _TRACED)
        return
    # Spawned: the bar runs in a thread of its own, and a fork would copy its locks as they happen to be.
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting = {
            pool.submit(simulate, scenarios[place], numbers, _TRACED): (place, numbers) for place, numbers in work
        }
        for done in as_completed(waiting):
            yield *waiting[done], done.result()


# What is told


def _summary(scenario: Scenario, results: Sequence[Result]) -> Summary:
    """The right decision: rollback beyond the tolerance; below it, and without any regression, promotion."""
    spec, regression = scenario.spec, scenario.regression
    worst = max(regression.errors, regression.latency)
    if worst <= 1.0:
        bound, right = limits.promotion(spec, scenario.shapes, scenario.traffic), Ending.PROMOTED
    else:
        bound, right = limits.rollback(spec, scenario.traffic, regression), Ending.ROLLED_BACK
        if regression.latency != 1.0:
            bound = math.nan  # it holds for errors alone; latencies tell something, too
    return summarise(scenario.name, results, bound, right)


def _tell(
    plan: Plan, scenarios: Sequence[Scenario], summaries: Sequence[Summary], html: Path | None, *, json_: bool
) -> None:
    duration = scenarios[0].duration
    if json_:
        as_json(chances.document(summaries, duration))
    else:
        typer.echo(f"{plan.name}: {_lead(scenarios[0], summaries[0].runs)}\n")
        table(chances.HEADERS, chances.rows(summaries), coloured=1)
        typer.echo()
        table(_headers(duration), chances.decided(summaries, duration), coloured=1)
    if html is not None:
        write(_page(plan, scenarios, summaries), html)


def _lead(scenario: Scenario, runs: int) -> str:
    traffic, weights = scenario.traffic, [scenario.spec.initial_traffic, *scenario.spec.increments]
    steps = ", ".join(f"{weight:g}" for weight in weights)
    return (
        f"{runs} releases each, {traffic.rps:g} requests/s, {100 * traffic.errors:g} % errors, weights {steps}, "
        f"watched for {format_duration(scenario.duration)}, mode {scenario.spec.analysis.mode}"
    )


def _headers(duration: float) -> list[str]:
    return ["RELEASE", "DECISION", *(f"BY {format_duration(round(at))}" for at in chances.moments(duration))]


def _page(plan: Plan, scenarios: Sequence[Scenario], summaries: Sequence[Summary]) -> Page:
    scenario, analysis = scenarios[0], scenarios[0].spec.analysis
    needed = (math.log(1 / analysis.rollback_alpha), math.log(1 / analysis.promotion_alpha))
    headers = [header.capitalize() for header in chances.HEADERS]
    by_then = [header.capitalize() for header in _headers(scenario.duration)]
    return Page(
        title=f"Simulation of {plan.name}",
        lead=_lead(scenario, summaries[0].runs),
        tables=[
            PageTable("Outcomes", headers, list(chances.rows(summaries))),
            PageTable("Decided by then", by_then, list(chances.decided(summaries, scenario.duration))),
        ],
        figures=[figure for one in summaries for figure in chances.figures(one, scenario.duration, needed)],
        spec=to_yaml(plan.spec.dump()),
        notes=["The bound is the least mean time of any judge of the same levels, for the decision that is right."],
    )
