"""`truststream server`: what cannot be had is one sentence, and code 2."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from truststream.cli.main import build
from truststream.cli.server import USER, impersonated, read_configuration
from truststream.errors import ConfigurationError

RUNNER = CliRunner()


@pytest.mark.parametrize(
    ("configuration", "arguments", "said"),
    [
        ("server: {}", ["--flags", "none"], "no such directory"),
        ("server: {}", ["--flags", ".", "--stream-key", "none"], "--stream-key none"),
        ("server: {}", ["--flags", ".", "--stream-key", "short"], "at least 16 bytes"),
        ("server: {apiKeys: none}", ["--flags", "."], "server.apiKeys"),
        ("server: {tls: {certificateFile: none, keyFile: none}}", ["--flags", "."], "server.tls"),
        ("server: {anonymous: [Shop]}", ["--flags", "."], "server.anonymous"),
        ("{", ["--flags", "."], "no YAML"),
        ("kind: ConfigMap\ndata: {config.yaml: 'server: {nothing: 1}'}", ["--flags", "."], "server.nothing"),
    ],
)
def test_what_cannot_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, configuration: str, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("config").write_text(configuration)
    Path("short").write_text("short")
    ports = ["--host", "127.0.0.1", "--health-port", "0", "--http-port", "0"]
    result = RUNNER.invoke(build(["server"]), ["server", "--config", "config", *arguments, *ports])
    assert (result.exit_code, said in result.output) == (2, True), result.output


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        arguments = ["--flags", str(tmp_path), "--host", "127.0.0.1", "--health-port", port]
        result = RUNNER.invoke(build(["server"]), ["server", *arguments])
    assert (result.exit_code, f"port {port}" in result.output) == (2, True), result.output


def test_a_missing_configuration_is_an_error_and_none_at_all_sets_nothing() -> None:
    with pytest.raises(ConfigurationError, match="none"):
        read_configuration(Path("none"))
    assert read_configuration(None).server.anonymous == []


def test_outside_a_cluster_the_server_is_its_own_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert impersonated(None, None) == USER
    assert impersonated("", None) == ""
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    assert impersonated(None, None) is None
    assert impersonated(None, "kubeconfig") == USER
