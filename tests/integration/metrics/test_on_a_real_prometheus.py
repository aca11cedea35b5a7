"""The contract against the real server, and its outages: nothing here is told to fail, it does."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from tests.contract.metrics.contract import MetricSourceContract
from truststream.api.configuration import PrometheusConfiguration
from truststream.metrics.connection import Credentials
from truststream.metrics.prometheus import Prometheus

from .real import Process, RealBench, Slot, exposed, job, running

# bcrypt of "s3cret": the file format of Prometheus knows nothing else.
_HASH = "$2b$04$xsRJnMQk.Qv0G4oKp5OPO.9zwQ63U5yRpiGSWtBlCy87YRqziqUIq"


@pytest.fixture(scope="module")
def slots() -> Iterator[list[Slot]]:
    with ExitStack() as cleanup:
        yield [cleanup.enter_context(exposed(Slot())) for _ in range(4)]


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory, slots: list[Slot]) -> Iterator[Process]:
    with running(tmp_path_factory.mktemp("prometheus"), jobs=[job("apps", *(slot.port for slot in slots))]) as process:
        yield process


@pytest.fixture
async def bench(process: Process, slots: list[Slot]) -> AsyncIterator[RealBench]:
    address = f"http://127.0.0.1:{process.port}"
    source = Prometheus(PrometheusConfiguration(address=address), scrape_interval=0.5)
    bench = RealBench(process, source, slots)
    await bench.scrape()
    yield bench
    await source.close()


class TestRealPrometheus(MetricSourceContract):
    """As every source."""


async def test_credentials_certificate_silence_and_end(tmp_path: Path) -> None:
    """Basic authentication over TLS with a CA of one's own; then the server hangs; then it is gone."""
    ca = _certificate(tmp_path)
    web = {
        "tls_server_config": {"cert_file": str(tmp_path / "server.crt"), "key_file": str(tmp_path / "server.key")},
        "basic_auth_users": {"operator": _HASH},
    }
    (tmp_path / "web.yml").write_text(yaml.safe_dump(web))
    right = Credentials(username="operator", password="s3cret", ca=ca)
    with running(tmp_path, f"--web.config.file={tmp_path / 'web.yml'}") as process:
        assert await _probe(process, right) == ""
        assert "HTTP 401" in await _probe(process, Credentials(username="operator", password="wrong", ca=ca))
        assert "certificate that we do not trust" in await _probe(process, Credentials(username="operator"))
        wrong_name = await _probe(process, right, server_name="another.internal")
        assert "certificate that we do not trust" in wrong_name
        assert await _probe(process, Credentials(username="operator", password="s3cret"), insecure=True) == ""
        process.process.send_signal(signal.SIGSTOP)
        assert (await _probe(process, right, patience="1s")).endswith("does not answer within 1s")
        process.process.send_signal(signal.SIGCONT)
        assert await _probe(process, right) == ""
        process.end()
        assert (await _probe(process, right)).endswith("(Connection refused)")


async def _probe(
    process: Process,
    credentials: Credentials,
    *,
    server_name: str | None = "prometheus.internal",
    insecure: bool = False,
    patience: str = "20s",
) -> str:
    """A handshake and a password hash take long on a busy machine."""
    tls = {"insecureSkipVerify": True} if insecure else {"serverName": server_name}
    config = {"address": f"https://127.0.0.1:{process.port}", "timeout": patience, "tls": tls}
    source = Prometheus(PrometheusConfiguration.model_validate(config), credentials)
    try:
        return await source.probe()
    finally:
        await source.close()


def _certificate(directory: Path) -> str:
    """Signed by itself, for one name; its text is the CA."""
    files = ["-keyout", str(directory / "server.key"), "-out", str(directory / "server.crt")]
    names = ["-subj", "/CN=prometheus", "-addext", "subjectAltName=DNS:prometheus.internal"]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run(["openssl", "req", "-x509", *key, "-days", "2", *names, *files], check=True, capture_output=True)
    return (directory / "server.crt").read_text()
