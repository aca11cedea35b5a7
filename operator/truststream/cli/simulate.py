"""`simulate`: how often, and how soon, a plan would decide on releases that are drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from truststream.api.quantities import format_duration
from truststream.cli import amounts
from truststream.cli.documents import UnreadableError, to_yaml
from truststream.cli.manifest import USAGE, UsageError, configuration_of
from truststream.cli.replay_view import as_json, progress, table, write
from truststream.cli.simulating import Plan, check, draw, plan_of, scenarios_of
from truststream.errors import SpecError
from truststream.metrics.grid import length_for
from truststream.replay import chances, limits
from truststream.replay.model import Regression, Traffic
from truststream.replay.outcome import Ending
from truststream.replay.page import Page
from truststream.replay.page import Table as PageTable
from truststream.replay.simulation import Result, Scenario
from truststream.replay.summary import Summary, summarise

_TRAFFIC: Final = "Traffic"
_PLAN: Final = "Plan"
_WHAT: Final = "What comes out"


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
        scrape = amounts.above("--scrape-interval", amounts.seconds("--scrape-interval", scrape_interval), 0.0)
        traffic = Traffic(
            rps=amounts.above("--rps", rps, 0.0),
            errors=amounts.percent("--error-rate", error_rate),
            cluster=amounts.above("--cluster-size", cluster_size, 1.0, itself=True),
            latency=amounts.above("--latency", amounts.seconds("--latency", latency), 0.0),
            spread=amounts.above("--latency-spread", latency_spread, 0.0),
            scrape=scrape,
            block=length_for(scrape),
            pods=int(amounts.above("--pods", pods, 1, itself=True)),
        )
        worse = Regression(
            amounts.times("--regression", regression),
            amounts.times("--latency-regression", latency_regression),
            amounts.seconds("--at", at),
        )
        plan = plan_of(file, name, configuration_of(config), amounts.weights(weights), traffic)
        watched = amounts.above("--duration", amounts.seconds("--duration", duration), 0.0)
        scenarios = scenarios_of(plan, traffic, worse, watched, seed)
        check(scenarios)
    except (UsageError, SpecError, UnreadableError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(USAGE) from error
    with progress("simulating", quiet=json_) as tell:
        found = draw(scenarios, runs, jobs, tell)
    summaries = [_summary(scenario, results) for scenario, results in zip(scenarios, found, strict=True)]
    _tell(plan, scenarios, summaries, html, json_=json_)


def _summary(scenario: Scenario, results: Sequence[Result]) -> Summary:
    """The right decision is a rollback beyond the tolerance, else a promotion; the bound is known for errors alone."""
    spec, regression = scenario.spec, scenario.regression
    bound, right = math.nan, Ending.PROMOTED
    if max(regression.errors, regression.latency) > 1.0 + spec.analysis.tolerance / 100:
        right = Ending.ROLLED_BACK
        bound = limits.rollback(spec, scenario.traffic, regression) if regression.latency == 1.0 else math.nan
    elif not regression.present:
        bound = limits.promotion(spec, scenario.shapes, scenario.traffic)
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
