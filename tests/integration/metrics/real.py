"""A real Prometheus on loopback, with targets whose numbers a test decides."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from tests.cluster import build
from tests.cluster.parts import PARTS
from tests.contract.metrics.bench import Target
from truststream.metrics.prometheus import Prometheus

_EVERY = 0.5  # seconds between two scrapes
_PATIENCE = 30.0

Job = dict[str, Any]


def job(name: str, *ports: int, path: str = "/metrics", **labels: str) -> Job:
    """What is scraped where, for Prometheus' configuration."""
    targets = [f"127.0.0.1:{port}" for port in ports]
    return {"job_name": name, "metrics_path": path, "static_configs": [{"targets": targets, "labels": labels}]}


class Process:
    """Prometheus itself."""

    def __init__(self, directory: Path, jobs: Sequence[Job], flags: Sequence[str]) -> None:
        build.ensure(("prometheus",), files=())
        self.port = free_port()
        self._directory = directory
        argv = [
            str(PARTS["prometheus"].binary),
            f"--config.file={self._configure(jobs)}",
            f"--storage.tsdb.path={directory / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--log.level=warn",
        ]
        with (directory / "log").open("wb") as log:
            self.process = subprocess.Popen([*argv, *flags], stdout=log, stderr=log)
        scheme = "https" if any(flag.startswith("--web.config.file") for flag in flags) else "http"
        self._until_it_answers(f"{scheme}://127.0.0.1:{self.port}", directory / "log")

    def _until_it_answers(self, address: str, log: Path) -> None:
        """Ready to be asked, or asking for a password: listening alone is not enough on a busy machine."""
        give_up = time.monotonic() + _PATIENCE
        while time.monotonic() < give_up and self.process.poll() is None:
            try:
                urllib.request.urlopen(f"{address}/-/ready", timeout=_PATIENCE, context=_anyone()).close()
                return
            except urllib.error.HTTPError as answer:
                answer.close()
                if answer.code == 401:
                    return
            except OSError:
                pass  # does not listen yet
            time.sleep(0.05)
        self.end()
        raise AssertionError(f"Prometheus did not start: {log.read_text()}")

    def _configure(self, jobs: Sequence[Job]) -> Path:
        interval = f"{int(_EVERY * 1000)}ms"
        config = {"global": {"scrape_interval": interval, "scrape_timeout": interval}, "scrape_configs": list(jobs)}
        file = self._directory / "prometheus.yml"
        file.write_text(yaml.safe_dump(config))
        return file

    def last_scrapes(self) -> dict[str, float]:
        """When each target was scraped last, by instance."""
        form = urllib.parse.urlencode({"query": "timestamp(up)"}).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/query", data=form, timeout=10) as answer:
            result = json.load(answer)["data"]["result"]
        return {one["metric"]["instance"]: float(one["value"][1]) for one in result}

    async def scraped(self, instances: set[str]) -> None:
        """Return when all of these were. A sample's time is the beginning of its scrape: one that began later saw
        what is there now."""
        moment, seen = time.time(), dict[str, float]()
        while time.time() < moment + _PATIENCE:
            seen = await asyncio.to_thread(self.last_scrapes)
            if all(seen.get(instance, 0) > moment for instance in instances):
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"no scrape of {instances} in {_PATIENCE:g}s; seen: {seen}")

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


def _anyone() -> ssl.SSLContext:
    """Whether it answers is the question, not who it is."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@contextmanager
def running(directory: Path, *flags: str, jobs: Sequence[Job] = ()) -> Iterator[Process]:
    """Ended in the end, whatever happens."""
    process = Process(directory, jobs, flags)
    try:
        yield process
    finally:
        process.end()


class Slot:
    """A place where a target can be; empty, its scrapes fail."""

    def __init__(self) -> None:
        self.target: Target | None = None
        self.port = 0

    def answer(self) -> tuple[int, bytes]:
        target = self.target
        return (200, target.text().encode()) if target is not None and target.up else (503, b"")


class RealBench:
    """One test's targets, under a namespace of its own; time is the world's.

    The slots are known to Prometheus from its start: it takes five seconds to notice new ones.
    """

    def __init__(self, process: Process, source: Prometheus, slots: Sequence[Slot]) -> None:
        self.source, self.namespace = source, f"t-{uuid.uuid4().hex[:8]}"
        self.block = 2 * _EVERY
        self._process, self._slots = process, slots
        for slot in slots:
            slot.target = None
        slots[0].target = Target(self.namespace)

    def target(self, number: int = 0) -> Target:
        slot = self._slots[number]
        slot.target = slot.target or Target(self.namespace)
        return slot.target

    def now(self) -> datetime:
        return datetime.now(UTC)

    def epoch(self) -> float:
        return time.time()

    async def scrape(self, times: int = 1) -> None:
        for _ in range(times):
            await self._process.scraped({f"127.0.0.1:{slot.port}" for slot in self._slots if slot.target})

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@contextmanager
def exposed(slot: Slot) -> Iterator[Slot]:
    """With a server on its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = slot.answer()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    slot.port = server.server_address[1]
    try:
        yield slot
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
