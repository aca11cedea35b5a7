"""Sources by name, and what may go wrong before the first question."""

from __future__ import annotations

import pytest

from truststream.api.configuration import PrometheusConfiguration
from truststream.errors import ConfigurationError
from truststream.metrics import SOURCES, source
from truststream.metrics.connection import Connection, Credentials

CONFIG = PrometheusConfiguration(address="https://prometheus.invalid")


def test_known_and_unknown() -> None:
    assert source("Prometheus") is SOURCES["Prometheus"]
    with pytest.raises(ConfigurationError, match=r"'Ganglia'; known: CloudWatch, Datadog, .*, Prometheus"):
        source("Ganglia")


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "ünicode"])
def test_a_token_that_no_header_takes_is_refused_without_showing_it(token: str) -> None:
    with pytest.raises(ConfigurationError, match=r"bearerTokenSecret") as caught:
        Connection(CONFIG, Credentials(bearer=token))
    assert token not in str(caught.value)


def test_a_ca_that_is_none() -> None:
    with pytest.raises(ConfigurationError, match=r"prometheus\.tls\.caSecret: the key holds no certificate"):
        Connection(CONFIG, Credentials(ca="not a certificate"))
