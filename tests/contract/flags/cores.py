"""flagd's own evaluators as processes, one for each version of its bucketing."""

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.environments import node, node_environment, python_environment

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Question:
    """One flag for one context at a time; `kind` is boolean, string, float or object."""

    key: str
    kind: str
    context: dict[str, Any]
    now: float


@dataclass(frozen=True, slots=True)
class Told:
    """What the evaluator said; an error instead of a value has a message."""

    variant: str | None
    value: Any
    error: str | None


class Core:
    """One evaluator, answering over a pipe."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, flags: dict[str, Any], questions: Sequence[Question]) -> list[Told]:
        """The answers for one document of flags, in order."""
        asked = [[one.key, one.kind, one.context, one.now] for one in questions]
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"flags": flags, "ask": asked}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise AssertionError(f"the evaluator ended with {self._process.wait()}")
        return [Told(*one) for one in json.loads(answer)]


@contextmanager
def core(version: str) -> Iterator[Core]:
    """flagd's core: `v2` or `v3` is Python's with that bucketing, `node` is Node's, which has v2."""
    with _started(*_node() if version == "node" else _python(version)) as evaluator:
        yield evaluator


def _python(version: str) -> tuple[list[str], dict[str, str]]:
    python = python_environment(_HERE / f"core-{version}.txt")
    return [str(python), str(_HERE / "core.py")], {}


def _node() -> tuple[list[str], dict[str, str]]:
    packages = node_environment(_HERE / "node") / "node_modules"
    return [str(node()), str(_HERE / "node" / "core.cjs")], {"NODE_PATH": str(packages)}


@contextmanager
def _started(command: Sequence[str], environment: dict[str, str]) -> Iterator[Core]:
    env = {**os.environ, **environment}
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
    try:
        yield Core(process)
    finally:
        process.communicate()
