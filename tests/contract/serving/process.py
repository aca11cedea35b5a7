"""`truststream server` as a process of its own, on loopback, and clients that speak bytes."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PATIENCE = 60.0
SHOP = {"Flagd-Selector": "flagSetId=shop"}
ONE = "/ofrep/v1/evaluate/flags/new"
_ANSWERING = re.compile(r"answering: http (\d+), evaluation (\d+), sync (\d+), health (\d+)")
_RUN = "from truststream.cli.main import app; app()"


class Process:
    """Answers when it is made; `log` is all it said."""

    def __init__(self, folder: Path, server: Mapping[str, Any], *arguments: str, drain: float = 0.0) -> None:
        self._log = folder / "server.log"
        configuration = folder / "configuration.yaml"
        configuration.write_text(json.dumps({"server": dict(server)}))
        ports = [word for name in ("http", "evaluation", "sync", "health") for word in (f"--{name}-port", "0")]
        argv = [sys.executable, "-c", _RUN, "server", "--config", str(configuration), "--host", "127.0.0.1"]
        with self._log.open("wb") as log:
            self.popen = subprocess.Popen([*argv, *ports, "--drain", str(drain), *arguments], stdout=log, stderr=log)
        self.http, self.health = self._ports()

    def _ports(self) -> tuple[int, int]:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if found := _ANSWERING.search(self.log):
                return int(found[1]), int(found[4])
            assert self.popen.poll() is None, self.log
            time.sleep(0.02)
        self.popen.kill()
        raise AssertionError(f"the server does not answer:\n{self.log}")

    @property
    def log(self) -> str:
        return self._log.read_text()

    def stop(self) -> int:
        """As the kubelet does; the exit code."""
        self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(PATIENCE)

    def end(self) -> None:
        """Whatever state it is in."""
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait(PATIENCE)

    def post(self, path: str, document: Any = None, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
        """Status and document."""
        return self.ask("POST", path, json.dumps(document or {}), SHOP if headers is None else headers)

    def ask(
        self, method: str, path: str, body: str = "", headers: Mapping[str, str] | None = None, *, port: int = 0
    ) -> tuple[int, Any]:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.http, timeout=PATIENCE)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text.startswith((b"{", b"[{")) else text.decode()
        finally:
            connection.close()

    def raw(self, *parts: bytes, pause: float = 0.0, silence: float = 3.0) -> bytes:
        """Send bytes, and all that comes until the server closes or says nothing for a while."""
        with socket.create_connection(("127.0.0.1", self.http), PATIENCE) as connection:
            try:
                for part in parts:
                    connection.sendall(part)
                    time.sleep(pause)
            except OSError:
                pass  # it was closed while we were sending
            return received(connection, silence)


def received(connection: socket.socket, silence: float = 3.0) -> bytes:
    """Until the other side closes; a connection that stays open for so many seconds ends it, too."""
    connection.settimeout(silence)
    text = b""
    try:
        while chunk := connection.recv(65536):
            text += chunk
    except (TimeoutError, ConnectionError):
        pass
    return text


def statuses(text: bytes) -> list[int]:
    """Of every answer in the bytes that came."""
    return [int(code) for code in re.findall(rb"HTTP/1\.[01] (\d{3}) ", text)]


def wait_for(condition: Any, what: str) -> None:
    """Until it holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
