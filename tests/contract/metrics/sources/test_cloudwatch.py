"""CloudWatch, as its API reference describes GetMetricData; the signature is checked as AWS would."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from typing import Any

import pytest

from truststream.api.canarydeployment import MetricKind
from truststream.api.configuration import parse
from truststream.canary.observation import ArmReading, Outcome
from truststream.errors import ConfigurationError
from truststream.metrics.cloudwatch import CloudWatch, CloudWatchConfiguration
from truststream.metrics.polled import PolledSource
from truststream.metrics.rest import Secrets

from .contract import START, SourceContract
from .server import Fake, Reply, Seen, reply

_PROOF = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\S+), SignedHeaders=(\S+), Signature=([0-9a-f]{64})")


def expected_signature(seen: Seen, scope: str, names: str, secret: str) -> str:
    """From the request as it came in, step by step as the IAM User Guide says."""
    lines = [f"{name}:{seen.headers[name].strip()}" for name in names.split(";")]
    canonical = "\n".join(["POST", "/", "", *lines, "", names, hashlib.sha256(seen.body).hexdigest()])
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256", seen.headers["x-amz-date"], scope, hashed])
    key = b"AWS4" + secret.encode()
    for part in (*scope.split("/"), text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key.hex()


class FakeCloudWatch(Fake):
    """Timestamps are those of the periods' begins, the newest first; a metric without points has no values."""

    status = "Complete"
    messages: tuple[dict[str, str], ...] = ()

    def allowed(self, seen: Seen) -> bool:
        found = _PROOF.fullmatch(seen.headers.get("authorization", ""))
        if found is None or found.group(1) != "first-s3cret":
            return False
        _, scope, names, signature = found.groups()
        assert scope == f"{seen.headers['x-amz-date'][:8]}/eu-central-1/monitoring/aws4_request"
        assert {"host", "x-amz-date", "x-amz-target", "content-type"} <= set(names.split(";"))
        return expected_signature(seen, scope, names, "second-s3cret") == signature

    def refusal(self) -> Reply:
        kind = "com.amazon.coral.service#UnrecognizedClientException"
        return reply(400, {"__type": kind, "message": "The security token included in the request is invalid."})

    def rejection(self, text: str) -> Reply:
        return reply(400, {"__type": "com.amazonaws.cloudwatch#ValidationError", "message": text})

    def answer(self, seen: Seen) -> Reply:
        assert (seen.method, seen.path) == ("POST", "/")
        assert seen.headers["x-amz-target"] == "GraniteServiceVersion20100801.GetMetricData"
        assert seen.headers["content-type"] == "application/x-amz-json-1.0"
        (query,) = seen.document["MetricDataQueries"]
        text = query.get("Expression") or query["MetricStat"]["Metric"]["MetricName"]
        period = query.get("Period") or query["MetricStat"]["Period"]
        start, end = seen.document["StartTime"], seen.document["EndTime"]
        if "depth" in text:
            points = {
                name: {int(time // period) * period: number for time, number in rows}
                for name, rows in self.samples(text, start, end).items()
            }
        else:
            points = self.sums(text, start, end, period)
        results = [self._result(name, values) for name, values in (points or {"none": {}}).items()]
        return reply(200, {"MetricDataResults": results, "Messages": list(self.messages)})

    def _result(self, name: str, values: dict[int, Any]) -> dict[str, Any]:
        times = sorted(values, reverse=True)
        numbers = [values[time] for time in times]
        return {"Id": "q", "Label": name, "Timestamps": times, "Values": numbers, "StatusCode": self.status}


KEYS = {
    "accessKeyIdSecret": {"name": "keys", "key": "one"},
    "secretAccessKeySecret": {"name": "keys", "key": "two"},
}


def settings(**more: Any) -> CloudWatchConfiguration:
    return parse(CloudWatchConfiguration, {"region": "eu-central-1", **KEYS, **more})


def metric(name: str, stat: str = "Sum") -> str:
    dimensions = {"TargetGroup": "{{service}}", "Namespace": "{{namespace}}"}
    return json.dumps({"namespace": "Shop", "metricName": name, "dimensions": dimensions, "stat": stat})


class TestCloudWatch(SourceContract):
    TOTAL = metric("hits_{{arm}}")
    BAD = metric("errors_{{arm}}")
    EXPRESSION = "SELECT MAX(depth_{{arm}}) FROM SCHEMA(Shop, Service) WHERE Service = '{{service}}'"

    def make_fake(self) -> Fake:
        return FakeCloudWatch()

    def make_source(self, address: str, secrets: Secrets, **more: Any) -> PolledSource[Any]:
        return CloudWatch(settings(address=address, **more), secrets, "other")

    async def test_what_is_sent(self, source: PolledSource[Any], fake: Fake) -> None:
        await self.ask_ratio(source, 0, 150, stable=False)
        await self.ask_value(source)
        counts = next(seen.document for seen in fake.seen if b"hits" in seen.body)
        dimensions = [{"Name": "TargetGroup", "Value": "web-canary"}, {"Name": "Namespace", "Value": "shop"}]
        whole = {"Namespace": "Shop", "MetricName": "hits_canary", "Dimensions": dimensions}
        stat = {"Metric": whole, "Period": 60, "Stat": "Sum"}
        assert counts == {
            "StartTime": START,
            "EndTime": START + 120,
            "MetricDataQueries": [{"Id": "q", "ReturnData": True, "MetricStat": stat}],
        }
        (query,) = fake.seen[-1].document["MetricDataQueries"]
        expression = "SELECT MAX(depth_canary) FROM SCHEMA(Shop, Service) WHERE Service = 'web-canary'"
        assert query == {"Id": "q", "ReturnData": True, "Expression": expression, "Period": 60}

    async def test_the_newest_period(self, source: PolledSource[Any], fake: Fake) -> None:
        for second, value in ((0, 1), (60, 2)):
            fake.add("depth_canary", START + second, value)
        assert (await self.ask_value(source)).canary == ArmReading(value=2)

    @pytest.mark.parametrize("status", ["PartialData", "InternalError"])
    async def test_an_answer_in_part_is_none(self, source: PolledSource[Any], fake: Fake, status: str) -> None:
        assert isinstance(fake, FakeCloudWatch)
        fake.status = status
        found = await self.ask_value(source)
        assert found.outcome is Outcome.SOURCE_DOWN
        assert f"in part only: {status}" in found.message

    async def test_a_warning_is_an_answer_in_part(self, source: PolledSource[Any], fake: Fake) -> None:
        assert isinstance(fake, FakeCloudWatch)
        fake.messages = ({"Code": "MaxMetricsExceeded", "Value": "too many"},)
        found = await self.ask_value(source)
        assert found.outcome is Outcome.SOURCE_DOWN
        assert "in part only: MaxMetricsExceeded: too many" in found.message

    async def test_metrics_of_another_account(self, source: PolledSource[Any], fake: Fake) -> None:
        assert isinstance(fake, FakeCloudWatch)
        fake.status = "Forbidden"
        assert "refuses our credentials" in (await self.ask_value(source)).message

    async def test_throttling_is_no_rejection(self, source: PolledSource[Any], fake: Fake) -> None:
        fake.reply = lambda _: reply(400, {"__type": "ThrottlingException", "message": "Rate exceeded"})
        found = await self.ask_value(source)
        assert found.outcome is Outcome.SOURCE_DOWN
        assert "too often" in found.message

    async def test_a_temporary_key_sends_its_token(self, address: str, fake: Fake) -> None:
        token = {"sessionTokenSecret": {"name": "keys", "key": "three"}}
        held = {("keys", "one"): "first-s3cret", ("keys", "two"): "second-s3cret", ("keys", "three"): "t0ken"}
        source = CloudWatch(settings(address=address, **token), Secrets(held), "other")
        assert await source.probe() == ""
        await source.close()
        assert fake.seen[0].headers["x-amz-security-token"] == "t0ken"
        assert "x-amz-security-token" in fake.seen[0].headers["authorization"]


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        (MetricKind.RATIO, metric("a", "Average"), "stat Average is no count of events: use Sum or SampleCount"),
        (MetricKind.VALUE, '{"namespace": "A", "stat": "Sum"}', "is no metric in JSON: metricName: Field required"),
        (MetricKind.VALUE, '{"Namespace": "A"}', "known: namespace, metricName, dimensions, stat"),
        (MetricKind.VALUE, "{not json", "is no metric in JSON"),
        (MetricKind.VALUE, "SELECT {{pods}}", "unknown placeholder {{pods}}"),
    ],
)
def test_queries_that_cannot_be_used(kind: MetricKind, text: str, said: str) -> None:
    assert said in CloudWatch.problem(kind, text, settings())


def test_an_average_is_a_value() -> None:
    assert CloudWatch.problem(MetricKind.VALUE, metric("a", "p99"), settings()) == ""


@pytest.mark.parametrize(
    ("config", "said"), [({"interval": "45s"}, "whole minutes"), ({"region": "Mars"}, "config.region")]
)
def test_refused(config: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(said)):
        parse(CloudWatchConfiguration, {"region": "eu-central-1", **KEYS, **config}, place="config")


async def test_the_region_gives_the_address() -> None:
    held = {("keys", "one"): "value", ("keys", "two"): "value"}
    source = CloudWatch(settings(), Secrets(held), "other")
    assert source._address() == "https://monitoring.eu-central-1.amazonaws.com"
    await source.close()
