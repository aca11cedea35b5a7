"""Datadog: points of its metrics query API, `GET /api/v1/query`."""

from __future__ import annotations

import time
from typing import Any, ClassVar, Final
from urllib.parse import urlencode

from pydantic import BaseModel, Field

from truststream.api.canarydeployment import MetricKind
from truststream.api.configuration import Address, SecretKey
from truststream.metrics import templates
from truststream.metrics.counts import Grid
from truststream.metrics.polled import Points, PolledSource, SeriesConfiguration, Window, newest, single
from truststream.metrics.rest import Request, Secrets

_SITE: Final = r"^[a-z0-9][a-z0-9.-]*$"
_ADVICE: Final = "aggregate them: sum: or avg: without `by`"
_HARMLESS: Final = "avg:system.cpu.user{*}"


class DatadogConfiguration(SeriesConfiguration):
    """Where Datadog is, and the two keys."""

    site: str = Field("datadoghq.com", pattern=_SITE, description="The organisation's site, e.g. datadoghq.eu.")
    address: Address | None = Field(None, description="Instead of https://api.<site>.")
    api_key_secret: SecretKey = Field(description="Where the API key is.")
    application_key_secret: SecretKey = Field(description="Where the application key is.")


class Datadog(PolledSource[DatadogConfiguration]):
    """Counts are points of `.as_count()` summed by `.rollup(sum, {{interval}})`; a Value is the newest point."""

    name: ClassVar[str] = "Datadog"
    Config: ClassVar[type[BaseModel]] = DatadogConfiguration
    TIMES: ClassVar[tuple[str, ...]] = ("interval",)

    def __init__(self, config: DatadogConfiguration, secrets: Secrets, called: str) -> None:
        super().__init__(config, secrets, called)
        place = self._http.place.setting
        self._headers = {
            "Accept": "application/json",
            "DD-API-KEY": secrets.header(config.api_key_secret, f"{place}.apiKeySecret"),
            "DD-APPLICATION-KEY": secrets.header(config.application_key_secret, f"{place}.applicationKeySecret"),
        }

    @classmethod
    def _needed(cls, kind: MetricKind, config: DatadogConfiguration) -> tuple[str, ...]:
        """Without a rollup of its own Datadog chooses the interval, and sums no longer belong to our blocks."""
        del config
        return ("interval",) if kind is MetricKind.RATIO else ()

    def _address(self) -> str:
        return self._config.address or f"https://api.{self._config.site}"

    def _value(self, text: str, window: Window) -> float | None:
        points = self._points(text, window.until - self._config.lookback, window.until, self._config.interval)
        return newest(points) if points is not None else None

    def _counts(self, text: str, grid: Grid) -> Points | None:
        # A second less: the API's window has both ends, and the interval after the last one has not ended.
        return self._points(text, grid.start, grid.end - 1, grid.length)

    def _ping(self) -> None:
        now = time.time()
        self._points(_HARMLESS, now - 60, now, self._config.interval)

    def _points(self, text: str, start: float, end: float, interval: float) -> Points | None:
        query = templates.filled(text, {"interval": f"{interval:.0f}"})
        form = urlencode({"from": int(start), "to": int(end), "query": query})
        answer = self._http.json(Request("GET", f"{self._address()}/api/v1/query?{form}", self._headers))
        if answer["status"] != "ok":
            raise self._http.invalid(f"rejects the query ({self._http.quoted(str(answer.get('error')))})")
        series: list[dict[str, Any]] = answer["series"]
        found = single(series, (str(one.get("scope")) for one in series), text, _ADVICE)
        if found is None:
            return None
        return {moment / 1000: value for moment, value in found["pointlist"] if value is not None}
