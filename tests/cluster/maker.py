"""Which maker builds the cluster: chosen by looking at the machine, and said aloud."""

import os
import shutil
from dataclasses import dataclass

from .command import run
from .errors import HarnessError

MAKERS = ("auto", "kind", "local")


@dataclass(frozen=True)
class Choice:
    maker: str
    reason: str


def docker_answers() -> bool:
    """True where an engine is behind the client; the client alone is not enough."""
    docker = shutil.which("docker")
    return docker is not None and run([docker, "info"], check=False, timeout=20).returncode == 0


def choose(size: str) -> Choice:
    """Only the node size ever needs a container engine; a control plane is a handful of processes anywhere."""
    asked = os.environ.get("CLUSTER") or "auto"
    if asked not in MAKERS:
        raise HarnessError(f"CLUSTER={asked} is unknown; known: {', '.join(MAKERS)}.")
    if size == "control-plane":
        return Choice("local", "a control plane with fake nodes needs no container engine")
    if asked != "auto":
        return Choice(asked, f"CLUSTER={asked} says so")
    if docker_answers():
        return Choice("kind", "`docker info` answers")
    return Choice("local", "`docker info` does not answer, so no container engine runs here")
