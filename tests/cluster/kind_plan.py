"""What the `kind` maker runs, as data: the plan is made first, so that a test can read it without an engine."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from . import parts, paths
from .command import run
from .record import Record

GATEWAY_PORT, PROMETHEUS_PORT = 8080, 30090


@dataclass(frozen=True)
class Command:
    """One command with what it reads."""

    argv: tuple[str, ...]
    stdin: str | None = None


def execute(plan: list[Command]) -> None:
    for command in plan:
        run(command.argv, stdin=command.stdin)


def _kind(*argv: str) -> tuple[str, ...]:
    return (str(parts.PARTS["kind"].binary), *argv)


def _name(record: Record) -> str:
    return paths.system_id(record.name)


def _configuration(record: Record) -> str:
    """One node; the gateway and Prometheus on loopback ports of this machine."""
    mapped = {GATEWAY_PORT: record.ports["gateway"], PROMETHEUS_PORT: record.ports["prometheus"]}
    mappings = [
        {"containerPort": inner, "hostPort": outer, "listenAddress": "127.0.0.1"} for inner, outer in mapped.items()
    ]
    document = {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "nodes": [{"role": "control-plane", "extraPortMappings": mappings}],
    }
    return json.dumps(document, indent=2)


def create(record: Record, archive: Path) -> list[Command]:
    """The pinned kind knows its node image by digest (Kubernetes 1.37); KIND_NODE_IMAGE names another."""
    chosen = os.environ.get("KIND_NODE_IMAGE")
    image = ("--image", chosen) if chosen else ()
    kubeconfig = ("--kubeconfig", str(record.directory / "kubeconfig"))
    options = ("--name", _name(record), *image, *kubeconfig, "--config", "-", "--wait", "180s")
    return [Command(_kind("create", "cluster", *options), _configuration(record)), load(record, archive)]


def load(record: Record, archive: Path) -> Command:
    return Command(_kind("load", "image-archive", str(archive), "--name", _name(record)))


def build_and_load(record: Record, tag: str, dockerfile: Path, context: Path) -> list[Command]:
    """The engine builds, on the base image that the Dockerfile itself names."""
    return [
        Command(("docker", "build", "--tag", tag, "--file", str(dockerfile), str(context))),
        Command(_kind("load", "docker-image", tag, "--name", _name(record))),
    ]


def delete(record: Record) -> list[Command]:
    kubeconfig = ("--kubeconfig", str(record.directory / "kubeconfig"))
    return [Command(_kind("delete", "cluster", "--name", _name(record), *kubeconfig))]
