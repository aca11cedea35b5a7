"""Where the scenarios play: a cluster of their own, one operator for all, and all of them at the same time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.cluster import Cluster
from tests.integration.controller.audit import Audit
from tests.integration.controller.operator_process import OperatorProcess
from tests.integration.scenarios.api import Api
from tests.integration.scenarios.source import Source
from tests.integration.scenarios.world import World

_AT_A_TIME = 14

_LONG: set[Callable[..., None]] = set()


def takes_long(scenario: Callable[..., None]) -> Callable[..., None]:
    """It waits for a minute to pass: begun first, it is over when the others are."""
    _LONG.add(scenario)
    return scenario


@dataclass
class Stage:
    """Scenarios mostly wait, so a thread each is enough; the operator has to keep them apart."""

    cluster: Cluster
    source: Source
    operator: OperatorProcess
    address: str  # of the source
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_AT_A_TIME, "scenario"))
    _running: dict[str, Future[None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.api = Api(self.cluster.kubeconfig)

    def world(self, title: str) -> World:
        """A fresh namespace."""
        return World(title, self.api, self.source, Audit(self.cluster), self.operator.log)

    def play(self, items: Sequence[pytest.Function], wanted: pytest.Function) -> None:
        """The result of one; the first that is asked for starts all."""
        for item in sorted(items, key=lambda item: item.function not in _LONG):
            if item.nodeid not in self._running:
                self._running[item.nodeid] = self._pool.submit(self._scenario, item)
        self._running[wanted.nodeid].result()

    def _scenario(self, item: pytest.Function) -> None:
        values: dict[str, Any] = item.callspec.params if hasattr(item, "callspec") else {}
        in_a_world(self.world(item.name), lambda world: item.obj(world=world, **values))

    def quiet(self) -> None:
        """Nobody plays any more: now the operator may be killed."""
        wait(self._running.values())


def in_a_world(world: World, scenario: Callable[[World], None]) -> None:
    """And the namespace goes afterwards."""
    try:
        scenario(world)
    finally:
        world.close()
