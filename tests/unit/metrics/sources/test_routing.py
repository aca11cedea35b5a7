"""From the configuration's sources and metrics to who is asked what."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import ClassVar

import pytest
from pydantic import BaseModel

from truststream.api.canarydeployment import Metric, MetricKind
from truststream.api.configuration import Configuration, load
from truststream.canary.observation import Measurement, Outcome
from truststream.errors import ConfigurationError, SpecError
from truststream.metrics import SOURCES
from truststream.metrics.base import Arm, Question
from truststream.metrics.prometheus import Prometheus
from truststream.metrics.queries import check, resolve
from truststream.metrics.rest import Secrets
from truststream.metrics.routing import Router, SourceQuery, make, settings_of

NOW = datetime.fromtimestamp(0, UTC)
CANARY = Arm("canary", "shop", "web-canary", "80", ".*", "web", "web-canary")
SOURCES_TEXT = """
sources:
  dd:
    type: Datadog
    config: {apiKeySecret: {name: dd, key: api}, applicationKeySecret: {name: dd, key: app}}
  mimir:
    type: Prometheus
    config: {address: 'http://mimir:9009/prometheus', bearerTokenSecret: {name: mimir}}
"""
METRICS_TEXT = """
metrics:
  checkout:
    source: dd
    kind: Ratio
    bad: 'sum:bad{service:{{service}}}.as_count().rollup(sum, {{interval}})'
    total: 'sum:all{service:{{service}}}.as_count().rollup(sum, {{interval}})'
  backlog: {source: dd, kind: Value, query: 'avg:depth{*}', direction: LowerIsBetter}
  orders: {source: mimir, kind: Ratio, bad: 'orders{result="failed"}', total: orders}
  uploads: {source: mimir, kind: Distribution, buckets: upload_seconds_bucket, quantile: 0.9}
  plain: {kind: Value, query: sum(a), direction: LowerIsBetter}
  default: {source: prometheus, kind: Value, query: sum(a), direction: LowerIsBetter}
