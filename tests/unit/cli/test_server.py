"""`truststream server`: what cannot be had is one sentence, and code 2."""

from __future__ import annotations

import asyncio
import signal
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from truststream.cli import server
from truststream.cli.main import build
from truststream.cli.server import USER, impersonated, read_configuration
from truststream.errors import ConfigurationError
from truststream.handlers.wiring import Options
from truststream.serving.options import ServerOptions

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


class Role:
    """The controller or the server: ends by itself, or when it is told to."""

    def __init__(self, code: int | Exception, *, waits: bool) -> None:
        self.code = code
        self.waits = waits
        self.stop = asyncio.Event()

    async def run(self) -> int:
        if self.waits:
            await asyncio.wait_for(self.stop.wait(), 20)
        if isinstance(self.code, Exception):
            raise self.code
        return self.code


async def both(monkeypatch: pytest.MonkeyPatch, controller: Role, serving: Role) -> int:
    """SIGTERM reaches the controller, as it does in the process."""

    async def serve(_options: ServerOptions, stop: asyncio.Event) -> int:
        serving.stop = stop
        return await serving.run()

    monkeypatch.setattr(server, "serve", serve)
    monkeypatch.setattr(signal, "raise_signal", lambda _number: controller.stop.set())
    return await server.beside(controller.run(), Options(), 0)


async def test_both_roles_end_together(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await both(monkeypatch, Role(0, waits=False), Role(0, waits=True)) == 0
    assert await both(monkeypatch, Role(1, waits=False), Role(0, waits=True)) == 1
    assert await both(monkeypatch, Role(0, waits=True), Role(1, waits=False)) == 1
    with pytest.raises(ConfigurationError, match="a port"):
        await both(monkeypatch, Role(0, waits=True), Role(ConfigurationError("a port"), waits=False))


async def test_a_wrong_configuration_starts_neither(tmp_path: Path) -> None:
    controller = Role(0, waits=False)
    with pytest.raises(ConfigurationError, match="none"):
        await server.beside(controller.run(), Options(config=tmp_path / "none"), 0)
