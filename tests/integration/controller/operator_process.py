"""The operator as a process of its own, as a cluster runs it: started, stopped, killed, and read."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.cluster import Cluster, waiting

ROOT = Path(__file__).resolve().parents[3]


class OperatorProcess:
    """`truststream run` against a cluster. The same identity every time: a restart takes its own Lease at once."""

    def __init__(self, cluster: Cluster, directory: Path, prometheus: str = "", identity: str = "operator-0") -> None:
        self.cluster = cluster
        self._log = directory / f"{identity}.log"
        self._config = directory / "config.yaml"
        self._identity = identity
        self._process: subprocess.Popen[bytes] | None = None
        self.always: tuple[str, ...] = ()  # arguments of every start
        self.port = _free_port()
        self.configure({"prometheus": {"address": prometheus}, "scrapeInterval": "1s"} if prometheus else {})

    def configure(self, configuration: object) -> None:
        """What the configuration file says."""
        self._config.write_text(json.dumps(configuration))

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None, "the operator is not running"
        return self._process.pid

    def start(self, *more: str, ready: bool = True) -> None:
        """Start, and wait until its cache is filled unless told not to."""
        assert self._process is None, "the operator is running already"
        arguments = ["run", "--config", self._config, "--kubeconfig", self.cluster.kubeconfig, "--verbose"]
        command = [*self.cluster.prefix(), str(Path(sys.executable).with_name("truststream")), *map(str, arguments)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--metrics-port", str(self.port), *self.always, *more],
                stdout=log, stderr=log, cwd=ROOT, env=self._environment(), start_new_session=True,
            )  # fmt: skip
        if ready:
            self.wait_ready()

    def ensure(self) -> None:
        """Start it unless it runs."""
        if self._process is None or self._process.poll() is not None:
            self._process = None
            self.start()

    def wait_ready(self, limit: float = 40.0) -> None:
        """Until it leads and has read the cluster."""
        waiting.until(lambda: self.get("/readyz")[0] == 200, "the operator to be ready", limit=limit, guard=self._alive)

    def stop(self) -> int:
        """SIGTERM; the exit code, which must come within ten seconds."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.terminate()
        try:
            return process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"the operator did not stop within 10 s\n{self.log()[-4000:]}") from None

    def kill(self) -> None:
        """kill -9: nothing is finished, nothing given back."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGKILL)
            process.wait()

    def freeze(self) -> None:
        """SIGSTOP: it hangs, and its Lease runs out."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    def log(self) -> str:
        """All it ever said."""
        return self._log.read_text() if self._log.exists() else ""

    def get(self, path: str) -> tuple[int, str]:
        """One of its own pages; 0 when it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=2) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def _alive(self) -> None:
        if self._process is not None and self._process.poll() is not None:
            raise AssertionError(f"the operator ended with {self._process.returncode}\n{self.log()[-4000:]}")

    def _environment(self) -> dict[str, str]:
        path = os.pathsep.join([str(ROOT / "operator"), str(ROOT)])
        return {**os.environ, **self.cluster.environment(), "PYTHONPATH": path, "POD_NAME": self._identity}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def pause(seconds: float) -> None:
    """Let time pass: only where a test is about what does not happen."""
    time.sleep(seconds)
