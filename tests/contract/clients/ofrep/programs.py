"""Applications with OpenFeature's real OFREP providers, each in an environment of its own; they speak JSON lines."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from tests.environments import node, node_environment, python_environment

HERE = Path(__file__).parent
Provider = Literal["python", "node", "web"]


class Program:
    """One application, running."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        argv, environment = _command(provider)
        self._process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True
        )

    def begin(self, port: int, headers: Mapping[str, str], **more: Any) -> str:
        """With another provider than before; why it did not come up, or nothing."""
        begun = self.ask("begin", url=f"http://127.0.0.1:{port}", headers=dict(headers), **more)
        return str(begun.get("failed", ""))

    def evaluate(self, kind: str, flag: str, default: Any, context: dict[str, Any] | None = None) -> dict[str, Any]:
        """value, variant, reason, error, message and metadata, as the SDK tells them."""
        return self.ask("evaluate", type=kind, flag=flag, default=default, context=context)

    def ask(self, do: str, **command: Any) -> dict[str, Any]:
        """One command."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **command}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            assert self._process.stderr is not None
            raise AssertionError(f"the {self._provider} client died:\n{self._process.stderr.read()[-4000:]}")
        found: dict[str, Any] = json.loads(line)
        return found

    def close(self) -> None:
        """It goes when its input ends."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for stream in (self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()


def python() -> Path:
    """The python that has the provider."""
    return python_environment(HERE / "provider.txt")


def packages() -> Path:
    """The `node_modules` that has both providers."""
    return node_environment(HERE / "node") / "node_modules"


def _command(provider: Provider) -> tuple[list[str], dict[str, str]]:
    if provider == "python":
        return [str(python()), str(HERE / "client.py")], {**os.environ, "PYTHONWARNINGS": "ignore"}
    return [str(node()), str(HERE / "client.cjs"), provider], {**os.environ, "NODE_PATH": str(packages())}
