"""`backtest`: what would have been decided in a past that Prometheus, or a folder of its answers, remembers."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Final

import typer

from truststream.cli.backtesting import Backtest, backtest, check_queries, wanted_of
from truststream.cli.documents import UnreadableError, to_yaml
from truststream.cli.manifest import USAGE, NoCluster, UsageError, configuration_of, resource_in
from truststream.cli.past import Names, Past
from truststream.cli.pasts import Source, Times, checked_names, source_of, split_of, times_of
from truststream.cli.recorded import RecordingError
from truststream.cli.replay_view import as_json, progress, table, write
from truststream.errors import SpecError
from truststream.replay import telling
from truststream.replay.outcome import Ending, Run
from truststream.replay.page import Page
from truststream.replay.page import Table as PageTable

_WHERE: Final = "Where the past is"
_ARMS: Final = "Which requests were the canary's"
_WHAT: Final = "What comes out"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("backtest")(run)


def run(
    file: Annotated[Path, typer.Argument(help="A file with a CanaryDeployment.")],
    prometheus: Annotated[str, typer.Option(help="URL of a Prometheus.", rich_help_panel=_WHERE)] = "",
    data: Annotated[
        Path | None, typer.Option(help="A folder of its answers instead, as --export writes.", rich_help_panel=_WHERE)
    ] = None,
    begin: Annotated[
        str, typer.Option("--from", help="RFC 3339, or how long ago (90m): look from here on.", rich_help_panel=_WHERE)
    ] = "",
    end: Annotated[str, typer.Option("--to", help="Up to here; by default now.", rich_help_panel=_WHERE)] = "",
    release: Annotated[
        str, typer.Option(help="When a release began, instead of --from: 6h are followed.", rich_help_panel=_WHERE)
    ] = "",
    bearer_token_file: Annotated[
        Path | None, typer.Option(help="File with a token for Prometheus.", rich_help_panel=_WHERE)
    ] = None,
    weights_from_metrics: Annotated[
        bool,
        typer.Option(
            "--weights-from-metrics",
            help="A canary ran: the weights are those that the requests show. The default.",
            rich_help_panel=_ARMS,
        ),
    ] = False,
    split: Annotated[
        float | None,
        typer.Option(
            help="No canary ran: this percent of the pods play one (A/A). Would noise have rolled it back?",
            rich_help_panel=_ARMS,
        ),
    ] = None,
    step_plan: Annotated[
        bool,
        typer.Option(
            "--step-plan", help="As --split, with the weights of the spec, one after the other.", rich_help_panel=_ARMS
        ),
    ] = False,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="Instead of the file's.", rich_help_panel=_ARMS)
    ] = "",
    name: Annotated[str, typer.Option(help="Which one, in a file with several.", rich_help_panel=_ARMS)] = "",
    port: Annotated[
        int | None, typer.Option(help="The Service's port, for counters of a gateway.", rich_help_panel=_ARMS)
    ] = None,
    stable_service: Annotated[str, typer.Option(help="{{service}} of stable then.", rich_help_panel=_ARMS)] = "",
    canary_service: Annotated[str, typer.Option(help="{{service}} of the canary then.", rich_help_panel=_ARMS)] = "",
    stable_pods: Annotated[str, typer.Option(help="{{pods}} of stable: a regex.", rich_help_panel=_ARMS)] = "",
    canary_pods: Annotated[str, typer.Option(help="{{pods}} of the canary: a regex.", rich_help_panel=_ARMS)] = "",
    stable_variant: Annotated[
        str, typer.Option(help="{{variant}} of stable then: what a flag gave by default.", rich_help_panel=_ARMS)
    ] = "",
    config: Annotated[Path | None, typer.Option(help="The operator's configuration: metrics, defaults.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a report to this file.", rich_help_panel=_WHAT)] = None,
    json_: Annotated[
        bool, typer.Option("--json", help="Everything as JSON instead of a table.", rich_help_panel=_WHAT)
    ] = False,
    export: Annotated[
        Path | None,
        typer.Option(help="Write what Prometheus answered to this folder, for --data.", rich_help_panel=_WHAT),
    ] = None,
    fail_on: Annotated[
        list[Ending] | None, typer.Option(help="Exit with 1 when it ends so; may be repeated.", rich_help_panel=_WHAT)
    ] = None,
) -> None:
    """Replay a CanaryDeployment against the past: what would have been decided, and when. Touches no cluster.

    Exit code 0: it was replayed; 1: it ended as --fail-on says, or Prometheus failed; 2: nothing that makes sense.
    """
    names = Names(stable_service, canary_service, stable_pods, canary_pods, stable_variant)
    source = Source(prometheus, data, bearer_token_file, export)
    try:
        arms = split_of(weights_from_metrics, split, step_plan, names)
        configuration = configuration_of(config)
        resource = resource_in(file, name, NoCluster(port), configuration, namespace)
        wanted = wanted_of(resource, configuration, split=arms is not None)
        check_queries(wanted.queries, port)
        names = checked_names(names, resource)
        past, tape, span = source_of(source, wanted.queries, configuration)
        times = times_of(Times(begin, end, release), span)
        test = Backtest(resource, wanted, *times, arms)
        ended = _replay(test, Past(past, names, test.seed if arms else ""), port, quiet=json_)
    except (UsageError, RecordingError, SpecError, UnreadableError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(USAGE) from error
    if export is not None:
        typer.echo(f"wrote {len(tape.write(export))} files to {export}", err=True)
    _tell(test, ended, html, json_=json_)
    if fail_on and ended.ending in fail_on:
        raise typer.Exit(1)


def _replay(test: Backtest, past: Past, port: int | None, *, quiet: bool) -> Run:
    async def play() -> Run:
        try:
            with progress(test.resource.name, quiet=quiet) as tell:
                return await backtest(test, past, port, tell)
        finally:
            await past.close()

    return asyncio.run(play())


def _tell(test: Backtest, ended: Run, html: Path | None, *, json_: bool) -> None:
    if json_:
        as_json(telling.document(ended))
    else:
        table(telling.HEADERS, (row.texts for row in telling.rows(ended)), coloured=3)
        typer.echo(f"\n{test.resource.name}: {telling.sentence(ended)}")
    if html is not None:
        write(_page(test, ended), html)


def _page(test: Backtest, ended: Run) -> Page:
    rows = [row.texts for row in telling.rows(ended)]
    past = "an A/A of one version's pods" if test.split else "the release that was recorded"
    return Page(
        title=f"Backtest of {test.resource.name}",
        lead=telling.sentence(ended),
        tables=[PageTable("Looks", [header.capitalize() for header in telling.HEADERS], rows)],
        figures=telling.evidence_plots(ended),
        spec=to_yaml(test.resource.spec.dump()),
        notes=[f"Played: {past}, {test.begin:%Y-%m-%d %H:%M} to {test.end:%Y-%m-%d %H:%M} UTC."],
    )
