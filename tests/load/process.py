"""The client as a process of its own, inside the cluster's network, and its answers as they come."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.cluster import Cluster

from .answer import Answer
from .tally import Tally

ROOT = Path(__file__).resolve().parents[2]
STOP_WITHIN = 30.0


class Load:
    """Use it with `with`: leaving ends the process that it started."""

    def __init__(
        self,
        cluster: Cluster,
        url: str,
        *,
        host: str = "",
        rate: float = 120,
        seconds: float = 300,
        requests: int = 100_000,
        keep_alive: bool = True,
    ) -> None:
        options = ["--host", host, "--rate", str(rate), "--seconds", str(seconds), "--requests", str(requests)]
        reuse = [] if keep_alive else ["--no-keep-alive"]
        self._argv = [*cluster.prefix(), sys.executable, "-m", "tests.load", url, *options, *reuse]
        self._answers: list[Answer] = []
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self.url = url

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin; returns at once."""
        self._process = subprocess.Popen(
            self._argv, cwd=ROOT, env=dict(os.environ), stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL
        )
        self._reader = threading.Thread(target=self._read, name="load-answers", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._answers.append(Answer.parse(line))

    def stop(self) -> Tally:
        """End it, and count all that it told."""
        if self._process is not None and self._reader is not None:
            self._process.terminate()
            self._process.wait(STOP_WITHIN)
            self._reader.join(STOP_WITHIN)
        return self.tally()

    @property
    def running(self) -> bool:
        """False when it ended by itself: its bounds were reached, or it could not start."""
        return self._process is not None and self._process.poll() is None

    @property
    def answers(self) -> list[Answer]:
        """A copy of what came so far."""
        return list(self._answers)

    def tally(self) -> Tally:
        """Of all so far."""
        return Tally(self.answers)

    def since(self, start: float) -> Tally:
        """Of the requests that were due from `start` (Unix time) on."""
        return Tally.between(self.answers, start)

    def last(self, seconds: float) -> Tally:
        """Of the last seconds."""
        return self.since(time.time() - seconds)
