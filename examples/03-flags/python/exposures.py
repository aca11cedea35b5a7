"""Tells the server who saw what: once a person, variant and window, in the background, and a last time at the end.

The server records single evaluations over OFREP and gRPC by itself. This is for what it cannot see: evaluations in the
application's own process, and flags that were fetched all at once.
"""

import atexit
import json
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from openfeature.flag_evaluation import FlagEvaluationDetails
from openfeature.hook import Hook, HookContext

BATCH = 1000
WAITING = 10_000


class ExposureHook(Hook):
    """`url` is the server's, `headers` give token and selector; `window` should be the flags' exposureWindow."""

    def __init__(
        self, url: str, headers: Callable[[], dict[str, str]], *, window: float = 86_400.0, every: float = 5.0
    ) -> None:
        self._url = f"{url}/v1/exposures"
        self._headers = headers
        self._window = window
        self._told: dict[tuple[str, str, str], int] = {}
        self._waiting: list[dict[str, Any]] = []
        self._unwanted: set[str] = set()  # flags that keep no exposures
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._over = threading.Event()
        threading.Thread(target=self._run, args=(every,), daemon=True).start()
        atexit.register(self.close)

    def after(self, hook_context: HookContext, details: FlagEvaluationDetails, hints: Any) -> None:  # noqa: ARG002
        """Remember it, unless it is known; costs no time."""
        unit = hook_context.evaluation_context.targeting_key
        if not unit or not details.variant or details.flag_key in self._unwanted:
            return
        now = time.time()
        key, window = (details.flag_key, details.variant, unit), int(now // self._window)
        with self._lock:
            if self._told.get(key) == window or len(self._waiting) >= WAITING:
                return
            self._told[key] = window
            self._waiting.append({"flag": details.flag_key, "variant": details.variant, "unit": unit, "at": now})
            if len(self._told) > WAITING:
                self._told = {key: seen for key, seen in self._told.items() if seen == window}

    def close(self) -> None:
        """Send what waits."""
        self._over.set()
        self.flush()

    def flush(self) -> None:
        """Send what waits; what the server does not take now is sent again."""
        with self._sending:
            while batch := self._waiting[:BATCH]:
                if not self._send(batch):
                    return
                with self._lock:
                    del self._waiting[: len(batch)]

    def _send(self, batch: list[dict[str, Any]]) -> bool:
        body = json.dumps({"exposures": batch}).encode()
        request = Request(self._url, body, {**self._headers(), "Content-Type": "application/json"})
        try:
            with urlopen(request, timeout=5) as answer:
                told = json.load(answer)
        except HTTPError as error:
            if error.code != 400:
                return False  # no token, or the server's spool is full
            told = json.load(error)
            if "rejected" not in told:
                return False  # it is about the whole request
        except OSError:
            return False  # the server is away
        for rejected in told.get("rejected", []):
            if rejected["reason"] == "NotRecorded":
                self._unwanted.add(batch[rejected["index"]]["flag"])
        return True

    def _run(self, every: float) -> None:
        while not self._over.wait(every):
            self.flush()