"""
BOTH = load(SOURCES_TEXT + METRICS_TEXT)


def query(name: str, configuration: Configuration = BOTH) -> object:
    return resolve(Metric(name=name), "Pods", configuration)


class Recorder:
    """A source that answers anything."""

    name: ClassVar[str] = "Recorder"
    Config: ClassVar[type[BaseModel]] = BaseModel

    def __init__(self, problem: str = "") -> None:
        self.asked: list[str] = []
        self.problem = problem
        self.closed = False

    async def measure(self, question: Question) -> Measurement:
        self.asked.append(question.query.name)
        return Measurement(question.query.name, Outcome.OK)

    async def probe(self) -> str:
        return self.problem

    async def close(self) -> None:
        self.closed = True


def test_queries_name_their_source() -> None:
    check(BOTH)
    for name, source in {"checkout": "dd", "backlog": "dd", "orders": "mimir", "uploads": "mimir"}.items():
        found = query(name)
        assert isinstance(found, SourceQuery)
        assert (found.name, found.source) == (name, source)
    assert not isinstance(query("plain"), SourceQuery)


def test_a_quantile_of_the_spec_keeps_the_source() -> None:
    found = resolve(Metric(name="uploads", quantile=0.5), "Pods", BOTH)
    assert isinstance(found, SourceQuery)
    assert (found.source, found.quantile, found.kind) == ("mimir", 0.5, MetricKind.DISTRIBUTION)


async def test_each_source_is_asked_its_own() -> None:
    prometheus, dd, mimir = Recorder(), Recorder(), Recorder()
    router = Router({"prometheus": prometheus, "dd": dd, "mimir": mimir})
    for name in ("checkout", "backlog", "orders", "plain", "default", "errorRate"):
        found = resolve(Metric(name=name), "Pods", BOTH)
        assert (await router.measure(Question(found, NOW, NOW, CANARY))).outcome is Outcome.OK
    assert dd.asked == ["checkout", "backlog"]
    assert mimir.asked == ["orders"]
    assert prometheus.asked == ["plain", "default", "errorRate"]
    await router.close()
    assert prometheus.closed and dd.closed and mimir.closed  # noqa: PT018


async def test_an_inline_metric_of_the_same_name_is_asked_of_prometheus() -> None:
    prometheus, dd = Recorder(), Recorder()
    metric = Metric.model_validate({"name": "backlog", "kind": "Value", "query": "a", "direction": "LowerIsBetter"})
    question = Question(resolve(metric, "Pods", BOTH), NOW, NOW, CANARY)
    await Router({"prometheus": prometheus, "dd": dd}).measure(question)
    assert (prometheus.asked, dd.asked) == (["backlog"], [])


async def test_a_source_that_is_not_there_is_down() -> None:
    router = Router({"other": Recorder()})
    for name, said in (("errorRate", "set prometheus.address"), ("checkout", "no source dd is configured")):
        found = await router.measure(Question(resolve(Metric(name=name), "Pods", BOTH), NOW, NOW, CANARY))
        assert found.outcome is Outcome.SOURCE_DOWN
        assert said in found.message


async def test_the_probe_of_all() -> None:
    assert await Router({"a": Recorder(), "b": Recorder()}).probe() == ""
    assert await Router({"a": Recorder("one"), "b": Recorder(), "c": Recorder("two")}).probe() == "one; two"


async def test_sources_are_made_with_their_secrets() -> None:
    held = {("dd", "api"): "value-a", ("dd", "app"): "value-b"}
    dd = make("dd", settings_of("dd", BOTH), Secrets(held), 15)
    mimir = make("mimir", settings_of("mimir", BOTH), Secrets({("mimir", "token"): "value"}), 15)
    assert isinstance(dd, SOURCES["Datadog"])
    assert isinstance(mimir, Prometheus)
    for made in (dd, mimir):
        await made.close()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "sources: {a: {type: Datalog}}",
            "c.yaml: sources.a.type: unknown metric source 'Datalog'; known: Cloud",
        ),
        ("sources: {a: {type: Graphite}}", "c.yaml: sources.a.config.address: Field required"),
        (
            "sources: {a: {type: Graphite, config: {address: 'http://x', adress: y}}}",
            "c.yaml: sources.a.config.adress: unknown key; known here: address, basicAuthSecret, bearerTokenSecret,",
        ),
        (
            "sources: {a: {type: Graphite, config: {address: 'http://x', tls: {ca: y}}}}",
            "c.yaml: sources.a.config.tls.ca: unknown key; known here: caSecret, insecureSkipVerify, serverName",
        ),
        (
            SOURCES_TEXT + "metrics: {m: {source: ddog, kind: Value, query: a, direction: LowerIsBetter}}",
            "c.yaml: metrics.m.source: unknown source 'ddog'; known: prometheus, dd, mimir",
        ),
        (
            SOURCES_TEXT + "metrics: {m: {source: dd, kind: Distribution, buckets: a}}",
            "c.yaml: metrics.m.buckets: dd (Datadog) gives no histograms: ask for a Ratio of counts, or for a Value",
        ),
        (
            SOURCES_TEXT + "metrics: {m: {source: dd, kind: Ratio, bad: a, total: b}}",
            "c.yaml: metrics.m.bad: has to use {{interval}}",
        ),
        (
            SOURCES_TEXT + "metrics: {m: {source: dd, kind: Ratio, bad: a}}",
            "c.yaml: metrics.m: kind Ratio needs bad and total, and no other query",
        ),
        (
            SOURCES_TEXT + "metrics: {m: {source: dd, kind: Value, query: '{{pods}}', direction: LowerIsBetter}}",
            "c.yaml: metrics.m.query: unknown placeholder {{pods}} in '{{pods}}'; known: {{namespace}}, {{service}},",
        ),
        (
            SOURCES_TEXT + "metrics: {m: {source: mimir, kind: Value, query: 'sum(', direction: LowerIsBetter}}",
            "c.yaml: metrics.m.query: does not parse",
        ),
        (SOURCES_TEXT + "metrics: {errorRate: {source: dd, kind: Value, query: a}}", "metrics.errorRate: is built in"),
    ],
)
def test_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(said)):
        check(load(text, "c.yaml"), "c.yaml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sources: {a: {typ: Datadog}}", "sources.a.typ: unknown key; known here: config, type"),
        ("sources: {prometheus: {type: Datadog}}", "sources.prometheus: is the name of the one under `prometheus`"),
        ("sources: {'a b': {type: Datadog}}", "sources.a b: "),
    ],
)
def test_refused_at_once(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(said)):
        load(text)


def test_every_mistake_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        check(load("sources: {a: {type: X}, b: {type: Graphite, config: {x: 1, y: 2}}}"))
    assert len(str(caught.value).splitlines()) == 4


def test_a_spec_names_no_source() -> None:
    with pytest.raises(ValueError, match="source"):
        Metric.model_validate({"name": "m", "source": "dd"})


def test_a_spec_hears_of_a_source_that_is_gone() -> None:
    gone = load(METRICS_TEXT)
    with pytest.raises(SpecError, match="unknown source 'dd'; known: prometheus"):
        query("checkout", gone)
