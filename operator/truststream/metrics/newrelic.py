"""New Relic: NRQL through NerdGraph, its GraphQL API."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar, Final

from pydantic import BaseModel, Field

from truststream.api.canarydeployment import MetricKind
from truststream.api.configuration import Address, SecretKey
from truststream.canary.observation import Outcome
from truststream.metrics.answers import NoAnswerError
from truststream.metrics.counts import Grid
from truststream.metrics.polled import Points, PolledSource, Window, single
from truststream.metrics.rest import Request, RestConfiguration, Secrets

_HOSTS: Final = {"US": "https://api.newrelic.com", "EU": "https://api.eu.newrelic.com"}
_QUERY: Final = (
    "query($id: Int!, $nrql: Nrql!, $timeout: Seconds) "
    "{ actor { account(id: $id) { nrql(query: $nrql, timeout: $timeout) { results } } } }"
)
_ACCOUNT: Final = "query($id: Int!) { actor { account(id: $id) { name } } }"
_LONGEST: Final = 70  # seconds that NerdGraph gives a query at most
_TIMES: Final = ("beginTimeSeconds", "endTimeSeconds")
_QUOTED: Final = re.compile(r"'(?:[^'\\]|\\.)*'|`[^`]*`|\"[^\"]*\"")
_OURS: Final = re.compile(r"\b(SINCE|UNTIL|TIMESERIES|COMPARE|FACET|SLIDE)\b", re.IGNORECASE)
_ADVICE: Final = "leave out FACET and select one number"
_CREDENTIALS: Final = ("ACCESS_DENIED", "FORBIDDEN", "UNAUTHORIZED", "UNAUTHENTICATED")
_REJECTED: Final = ("INVALID_INPUT", "BAD_USER_INPUT", "PARSE", "VALIDATION", "GRAPHQL")


class Region(StrEnum):
    """Where the account's data is."""

    US = "US"
    EU = "EU"


class NewRelicConfiguration(RestConfiguration):
    """Which account, and the key of a user who may read it."""

    account_id: int = Field(ge=1, description="Number of the account.")
    region: Region = Field(Region.US, description="US or EU.")
    address: Address | None = Field(None, description="Instead of the region's https://api.newrelic.com.")
    api_key_secret: SecretKey = Field(description="Where the user key (NRAK-…) is.")


class NewRelic(PolledSource[NewRelicConfiguration]):
    """The query is NRQL without its time clauses: those are ours. Counts are what it gives for each interval."""

    name: ClassVar[str] = "NewRelic"
    Config: ClassVar[type[BaseModel]] = NewRelicConfiguration
    PLACEHOLDERS: ClassVar[tuple[str, ...]] = (*PolledSource.PLACEHOLDERS, "pods")
    MOST: ClassVar[int] = 366  # buckets of one TIMESERIES

    def __init__(self, config: NewRelicConfiguration, secrets: Secrets, called: str) -> None:
        super().__init__(config, secrets, called)
        key = secrets.header(config.api_key_secret, f"{self._http.place.setting}.apiKeySecret")
        self._headers = {"Content-Type": "application/json", "API-Key": key}

    @classmethod
    def problem(cls, kind: MetricKind, text: str, config: NewRelicConfiguration) -> str:
        """See `PolledSource`."""
        if found := _OURS.search(_QUOTED.sub("''", text)):
            return f"leave out {found.group().upper()}: the times are ours to choose, and an arm has one number"
        return super().problem(kind, text, config)

    def _address(self) -> str:
        return self._config.address or _HOSTS[self._config.region]

    def _value(self, text: str, window: Window) -> float | None:
        if window.until <= window.since:
            raise NoAnswerError(Outcome.NO_DATA, f"{text}: no time since the weight changed is complete yet")
        since, until = round(window.since * 1000), round(window.until * 1000)
        rows = self._nrql(f"{text} SINCE {since} UNTIL {until}")
        row = single(rows, (str(one.get("facet", one)) for one in rows), text, _ADVICE)
        return self._number(row, text) if row is not None else None

    def _counts(self, text: str, grid: Grid) -> Points | None:
        times = f"SINCE {grid.start * 1000} UNTIL {grid.end * 1000} TIMESERIES {grid.length} seconds"
        rows = self._nrql(f"{text} {times}")
        facets = {str(row["facet"]) for row in rows if "facet" in row}
        single(sorted(facets), facets, text, _ADVICE)
        found = {float(row["beginTimeSeconds"]): self._number(row, text) for row in rows}
        # A count of nothing is 0 in every interval: nothing tells it from a misspelt condition, so it is no data.
        return {begin: count for begin, count in found.items() if count is not None} if any(found.values()) else None

    def _ping(self) -> None:
        answer = self._send(_ACCOUNT, {"id": self._config.account_id})
        if answer["actor"]["account"] is None:
            raise self._http.refused(403, "")

    def _number(self, row: Mapping[str, Any], text: str) -> float | None:
        """The only number of a row; a percentile stands one level deeper."""
        values = [value for name, value in row.items() if name not in (*_TIMES, "facet")]
        while len(values) == 1 and isinstance(values[0], dict):
            values = list(values[0].values())
        if len(values) != 1:
            raise NoAnswerError(Outcome.INVALID, f"{text} gives {len(values)} columns: select one number")
        found: float | None = values[0]
        return found

    def _nrql(self, nrql: str) -> list[dict[str, Any]]:
        timeout = max(1, min(_LONGEST, int(self._config.timeout)))
        answer = self._send(_QUERY, {"id": self._config.account_id, "nrql": nrql, "timeout": timeout})
        account = answer["actor"]["account"]
        if account is None:
            raise self._http.refused(403, "")
        results: list[dict[str, Any]] = account["nrql"]["results"]
        return results

    def _send(self, query: str, variables: Mapping[str, object]) -> Any:
        body = json.dumps({"query": query, "variables": variables}).encode()
        answer = self._http.json(Request("POST", f"{self._address()}/graphql", self._headers, body))
        if answer.get("errors"):
            raise self._failed(answer["errors"][0])
        return answer["data"]

    def _failed(self, error: Mapping[str, Any]) -> NoAnswerError:
        """GraphQL reports errors with status 200."""
        said = str(error.get("message", ""))
        kind = str((error.get("extensions") or {}).get("errorClass", "")).upper()
        if any(word in kind for word in _CREDENTIALS):
            return self._http.refused(403, said)
        if "TOO_MANY" in kind or "RATE_LIMIT" in kind:
            return self._http.refused(429, said)
        if any(word in kind for word in _REJECTED) or "syntax error" in said.lower():
            return self._http.refused(400, said)
        return self._http.down(f"fails ({kind or 'error'}: {self._http.quoted(said)})")
