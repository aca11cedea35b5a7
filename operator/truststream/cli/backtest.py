"""`backtest`: what would have been decided in a past that Prometheus, or a folder of its answers, remembers."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import ValidationError

from truststream.api.canarydeployment import MetricKind
from truststream.api.configuration import Configuration, PrometheusConfiguration
from truststream.cli.backtesting import Backtest, Split, backtest, check_names, wanted_of
from truststream.cli.documents import UnreadableError, to_yaml
from truststream.cli.manifest import (
    USAGE,
    NoCluster,
    UsageError,
    configuration_of,
    resource_in,
    time_of,
)
from truststream.cli.past import Names, Past, Taped
from truststream.cli.recorded import Recorded, RecordingError, Samples, load
from truststream.cli.replay_view import as_json, progress, table, write
from truststream.errors import SpecError
from truststream.metrics.base import MetricSource, Query
from truststream.metrics.connection import Credentials
from truststream.replay import telling
from truststream.replay.outcome import Ending, Run
from truststream.replay.page import Page
from truststream.replay.page import Table as PageTable

_AFTER: Final = timedelta(hours=6)
"""How long a release is followed whose end was not given."""
_WHERE: Final = "Where the past is"
_ARMS: Final = "Which requests were the canary's"
_WHAT: Final = "What comes out"


@dataclass(frozen=True, slots=True)
class Source:
    """Where the past is."""

    address: str
    folder: Path | None
    token: Path | None
    export: Path | None


@dataclass(frozen=True, slots=True)
class Times:
    """As they were written."""

    begin: str
    end: str
    release: str


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
            help="No canary ran: this percent of the pods play one (A/A): would noise have rolled back?",
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
    names = Names(stable_service, canary_service, stable_pods, canary_pods)
    source = Source(prometheus, data, bearer_token_file, export)
    try:
        arms = _split(weights_from_metrics, split, step_plan, names)
        configuration = configuration_of(config)
        resource = resource_in(file, name, NoCluster(port), configuration, namespace)
        wanted = wanted_of(resource, configuration, split=arms is not None)
        check_names(wanted.queries, port)
        _check_patterns(names)
        past, tape, span = _source(source, wanted.queries, configuration)
        times = _times(Times(begin, end, release), span)
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


def _split(recorded: bool, weight: float | None, plan: bool, names: Names) -> Split | None:
    chosen = [
        name
        for name, given in (
            ("--weights-from-metrics", recorded),
            ("--split", weight is not None),
            ("--step-plan", plan),
        )
        if given
    ]
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(chosen)} are different pasts: choose one")
    if weight is not None and not 0 < weight < 100:
        raise UsageError(f"--split {weight:g}: needs a percentage above 0 and below 100")
    if (plan or weight is not None) and (names.canary_service or names.canary_pods):
        raise UsageError(f"{chosen[0]} plays a past without a canary: leave out --canary-service and --canary-pods")
    return Split(weight) if plan or weight is not None else None


def _check_patterns(names: Names) -> None:
    for option, pattern in (("--stable-pods", names.stable_pods), ("--canary-pods", names.canary_pods)):
        try:
            re.compile(pattern)
        except re.error as error:
            raise UsageError(f"{option}: {pattern!r} is no regular expression: {error}") from error


def _source(
    source: Source, queries: tuple[Query, ...], configuration: Configuration
) -> tuple[MetricSource, Samples, tuple[float, float] | None]:
    """Who is asked, what will be written, and what is known of the time."""
    if bool(source.address) is (source.folder is not None):
        raise UsageError("says where the past is: give either --prometheus or --data")
    numbers = [query.name for query in queries if query.kind is MetricKind.VALUE]
    if numbers and (source.folder or source.export):
        raise UsageError(f"metric {numbers[0]} is a Value, which only Prometheus computes: leave it out of the file")
    if source.folder is not None:
        if source.export or source.token:
            raise UsageError("--export and --bearer-token-file go with --prometheus: a folder is already written")
        samples = load(source.folder)
        return Recorded(samples, configuration.scrape_interval), samples, samples.span()
    tape = Samples()
    token = "" if source.token is None else _token(source.token)
    return Taped(_address(source.address), Credentials(bearer=token), configuration.scrape_interval, tape), tape, None


def _address(text: str) -> PrometheusConfiguration:
    try:
        return PrometheusConfiguration(address=text)
    except ValidationError as error:
        said = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        raise UsageError(f"--prometheus {text}: {said}") from error


def _token(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        raise UsageError(f"--bearer-token-file {file}: cannot be read ({error})") from error


def _times(given: Times, span: tuple[float, float] | None) -> tuple[datetime, datetime]:
    """From when to when; a folder's own where nothing is said."""
    now = datetime.now(UTC)
    if given.begin and given.release:
        raise UsageError("--from and --release both say where to begin: choose one")
    if not given.begin and not given.release and span is None:
        raise UsageError("Prometheus remembers long: say where to begin with --from or --release")
    first, last = (datetime.fromtimestamp(at, UTC) for at in span or (now.timestamp(), now.timestamp()))
    begin = time_of(given.begin or given.release, "--release" if given.release else "--from", now) if (
        given.begin or given.release
    ) else first  # fmt: skip
    end = time_of(given.end, "--to", now) if given.end else min(last, begin + _AFTER) if given.release else last
    if not begin < end:
        raise UsageError(f"nothing lies between {begin:%Y-%m-%d %H:%M:%S} and {end:%Y-%m-%d %H:%M:%S} UTC")
    return begin, end


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
