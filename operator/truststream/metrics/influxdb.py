"""InfluxDB: Flux (`/api/v2/query`, version 2) or InfluxQL (`/query`, versions 1, 2 and 3)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar, Final, Self
from urllib.parse import urlencode

from pydantic import BaseModel, Field, model_validator

from truststream.api.canarydeployment import MetricKind
from truststream.api.configuration import Address, BasicAuthSecret, SecretKey, Text
from truststream.canary.observation import Outcome
from truststream.metrics import templates
from truststream.metrics.answers import NoAnswerError
from truststream.metrics.counts import Grid
from truststream.metrics.polled import Points, PolledSource, Window, single
from truststream.metrics.rest import Request, RestConfiguration, Secrets

_NUMBERS: Final = ("double", "long", "unsignedLong")


class Language(StrEnum):
    """In which language the queries are."""

    FLUX = "Flux"
    INFLUXQL = "InfluxQL"


class InfluxDBConfiguration(RestConfiguration):
    """Where InfluxDB is, and in which language it is asked."""

    address: Address = Field(description="URL up to, and without, /api or /query.")
    language: Language = Field(Language.FLUX, description="Flux or InfluxQL.")
    org: Text | None = Field(None, description="Flux: the organisation.")
    database: Text | None = Field(None, description="InfluxQL: the database.")
    retention_policy: Text | None = Field(None, description="InfluxQL: the retention policy, where not the default.")
    token_secret: SecretKey | None = Field(None, description="Where the API token is.")
    basic_auth_secret: BasicAuthSecret | None = Field(None, description="Where user and password are (version 1).")

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        if self.token_secret and self.basic_auth_secret:
            raise ValueError("takes tokenSecret or basicAuthSecret, not both")
        flux = self.language is Language.FLUX
        if flux and not self.org:
            raise ValueError("org: Flux needs it")
        if not flux and not self.database:
            raise ValueError("database: InfluxQL needs it")
        if flux and (self.database or self.retention_policy):
            raise ValueError("database and retentionPolicy belong to InfluxQL; a Flux query names its bucket")
        return self


@dataclass(frozen=True, slots=True)
class Table:
    """One series: numbers by time (None where the query dropped the time)."""

    name: str
    rows: tuple[tuple[float | None, float], ...]


class InfluxDB(PolledSource[InfluxDBConfiguration]):
    """A Value is one number of one series; counts are the sums by interval of one series."""

    name: ClassVar[str] = "InfluxDB"
    Config: ClassVar[type[BaseModel]] = InfluxDBConfiguration
    PLACEHOLDERS: ClassVar[tuple[str, ...]] = (*PolledSource.PLACEHOLDERS, "pods")
    TIMES: ClassVar[tuple[str, ...]] = ("start", "stop", "interval")

    def __init__(self, config: InfluxDBConfiguration, secrets: Secrets, called: str) -> None:
        super().__init__(config, secrets, called)
        token = secrets.header(config.token_secret, f"{self._http.place.setting}.tokenSecret")
        proof = f"Token {token}" if token else secrets.basic(config.basic_auth_secret)
        self._headers = {"Authorization": proof} if proof else {}
        self._flux = config.language is Language.FLUX

    @classmethod
    def _needed(cls, kind: MetricKind, config: InfluxDBConfiguration) -> tuple[str, ...]:
        """Flux sums by interval in a step that we append; in InfluxQL that is a clause of the query."""
        grouped = kind is MetricKind.RATIO and config.language is Language.INFLUXQL
        return ("start", "stop", "interval") if grouped else ("start", "stop")

    def _address(self) -> str:
        return self._config.address

    def _value(self, text: str, window: Window) -> float | None:
        if window.until <= window.since:
            raise NoAnswerError(Outcome.NO_DATA, f"{text}: no time since the weight changed is complete yet")
        table = self._table(text, window.since, window.until, round(self._config.interval))
        if table is None or not table.rows:
            return None
        if len(table.rows) > 1:
            said = f"{text} gives {len(table.rows)} numbers of one series: end with last(), mean() or sum()"
            raise NoAnswerError(Outcome.INVALID, said)
        return table.rows[0][1]

    def _counts(self, text: str, grid: Grid) -> Points | None:
        if self._flux:
            # On a line of its own: a comment at the end would swallow it. Windows carry the time of their start.
            step = f'aggregateWindow(every: {grid.length}s, fn: sum, createEmpty: false, timeSrc: "_start")'
            text = f"{text}\n  |> {step}"
        table = self._table(text, grid.start, grid.end, grid.length)
        if table is None or not table.rows:
            return None
        if any(moment is None for moment, _ in table.rows):
            raise NoAnswerError(Outcome.INVALID, f"{text} gives sums without a time: keep the column of the time")
        return {moment: count for moment, count in table.rows if moment is not None}

    def _ping(self) -> None:
        list(
            self._tables("buckets() |> limit(n: 1) |> keep(columns: [])" if self._flux else "SHOW MEASUREMENTS LIMIT 1")
        )

    def _table(self, text: str, start: float, stop: float, interval: int) -> Table | None:
        quote = "" if self._flux else "'"
        times = {"start": f"{quote}{_moment(start)}{quote}", "stop": f"{quote}{_moment(stop)}{quote}"}
        tables = list(self._tables(templates.filled(text, {**times, "interval": f"{interval}s"})))
        return single(tables, (table.name for table in tables), text, self._advice())

    def _advice(self) -> str:
        return "merge them with group()" if self._flux else "leave out GROUP BY of tags, and select one number"

    def _tables(self, text: str) -> Iterator[Table]:
        if self._flux:
            yield from self._ask_flux(text)
        else:
            yield from self._ask_influxql(text)

    def _ask_flux(self, text: str) -> Iterator[Table]:
        dialect = {"annotations": ["datatype"], "header": True, "delimiter": ","}
        body = json.dumps({"query": text, "type": "flux", "dialect": dialect}).encode()
        headers = {**self._headers, "Content-Type": "application/json", "Accept": "application/csv"}
        url = f"{self._config.address}/api/v2/query?{urlencode({'org': self._config.org})}"
        tables: dict[tuple[str, str], list[dict[str, str]]] = {}
        for row in annotated(self._http.body(Request("POST", url, headers, body)).decode()):
            if "error" in row and "_value" not in row:
                # The status was sent before the query failed.
                raise self._http.invalid(f"rejects the query ({self._http.quoted(row['error'])})")
            tables.setdefault((row.get("result", ""), row.get("table", "")), []).append(row)
        for (_, number), rows in tables.items():
            yield Table(f"table {number}", tuple(_flux_row(row, text) for row in rows if row.get("_value") != ""))

    def _ask_influxql(self, text: str) -> Iterator[Table]:
        form = {"db": self._config.database, "rp": self._config.retention_policy, "q": text, "epoch": "ms"}
        body = urlencode({name: value for name, value in form.items() if value}).encode()
        headers = {**self._headers, "Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        answer = self._http.json(Request("POST", f"{self._config.address}/query", headers, body))
        for result in answer["results"]:
            if "error" in result:
                raise self._http.invalid(f"rejects the query ({self._http.quoted(result['error'])})")
            series = result.get("series") or ()
            if result.get("partial") or any(one.get("partial") for one in series):
                raise self._http.down("answers in part only: it has more rows than it gives at once")
            yield from (_influxql_table(one, text) for one in series)


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def annotated(text: str) -> Iterator[dict[str, str]]:
    """The records of annotated CSV; the type of `_value` stands in each as `#`.

    Raises:
        ValueError: it is something else.
    """
    header: Sequence[str] = ()
    types: Sequence[str] = ()
    for row in csv.reader(io.StringIO(text)):
        if not any(row):
            header, types = (), ()
        elif row[0].startswith("#"):
            header, types = (), row if row[0] == "#datatype" else types
        elif not header:
            if not types and "error" not in row:
                raise ValueError("a table without the annotation that was asked for")
            header = row
        else:
            record = dict(zip(header, row, strict=True))
            kinds = dict(zip(header, types, strict=False))
            yield {**record, "#": kinds.get("_value", "")}


def _flux_row(row: Mapping[str, str], text: str) -> tuple[float | None, float]:
    if "_value" not in row or row["#"] not in _NUMBERS:
        kind = row["#"] or "nothing in _value"
        raise NoAnswerError(Outcome.INVALID, f"{text} gives {kind}, which is no number: let _value be one")
    moment = row.get("_time")
    return (datetime.fromisoformat(moment).timestamp() if moment else None), float(row["_value"])


def _influxql_table(series: Mapping[str, Any], text: str) -> Table:
    columns = [column for column in series["columns"] if column != "time"]
    if len(columns) != 1 or len(series["columns"]) > 2:
        raise NoAnswerError(Outcome.INVALID, f"{text} gives {len(columns)} columns: select one number")
    tags = ",".join(f"{name}={value}" for name, value in (series.get("tags") or {}).items())
    place = series["columns"].index(columns[0])
    timed = "time" in series["columns"]
    clock = series["columns"].index("time") if timed else 0
    rows = tuple(
        (row[clock] / 1000 if timed else None, row[place]) for row in series["values"] if row[place] is not None
    )
    return Table(f"{series.get('name', '')}{{{tags}}}", rows)
