"""Applications do not notice when the API server is away: flags are served as they were last known."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.cluster import Cluster, paths
from tests.cluster.processes import Processes
from tests.e2e.evaluations import Evaluations
from tests.e2e.flags import address, flag, token
from tests.e2e.world import World

KEY = "checkout"
AWAY = 60.0


def _signal(cluster: Cluster, number: signal.Signals) -> None:
    if cluster.maker == "kind":
        node = f"{paths.system_id(cluster.name)}-control-plane"
        subprocess.run(("docker", "exec", node, "pkill", f"-{number.name}", "kube-apiserver"), check=True)
        return
    identity = Processes(cluster.directory).identity("apiserver")
    assert identity is not None
    os.kill(identity.pid, number)


@contextmanager
def _api_server_stopped(cluster: Cluster) -> Iterator[None]:
    """It neither answers nor refuses: the worst way to be away."""
    _signal(cluster, signal.SIGSTOP)
    try:
        yield
    finally:
        _signal(cluster, signal.SIGCONT)


def test_a_minute_without_the_api_server_costs_no_evaluation(world: World, cluster: Cluster) -> None:
    world.apply(flag(KEY, rolloutVariant="on", rolloutPercentage=50))
    headers = {"Authorization": f"Bearer {token(cluster, world.namespace, 'default')}"}
    with Evaluations(address(cluster), KEY, headers, rate=100) as clients:
        world.eventually(lambda: len(clients.units()) > 50, "the first evaluations")
        start = time.time()
        with _api_server_stopped(cluster):
            time.sleep(AWAY)
            asked = clients.since(start)
        failed = [one for one in asked if one.problem]
        assert len(asked) > AWAY * 80, "the client itself was held up"
        assert not failed, (len(failed), failed[:3])
        _follows_again(world, clients)


def _follows_again(world: World, clients: Evaluations) -> None:
    """What Git says afterwards is served: the watch came back by itself."""
    world.eventually(lambda: world.cluster.kubectl("version", check=False).returncode == 0, "the API server", 60)
    world.apply(flag(KEY, rolloutVariant="on", rolloutPercentage=100))
    applied = time.time()

    def followed() -> bool:
        newest = [one for one in clients.since(applied) if not one.problem][-100:]
        return len(newest) == 100 and all(one.variant == "on" for one in newest)

    world.eventually(followed, "the new spec to be served", limit=90)
