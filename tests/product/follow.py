"""Watch one CanaryDeployment: every status that the API server told, in order, and waiting for one of them."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from tests.cluster import Cluster

from .canary import Canary

_PATH = "/apis/truststream.dev/v1alpha1/namespaces/{}/canarydeployments"
Predicate = Callable[[Canary], object]


class Timeout(AssertionError):
    """What was waited for did not come."""


class Follow:
    """A watch in a process of its own; `with` ends it."""

    def __init__(
        self, cluster: Cluster, namespace: str, name: str, on_change: Callable[[Canary], None] | None = None
    ) -> None:
        self._cluster = cluster
        selector = f"?watch=true&timeoutSeconds=3600&fieldSelector=metadata.name%3D{name}"
        self._url = _PATH.format(namespace) + selector
        self._seen: list[Canary] = []
        self._news = threading.Condition()
        self._process: subprocess.Popen[str] | None = None
        self._stopped = False
        self._on_change = on_change
        self._thread = threading.Thread(target=self._run, name=f"follow-{namespace}", daemon=True)
        self.title = f"{namespace}/{name}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped = True
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
        self._thread.join(10)

    def _run(self) -> None:
        """A watch ends now and then, by its timeout or with the API server; it is opened again."""
        kubectl = [*self._cluster.prefix(), str(self._cluster.directory / "tools" / "kubectl")]
        environment = {**os.environ, **self._cluster.environment()}
        while not self._stopped:
            started = time.monotonic()
            self._process = subprocess.Popen(
                [*kubectl, "get", "--raw", self._url],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                stdin=subprocess.DEVNULL,
                text=True,
            )
            self._read(self._process)
            if not self._stopped and time.monotonic() - started < 1:
                time.sleep(1)  # refused at once: do not ask hundreds of times a second

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                event: dict[str, Any] = json.loads(line)
                if event["type"] in ("ADDED", "MODIFIED"):
                    self._take(Canary(time.time(), event["object"]))
        process.wait()

    def _take(self, sight: Canary) -> None:
        with self._news:
            last = self._seen[-1] if self._seen else None
            if last is not None and _version(last) == _version(sight):
                return
            self._seen.append(sight)
            self._news.notify_all()
        if self._on_change is not None:
            self._on_change(sight)

    @property
    def seen(self) -> list[Canary]:
        """All of it, oldest first."""
        with self._news:
            return list(self._seen)

    @property
    def now(self) -> Canary | None:
        """The newest."""
        with self._news:
            return self._seen[-1] if self._seen else None

    def mark(self) -> int:
        """A place in what was seen, to start from later."""
        with self._news:
            return len(self._seen)

    def until(
        self,
        wanted: Predicate,
        what: str,
        *,
        limit: float = 60,
        start: int | None = None,
        guard: Callable[[], None] | None = None,
    ) -> Canary:
        """The first sight for which `wanted` holds: the newest known or a later one; with `start` also older ones.

        Raises:
            Timeout: says what was seen last.
        """
        deadline = time.monotonic() + limit
        place = max(self.mark() - 1, 0) if start is None else start
        while True:
            with self._news:
                fresh = self._seen[place:]
                place = len(self._seen)
                if not fresh:
                    self._news.wait(min(1.0, max(deadline - time.monotonic(), 0.01)))
            if (found := next((one for one in fresh if wanted(one)), None)) is not None:
                return found
            if guard is not None:
                guard()
            if not fresh and time.monotonic() > deadline:
                raise Timeout(self._complaint(what, limit))

    def _complaint(self, what: str, limit: float) -> str:
        now = self.now
        state = now.describe() if now else "nothing was ever seen of it"
        return f"CanaryDeployment {self.title}: waited {limit:g} s for {what}, in vain; last seen: {state}"

    def weights(self, start: int = 0) -> list[float]:
        """The weights above 0 from that place on, each once, in order."""
        found: list[float] = []
        for one in self.seen[start:]:
            if one.weight > 0 and (not found or found[-1] != one.weight):
                found.append(one.weight)
        return found


def _version(sight: Canary) -> object:
    return sight.manifest["metadata"].get("resourceVersion")
