"""Requests that go where the route sends them, as the counters of its proxy show it."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Self

from tests.integration.scenarios.world import ROUTE, World

_PATIENCE = 5.0


class Clients:
    """So many requests a second in all; each arm's part is its weight on the route, from the moment it is set."""

    def __init__(self, world: World, rate: float, *, stable_bad: float = 0.0, canary_bad: float = 0.0) -> None:
        self._world, self._rate = world, rate
        self._bad = {"web": stable_bad, "web-canary": canary_bad}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._follow, name=f"clients-{world.namespace}", daemon=True)

    def __enter__(self) -> Self:
        self._send()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join(3 * _PATIENCE)

    def bad(self, *, stable: float, canary: float) -> None:
        """From now on such parts fail."""
        self._bad = {"web": stable, "web-canary": canary}
        self._send()

    def _send(self) -> None:
        shares = self._world.shares()
        for service in ("web", "web-canary"):
            rate = self._rate * shares.get(service, 0.0) / 100
            self._world.source.flow(self._world.namespace, service, rate=rate, bad=self._bad[service])

    def _follow(self) -> None:
        world = self._world
        since = world.live(ROUTE)["metadata"]["resourceVersion"]
        while not self._stopped.is_set():
            for route in world.api.watch(ROUTE, world.namespace, "web", since, _PATIENCE):
                since = route["metadata"]["resourceVersion"]
                self._send()
                if self._stopped.is_set():
                    return
            time.sleep(0.05)
