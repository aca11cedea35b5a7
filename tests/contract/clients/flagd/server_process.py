"""The real `truststream server` over a directory of flags, on loopback ports that it keeps through a restart."""

from __future__ import annotations

import json
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

_PORTS = range(20_000, 32_000)  # below those that outgoing connections take
_PATIENCE = 60.0


class ServerProcess:
    """A server in its own process, by default for anonymous callers; flags are written as one file a namespace."""

    def __init__(self, folder: Path, configuration: Mapping[str, Any] | None = None) -> None:
        self._folder = folder
        self._flags = folder / "flags"
        self._flags.mkdir(parents=True)
        self._configuration = folder / "configuration.yaml"
        self._configuration.write_text(json.dumps({"server": configuration or {"anonymous": ["*"]}}))
        self._log = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.http = self.evaluation = self.sync = self.health = 0

    def put(self, namespace: str, flags: Mapping[str, Mapping[str, Any]]) -> None:
        """All flags of a namespace: spec by name."""
        manifests = [
            {
                "apiVersion": "truststream.dev/v1alpha1",
                "kind": "FeatureFlag",
                "metadata": {"name": name, "namespace": namespace},
                "spec": spec,
            }
            for name, spec in flags.items()
        ]
        half_written = self._flags / f".{namespace}.json"
        half_written.write_text(json.dumps({"kind": "List", "items": manifests}))
        half_written.rename(self._flags / f"{namespace}.json")

    def start(self) -> None:
        """Answering when this returns; the first time it chooses its ports."""
        for _ in range(5):
            if not self.http or self._process is None:
                self.http, self.evaluation, self.sync, self.health = _free_ports(4)
            if self._answers():
                return
        raise AssertionError(f"the server did not start:\n{self.log()}")

    def _answers(self) -> bool:
        argv = [str(Path(sys.executable).with_name("truststream")), "server", "--host", "127.0.0.1", "--drain", "0"]
        argv += ["--config", str(self._configuration), "--flags", str(self._flags)]
        for name in ("http", "evaluation", "sync", "health"):
            argv += [f"--{name}-port", str(getattr(self, name))]
        before = self.log().count("answering:")
        with self._log.open("ab") as log:
            process = subprocess.Popen(argv, stdout=log, stderr=log)
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline and process.poll() is None:
            if self.log().count("answering:") > before:
                self._process = process
                return True
            time.sleep(0.05)
        process.kill()
        process.wait()
        return False

    def stop(self) -> None:
        """As the kubelet does."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(_PATIENCE)

    def log(self) -> str:
        """All it said so far."""
        return self._log.read_text() if self._log.exists() else ""


def _free_ports(count: int) -> list[int]:
    """Held all at once while they are picked, so that no two are the same."""
    with ExitStack() as held:
        found: list[int] = []
        for port in random.sample(_PORTS, len(_PORTS)):
            probe = held.enter_context(socket.socket())
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            found.append(port)
            if len(found) == count:
                return found
    raise AssertionError("no free ports on loopback")
