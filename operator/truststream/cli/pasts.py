"""What `backtest` is given, made sense of: where the past is, when it was, and which requests were the canary's."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from truststream.api.canarydeployment import MetricKind
from truststream.api.configuration import Configuration, PrometheusConfiguration
from truststream.cli.backtesting import Split
from truststream.cli.manifest import UsageError, time_of
from truststream.cli.past import Names, Taped
from truststream.cli.recorded import Recorded, Samples, load
from truststream.handlers.resource import Resource
from truststream.metrics.base import MetricSource, Query
from truststream.metrics.connection import Credentials

_AFTER: Final = timedelta(hours=6)
"""How long a release is followed whose end was not given."""


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


def split_of(recorded: bool, weight: float | None, plan: bool, names: Names) -> Split | None:
    """How one version is dealt out to two arms; None where the past itself had two.

    Raises:
        UsageError: two ways at once, or one that makes no sense.
    """
    ways = {"--weights-from-metrics": recorded, "--split": weight is not None, "--step-plan": plan}
    chosen = [name for name, given in ways.items() if given]
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(chosen)} are different pasts: choose one")
    if weight is not None and not 0 < weight < 100:
        raise UsageError(f"--split {weight:g}: needs a percentage above 0 and below 100")
    if not plan and weight is None:
        return None
    if names.canary_service or names.canary_pods:
        raise UsageError(f"{chosen[0]} plays a past without a canary: leave out --canary-service and --canary-pods")
    return Split(weight)


def checked_names(names: Names, resource: Resource) -> Names:
    """The names, of a flag with the variant that its spec releases.

    Raises:
        UsageError: one is no regular expression, or nobody knows which variant served then.
    """
    if resource.releases_flag and not names.stable_variant:
        raise UsageError("a release over a flag needs --stable-variant: what the flag gave by default then")
    for option, pattern in (("--stable-pods", names.stable_pods), ("--canary-pods", names.canary_pods)):
        try:
            re.compile(pattern)
        except re.error as error:
            raise UsageError(f"{option}: {pattern!r} is no regular expression: {error}") from error
    return replace(names, canary_variant=resource.spec.target_ref.variant or "")


def source_of(
    source: Source, queries: tuple[Query, ...], configuration: Configuration
) -> tuple[MetricSource, Samples, tuple[float, float] | None]:
    """Who is asked, what will be written, and what is known of the time.

    Raises:
        UsageError: no past, or two of them, or one that cannot answer.
        RecordingError: a folder without recorded ranges.
    """
    if bool(source.address) is (source.folder is not None):
        raise UsageError("say where the past is: give either --prometheus or --data")
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


def times_of(given: Times, span: tuple[float, float] | None) -> tuple[datetime, datetime]:
    """From when to when; a folder's own times where nothing is said.

    Raises:
        UsageError: no time, two beginnings, or an end before the beginning.
    """
    now, written = datetime.now(UTC), given.begin or given.release
    if given.begin and given.release:
        raise UsageError("--from and --release both say where to begin: choose one")
    if not written and span is None:
        raise UsageError("Prometheus remembers long: say where to begin with --from or --release")
    first, last = (datetime.fromtimestamp(at, UTC) for at in span or (now.timestamp(), now.timestamp()))
    begin = time_of(written, "--release" if given.release else "--from", now) if written else first
    if given.end:
        last = time_of(given.end, "--to", now)
    elif given.release:
        last = min(last, begin + _AFTER)
    if not begin < last:
        raise UsageError(f"nothing lies between {begin:%Y-%m-%d %H:%M:%S} and {last:%Y-%m-%d %H:%M:%S} UTC")
    return begin, last
