"""Graphite: `GET /render?format=json`, which carbonapi and others speak as well."""

from __future__ import annotations

import time
from typing import Any, ClassVar, Final, Self
from urllib.parse import urlencode

from pydantic import BaseModel, Field, model_validator

from truststream.api.configuration import Address, BasicAuthSecret, PlainHeaders, SecretKey
from truststream.metrics.counts import Grid
from truststream.metrics.polled import Points, PolledSource, SeriesConfiguration, Window, newest, single
from truststream.metrics.rest import Request, Secrets

_ADVICE: Final = "aggregate them, e.g. with sumSeries()"


class GraphiteConfiguration(SeriesConfiguration):
    """Where Graphite is."""

    address: Address = Field(description="URL up to, and without, /render.")
    bearer_token_secret: SecretKey | None = Field(None, description="Where the bearer token is.")
    basic_auth_secret: BasicAuthSecret | None = Field(None, description="Where user and password are.")
    headers: PlainHeaders = Field(default_factory=dict, description="Sent with every query; never a credential.")

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        if self.bearer_token_secret and self.basic_auth_secret:
            raise ValueError("takes bearerTokenSecret or basicAuthSecret, not both")
        return self


class Graphite(PolledSource[GraphiteConfiguration]):
    """Counts are what `summarize` sums of a series of counts; a Value is the newest point."""

    name: ClassVar[str] = "Graphite"
    Config: ClassVar[type[BaseModel]] = GraphiteConfiguration

    def __init__(self, config: GraphiteConfiguration, secrets: Secrets, called: str) -> None:
        super().__init__(config, secrets, called)
        place = f"{self._http.place.setting}.bearerTokenSecret"
        token = secrets.header(config.bearer_token_secret, place)
        proof = f"Bearer {token}" if token else secrets.basic(config.basic_auth_secret)
        self._headers = {**config.headers, **({"Authorization": proof} if proof else {})}

    def _address(self) -> str:
        return self._config.address

    def _value(self, text: str, window: Window) -> float | None:
        points = self._points(text, window.until - self._config.lookback, window.until)
        return newest(points) if points is not None else None

    def _counts(self, text: str, grid: Grid) -> Points | None:
        """The points of [start, end): `from` excludes its own moment and `until` includes it."""
        target = f'summarize({text},"{grid.length}s","sum",false)'
        return self._points(target, grid.start - 1, grid.end - 1)

    def _ping(self) -> None:
        now = time.time()
        self._points("constantLine(1)", now - 60, now)

    def _points(self, target: str, start: float, end: float) -> Points | None:
        form = urlencode({"target": target, "from": int(start), "until": int(end), "format": "json"})
        answer: list[dict[str, Any]] = self._http.json(
            Request("GET", f"{self._config.address}/render?{form}", self._headers)
        )
        if not isinstance(answer, list):
            raise self._http.strange("something that is no list of series")
        found = single(answer, (str(one.get("target")) for one in answer), target, _ADVICE)
        if found is None:
            return None
        return {float(moment): value for value, moment in found["datapoints"] if value is not None}
