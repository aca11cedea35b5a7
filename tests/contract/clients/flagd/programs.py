"""Applications with flagd's real providers, each in an environment of its own; they speak JSON lines with us."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.environments import node, node_environment, python_environment

HERE = Path(__file__).parent
Resolver = Literal["rpc", "in-process"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A provider in one of its two modes; `buckets` is the version of flagd's bucketing that it has in process."""

    name: str
    provider: Literal["python-0.5", "python-0.6", "node"]
    resolver: Resolver
    buckets: Literal["FlagdV2", "FlagdV3"]

    @property
    def in_process(self) -> bool:
        """Whether it evaluates by itself."""
        return self.resolver == "in-process"


KINDS = [
    Kind(f"{provider}-{resolver}", provider, resolver, buckets)  # type: ignore[arg-type]
    for provider, buckets in (("python-0.5", "FlagdV2"), ("python-0.6", "FlagdV3"), ("node", "FlagdV2"))
    for resolver in ("rpc", "in-process")
]


class Program:
    """One application, running; `secret` is its token and the file of the authority that it trusts."""

    def __init__(
        self, kind: Kind, *, evaluation: int, sync: int, selector: str | None, secret: Mapping[str, str] | None = None
    ) -> None:
        self.kind = kind
        argv, environment = _command(kind)
        self._process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True
        )
        port = sync if kind.in_process else evaluation
        self._send({"do": "begin", "port": port, "selector": selector, "resolver": kind.resolver, **(secret or {})})

    def ready(self) -> Program:
        """Once it is connected; programs connect beside each other."""
        assert self._receive() == {"ready": True}
        return self

    def evaluate(self, kind: str, flag: str, default: Any, context: dict[str, Any] | None = None) -> dict[str, Any]:
        """value, variant, reason, error and metadata, as the SDK tells them."""
        return self._ask({"do": "evaluate", "type": kind, "flag": flag, "default": default, "context": context})

    def variants(self, flag: str, units: int) -> list[str | None]:
        """Of the units user-0, user-1 and so on."""
        found: list[str | None] = self._ask({"do": "variants", "flag": flag, "units": units})["variants"]
        return found

    def waits_for(self, event: str) -> bool:
        """Whether the SDK's event came: PROVIDER_CONFIGURATION_CHANGED, PROVIDER_STALE and so on."""
        return bool(self._ask({"do": "wait", "event": event})["came"])

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

    def _ask(self, command: dict[str, Any]) -> dict[str, Any]:
        self._send(command)
        return self._receive()

    def _send(self, command: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            assert self._process.stderr is not None
            raise AssertionError(f"{self.kind.name} died:\n{self._process.stderr.read()[-4000:]}")
        found: dict[str, Any] = json.loads(line)
        return found


def python_of(provider: str) -> Path:
    """The python that has this provider."""
    return python_environment(HERE / {"python-0.5": "provider-v2.txt", "python-0.6": "provider-v3.txt"}[provider])


def _command(kind: Kind) -> tuple[list[str], dict[str, str]]:
    if kind.provider == "node":
        packages = node_environment(HERE / "node") / "node_modules"
        return [str(node()), str(HERE / "client.cjs")], {**os.environ, "NODE_PATH": str(packages)}
    return [str(python_of(kind.provider)), str(HERE / "client.py")], {**os.environ, "PYTHONWARNINGS": "ignore"}
