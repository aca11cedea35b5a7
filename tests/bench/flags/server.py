"""A server process of our own, on loopback, with its flags in a directory."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PROGRAM = Path(sys.executable).parent / "truststream"
_START = 60.0


@dataclass(frozen=True, slots=True)
class Server:
    """Where it listens, and its process."""

    pid: int
    http: int
    evaluation: int
    sync: int
    health: int

    @property
    def memory(self) -> float:
        """Resident MiB."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


def write(directory: Path, manifests: Sequence[Mapping[str, Any]]) -> None:
    """A file a namespace."""
    for namespace in {one["metadata"]["namespace"] for one in manifests}:
        own = [dict(one) for one in manifests if one["metadata"]["namespace"] == namespace]
        (directory / f"{namespace}.yaml").write_text("\n---\n".join(map(json.dumps, own)))


@contextmanager
def running(directory: Path, *, kubeconfig: Path | None = None, core: int | None = None) -> Iterator[Server]:
    """Ready when given; everybody may ask. `core`: the only one that it may use.

    Its flags are those of the directory, or of the cluster of `kubeconfig`.
    """
    ports = _free_ports(4)
    names = ("--http-port", "--evaluation-port", "--sync-port", "--health-port")
    options = [part for pair in zip(names, map(str, ports), strict=True) for part in pair]
    config = directory.parent / f"{directory.name}-config.yaml"
    config.write_text('server:\n  anonymous: ["*"]\n')
    source = ["--kubeconfig", str(kubeconfig)] if kubeconfig else ["--flags", str(directory)]
    argv = [str(_PROGRAM), "server", "--config", str(config), *source, *options]
    with (directory.parent / f"{directory.name}.log").open("w") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log)
        try:
            if core is not None:
                os.sched_setaffinity(process.pid, {core})
            _wait(process, ports[3])
            yield Server(process.pid, *ports)
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    limit = time.monotonic() + _START
    while process.poll() is None and time.monotonic() < limit:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"the server did not become ready: exit code {process.poll()}; look at its log beside its flags")


def _free_ports(number: int) -> list[int]:
    sockets = [socket.socket() for _ in range(number)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports
