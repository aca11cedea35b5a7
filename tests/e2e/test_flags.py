"""The flag server as a cluster runs it: three replicas behind a Service, exposures in PostgreSQL."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import pytest

from tests.cluster import waiting
from tests.product.install import NAMESPACE as SYSTEM

from . import database
from .evaluations import Evaluations
from .flags import SERVER, address, flag, token
from .manifests import Manifest
from .world import World

KEY = "checkout"
CLIENTS = "shop"


@pytest.fixture
def server(world: World) -> str:
    """Where the Service answers."""
    return address(world.cluster)


def _ready_pods(world: World) -> set[str]:
    found: Any = world.cluster.get("pods", "-n", SYSTEM, "-l", f"app.kubernetes.io/name={SERVER}")
    return {one["metadata"]["name"] for one in found["items"] if "deletionTimestamp" not in one["metadata"]}


def _headers(world: World) -> Mapping[str, str]:
    world.kubectl("create", "serviceaccount", CLIENTS)
    return {"Authorization": f"Bearer {token(world.cluster, world.namespace, CLIENTS)}"}


def _rollout(percentage: float) -> Manifest:
    return flag(KEY, rolloutVariant="on", rolloutPercentage=percentage, recordExposures=True)


def test_no_evaluation_fails_while_the_server_rolls_and_its_database_is_away(world: World, server: str) -> None:
    """One scenario, for a rolling restart while the database is away would lose what only the volumes hold."""
    world.apply(_rollout(20))
    headers = dict(_headers(world))
    with Evaluations(server, KEY, headers, rate=150) as clients:
        world.eventually(lambda: bool(clients.units()), "the first evaluation")
        first = time.time()
        _rolling_restart(world)
        assert not clients.failed(first), clients.failed(first)[:3]
        before = clients.units(lambda one: one.variant == "on")
        _grows(world, clients)
        with database.away(world.cluster):
            lost = time.time()
            world.eventually(lambda: len(clients.since(lost)) > 2000, "evaluations without a database")
        assert not clients.failed(first), clients.failed(first)[:3]
    asked = clients.units()
    assert before <= clients.units(lambda one: one.variant == "on")
    _all_arrive_once(world, asked)


def _rolling_restart(world: World) -> None:
    old = _ready_pods(world)
    assert len(old) == 3, old
    where = ("-n", SYSTEM, f"deployment/{SERVER}")
    world.cluster.kubectl("rollout", "restart", *where)
    world.cluster.kubectl("rollout", "status", *where, "--timeout=150s")
    waiting.until(lambda: not old & _ready_pods(world), "the old pods to go", limit=60)


def _grows(world: World, clients: Evaluations) -> None:
    """Everybody from a certain moment: what was applied reaches every replica in a moment."""
    world.apply(_rollout(100))
    applied = time.time()
    settled = lambda: len(clients.since(applied + 1)) > 150  # noqa: E731 - one use
    world.eventually(settled, "evaluations of the new value")
    late = [one for one in clients.since(applied + 1) if one.variant != "on" and not one.problem]
    assert not late, f"{len(late)} evaluations were still of the old spec a second after `kubectl apply`"


def _all_arrive_once(world: World, asked: set[str]) -> None:
    arms = f"select id from arms where namespace = '{world.namespace}'"
    statement = (
        f"select count(*), count(distinct (arm, unit)), count(distinct unit) from exposures where arm in ({arms})"
    )

    def units() -> int:
        ((_, _, found),) = database.query(world.cluster, statement)
        return int(found)

    world.eventually(lambda: units() >= len(asked), f"{len(asked)} units in the database", limit=90)
    ((rows, distinct, found),) = database.query(world.cluster, statement)
    assert int(found) == len(asked)
    assert rows == distinct, f"{rows} exposures, {distinct} of them different: some arrived twice"


def test_a_person_sees_the_flag_and_who_may_not_is_told_so(world: World, server: str) -> None:
    world.apply(_rollout(0.001))
    world.kubectl("wait", f"featureflag/{KEY}", "--for=condition=Ready", "--timeout=30s")
    listed = world.kubectl("get", "featureflags", KEY)
    assert "Served" in listed, listed
    shown = world.cli("flags", "evaluate", KEY, "--context", json.dumps({"targetingKey": "ada"}))
    assert shown.returncode == 0, shown.stderr
    assert "off" in shown.stdout
    asked = [f"{server}/ofrep/v1/evaluate/flags/{KEY}", "-d", json.dumps({"context": {"targetingKey": "ada"}})]
    nobody = world.cluster.run("curl", "--silent", "-w", "\n%{http_code}", *asked)
    assert nobody.stdout.endswith("401"), nobody.stdout
    foreign = token(world.cluster, "default", "default")
    selector = f"Flagd-Selector: flagSetId={world.namespace}"
    refused = world.cluster.run(
        "curl", "--silent", "-w", "\n%{http_code}", "-H", f"Authorization: Bearer {foreign}", "-H", selector, *asked
    )
    assert refused.stdout.endswith("403"), refused.stdout
    assert world.namespace in refused.stdout
