"""Amazon CloudWatch: the action GetMetricData of its JSON protocol."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, Self

from pydantic import BaseModel, Field, ValidationError, model_validator

from truststream.api.base import ApiModel
from truststream.api.canarydeployment import MetricKind
from truststream.api.configuration import Address, SecretKey, Text
from truststream.metrics import templates
from truststream.metrics.answers import NoAnswerError
from truststream.metrics.counts import Grid
from truststream.metrics.polled import Points, PolledSource, SeriesConfiguration, Window, newest, single
from truststream.metrics.rest import Request, Secrets, said
from truststream.metrics.sigv4 import Keys, Scope, signed

_TARGET: Final = "GraniteServiceVersion20100801.GetMetricData"
_FINE: Final = (1, 5, 10, 20, 30)  # seconds; of metrics with high resolution
_REGION: Final = r"^[a-z]{2,}(-[a-z0-9]+)+$"
_SUMS: Final = ("Sum", "SampleCount")
_ADVICE: Final = "aggregate them, e.g. with SUM()"
_CREDENTIALS: Final = (
    "AccessDenied", "UnrecognizedClient", "InvalidClientTokenId", "SignatureDoesNotMatch", "InvalidSignature",
    "ExpiredToken", "IncompleteSignature", "MissingAuthenticationToken", "NotAuthorized", "OptInRequired",
)  # fmt: skip
_THROTTLED: Final = ("Throttl", "RequestLimitExceeded", "LimitExceeded", "TooManyRequests")


class CloudWatchConfiguration(SeriesConfiguration):
    """Which region, and the access key."""

    region: str = Field(pattern=_REGION, max_length=32, description="Region of the metrics, e.g. eu-central-1.")
    address: Address | None = Field(None, description="Instead of https://monitoring.<region>.amazonaws.com.")
    access_key_id_secret: SecretKey = Field(description="Where the access key's id is.")
    secret_access_key_secret: SecretKey = Field(description="Where the secret access key is.")
    session_token_secret: SecretKey | None = Field(None, description="Where the token of a temporary key is.")

    @model_validator(mode="after")
    def _periods(self) -> Self:
        if self.interval not in _FINE and self.interval % 60:
            raise ValueError("interval: CloudWatch keeps periods of 1s, 5s, 10s, 20s, 30s and whole minutes")
        return self


class MetricStat(ApiModel):
    """A metric of one set of dimensions, as a query in JSON names it."""

    namespace: Text
    metric_name: Text
    dimensions: dict[str, str] = Field(default_factory=dict)
    stat: Text


class CloudWatch(PolledSource[CloudWatchConfiguration]):
    """A query is one metric in JSON, or an expression: metric math, SEARCH or Metrics Insights."""

    name: ClassVar[str] = "CloudWatch"
    Config: ClassVar[type[BaseModel]] = CloudWatchConfiguration
    TIMES: ClassVar[tuple[str, ...]] = ("interval",)

    def __init__(self, config: CloudWatchConfiguration, secrets: Secrets, called: str) -> None:
        super().__init__(config, secrets, called)
        place = self._http.place.setting
        self._scope = Scope(config.region, "monitoring")
        self._keys = Keys(
            secrets.header(config.access_key_id_secret, f"{place}.accessKeyIdSecret"),
            secrets.header(config.secret_access_key_secret, f"{place}.secretAccessKeySecret"),
            secrets.header(config.session_token_secret, f"{place}.sessionTokenSecret"),
        )

    @classmethod
    def problem(cls, kind: MetricKind, text: str, config: CloudWatchConfiguration) -> str:
        """See `PolledSource`."""
        if wrong := super().problem(kind, text, config):
            return wrong
        if not text.lstrip().startswith("{"):
            return ""
        try:
            metric = MetricStat.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"])) or "the query"
            return f"is no metric in JSON: {field}: {first['msg']}; known: namespace, metricName, dimensions, stat"
        if kind is MetricKind.RATIO and metric.stat not in _SUMS:
            return f"stat {metric.stat} is no count of events: use {' or '.join(_SUMS)}"
        return ""

    def _address(self) -> str:
        return self._config.address or f"https://monitoring.{self._config.region}.amazonaws.com"

    def _value(self, text: str, window: Window) -> float | None:
        period = round(self._config.interval)
        # Whole periods: a period that has begun holds less than it will.
        grid = Grid(
            int((window.until - self._config.lookback) // period) * period, int(window.until // period) * period, period
        )
        points = self._points(text, grid)
        return newest(points) if points is not None else None

    def _counts(self, text: str, grid: Grid) -> Points | None:
        return self._points(text, grid)

    def _ping(self) -> None:
        now = int(time.time()) // 60 * 60
        metric = '{"namespace":"AWS/Usage","metricName":"CallCount","stat":"Sum"}'
        self._points(metric, Grid(now - 60, now, 60))

    def _points(self, text: str, grid: Grid) -> Points | None:
        query = {"Id": "q", "ReturnData": True, **_asked(text, grid.length)}
        answer = self._send({"StartTime": grid.start, "EndTime": grid.end, "MetricDataQueries": [query]})
        if answer.get("Messages"):
            raise self._http.down(f"answers in part only: {self._http.quoted(_texts(answer['Messages']))}")
        series: list[dict[str, Any]] = answer["MetricDataResults"]
        for one in series:
            self._check(one)
        found = single(series, (str(one.get("Label")) for one in series), text, _ADVICE)
        if found is None or not found["Values"]:
            return None
        return dict(zip(map(float, found["Timestamps"]), found["Values"], strict=True))

    def _check(self, result: Mapping[str, Any]) -> None:
        code = result["StatusCode"]
        if code == "Forbidden":
            raise self._http.refused(403, "")
        if code != "Complete":
            raise self._http.down(
                f"answers in part only: {code} {self._http.quoted(_texts(result.get('Messages') or ()))}"
            )

    def _send(self, document: Mapping[str, object]) -> Any:
        headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": _TARGET}
        request = Request("POST", f"{self._address()}/", headers, json.dumps(document).encode())
        status, body = self._http.send(signed(request, self._keys, self._scope, datetime.now(UTC)))
        if status != 200:
            raise self._refused(status, body)
        return self._http.decoded(body)

    def _refused(self, status: int, body: bytes) -> NoAnswerError:
        """AWS answers 400 to nearly everything; the type of the error says what it is."""
        kind = _kind(body)
        if kind.startswith(_CREDENTIALS):
            return self._http.refused(403, "")
        if kind.startswith(_THROTTLED):
            return self._http.refused(429, "")
        return self._http.refused(status, f"{kind}: {said(body)}" if kind else said(body))


def _asked(text: str, period: int) -> dict[str, object]:
    text = templates.filled(text, {"interval": str(period)})
    if not text.startswith("{"):
        return {"Expression": text, "Period": period}
    metric = MetricStat.model_validate_json(text)
    dimensions = [{"Name": name, "Value": value} for name, value in metric.dimensions.items()]
    whole = {"Namespace": metric.namespace, "MetricName": metric.metric_name, "Dimensions": dimensions}
    return {"MetricStat": {"Metric": whole, "Period": period, "Stat": metric.stat}}


def _texts(messages: Any) -> str:
    return "; ".join(f"{one.get('Code', '')}: {one.get('Value', '')}" for one in messages)


def _kind(body: bytes) -> str:
    try:
        return str(json.loads(body)["__type"]).rpartition("#")[2]
    except (ValueError, KeyError, TypeError):
        return ""
