"""The operator's configuration file."""

from __future__ import annotations

import re

import pytest

from truststream.api.configuration import load
from truststream.errors import ConfigurationError

FULL = """
prometheus:
  address: https://prometheus.monitoring.svc:9090/team/
  timeout: 5s
  bearerTokenSecret: {name: prometheus, key: token}
  tls: {caSecret: {name: prometheus}, serverName: prometheus.internal}
  headers: {X-Scope-OrgID: shop}
metrics:
  checkout: {kind: Ratio, bad: a, total: b}
defaults:
  stepDuration: 5m
  analysis: {interval: 10s, minimumRequests: 500}
scrapeInterval: 30s
"""


def test_everything() -> None:
    found = load(FULL)
    assert found.prometheus is not None
    assert found.prometheus.address == "https://prometheus.monitoring.svc:9090/team"
    assert found.prometheus.tls.ca_secret is not None
    assert found.prometheus.tls.ca_secret.key == "ca.crt"
    assert (found.prometheus.timeout, found.scrape_interval) == (5, 30)
    assert list(found.metrics) == ["checkout"]


def test_nothing() -> None:
    found = load("")
    assert (found.prometheus, found.metrics, found.scrape_interval) == (None, {}, 15)
    assert found.complete({"paused": True}) == {"paused": True}


def test_defaults_fill_in_what_a_spec_leaves_out() -> None:
    found = load(FULL)
    assert found.complete({"analysis": {"interval": "1m", "warmup": "5s"}}) == {
        "stepDuration": "5m",
        "analysis": {"interval": "1m", "warmup": "5s", "minimumRequests": 500},
    }
    assert found.complete({"stepDuration": "1s", "analysis": None}) == {"stepDuration": "1s", "analysis": None}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: b: c", "my.yaml: this is no YAML"),
        ("[]", "my.yaml: must be a mapping with defaults, metrics, prometheus, scrapeInterval"),
        ("prometheus: {}", "my.yaml: prometheus.address: Field required"),
        ("prometheus: {address: 'prometheus:9090'}", "prometheus.address: write it like http://"),
        ("prometheus: {address: 'http://u:p@x'}", "prometheus.address: never carries credentials"),
        ("prometheus: {address: 'http://x/?a=b'}", "prometheus.address: ends with the path"),
        ("prometheus: {address: 'http://x', timeout: 0s}", "prometheus.timeout: must be longer than 0s"),
        ("prometheus: {address: 'http://x', tlss: {}}", "prometheus.tlss: unknown key; known here: address, "),
        ("prometheus: {address: 'http://x', headers: {Authorization: x}}", "headers.Authorization is a credential"),
        ("prometheus: {address: 'http://x', tls: {insecureSkipVerify: true, serverName: y}}", "checks nothing"),
        ("prometheus: {address: 'http://x', bearerTokenSecret: {name: a}, basicAuthSecret: {name: b}}", "not both"),
        ("metrics: {a: {kind: Ratio, bda: x}}", "metrics.a.bda: unknown key; known here: bad, buckets, direction,"),
        ("metrics: {'a b': {kind: Ratio}}", "metrics.a b: "),
        ("defaults: {analysis: {intervall: 1s}}", "defaults.analysis.intervall: unknown key; known here: interval,"),
        ("defaults: {stepDuration: 60}", "defaults.stepDuration: must be a duration"),
        ("scrapeInterval: -1s", "scrapeInterval: must be a duration"),
    ],
)
def test_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(said)):
        load(text, "my.yaml")


def test_every_mistake_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load("scrapeInterval: 5\nfoo: 1\n")
    assert len(str(caught.value).splitlines()) == 2
