"""What the default judge promises, on real pods behind a real proxy: found in time, and not misled.

The five scenarios play at the same time, each in namespaces of its own; a test is the end of one of them. The last,
which restarts Envoy and Prometheus for everybody, waits until the two that are timed are over.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import Cluster
from tests.e2e import arena, manifests
from tests.e2e.arena import BLOCK, PIPELINE
from tests.e2e.manifests import Manifest
from tests.e2e.scenario import NEW, OLD, Given, When
from tests.e2e.world import World
from tests.product.canary import unix
from truststream.stats.keys import bounds

FIGURES = Path(__file__).resolve().parents[3] / "build" / "e2e" / "judge.json"
HISTORY = 60.0  # seconds of traffic before a release: twelve blocks, enough to learn how errors cluster
LONGEST = 700.0  # seconds that a client lives at most
RELEASES = 10
Figures = dict[str, Any]


@dataclass
class Play:
    """All scenarios at a time."""

    cluster: Cluster
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(8 + RELEASES, "judge"))
    acts: dict[str, Future[Figures]] = field(default_factory=dict)

    def begin(self, name: str, act: Callable[[Play], Figures]) -> None:
        self.acts[name] = self.pool.submit(act, self)

    def over(self, *names: str) -> None:
        """Wait for other acts, whatever became of them."""
        for name in names:
            self.acts[name].exception()


def _with_traffic(world: World, rate: float) -> None:
    """Clients, and a while of nothing but the old version."""
    Given(world).clients(rate=rate, seconds=LONGEST)
    start = time.time()
    load = world.loads["gateway"]
    world.eventually(lambda: load.since(start).sent >= rate * HISTORY, "a history", limit=3 * HISTORY)


# (a) a regression ------------------------------------------------------------------------------------------------

ALPHA, TOLERANCE = 0.01, 0.25  # the defaults: rollbackAlpha, and tolerance 25 %
RATE, ERRORS, WORSE, SHARE = 40.0, 0.1, 2.0, 10.0


def _regression(play: Play) -> Figures:
    with arena.world(play.cluster, "regression") as world:
        arena.open_application(world, {"ERROR_RATE": str(ERRORS)})
        arena.judged_by_evidence(world, initialTraffic=SHARE, increments=[50, 100], stepDuration="30m")
        _with_traffic(world, RATE)
        arena.release(world, {"ERROR_RATE": str(WORSE * ERRORS)})
        since = arena.weight_reached(world, SHARE)
        back = world.until(lambda one: one.phase == "RollingBack", "the rollback", 400)
        ended = world.ends()
        assert ended.last["outcome"] == "RolledBack", ended.last
        information = bounds.information(RATE * ERRORS, SHARE / 100, WORSE, 1 + TOLERANCE)
        bound = bounds.least_time(ALPHA, information)
        took = unix(back.release["weightSince"]) - since
        return {
            "boundSeconds": round(bound, 1),
            "seconds": round(took, 1),
            "ratio": round(took / bound, 2),
            "ratioWithoutPipeline": round((took - PIPELINE) / bound, 2),
            "weights": world.follow.weights(world.mark),
            "reason": ended.last["reason"],
        }


# (b) ten releases that change nothing ----------------------------------------------------------------------------

BURSTS = "0.25 0.1 0.5"  # 5 % of the requests, in a tenth of the quarters of a second


def _alike(play: Play) -> Figures:
    with ExitStack() as ending:
        worlds = [ending.enter_context(arena.world(play.cluster, f"alike-{n}")) for n in range(RELEASES)]
        ends = list(play.pool.map(_one_alike, worlds))
    return {"promoted": len(ends), "seconds": [end["seconds"] for end in ends], "phi": [end["phi"] for end in ends]}


def _one_alike(world: World) -> Figures:
    arena.open_application(world, {"BURSTS": BURSTS})
    limits = [{"metric": "errorRate", "threshold": "12%"}]
    # Clean moments prove that soon; a minute and a half gives a false alarm some chance.
    arena.judged_by_evidence(
        world, initialTraffic=10, increments=[50, 100], stepDuration="45s", promotionCriteria=limits
    )
    _with_traffic(world, rate=20)
    arena.release(world, {"BURSTS": BURSTS})
    since = arena.weight_reached(world, 10)
    arena.promoted(world, limit=480)
    rows = [arena.error_rate(one) for one in world.follow.seen[world.mark :]]
    judged = [row for row in rows if row.get("evidence")]
    bad, requests = (max(row["stable"][name] for row in judged) for name in ("bad", "requests"))
    assert bad > 0, "nothing failed: the scenario showed nothing"
    return {
        "seconds": round(time.time() - since),
        "phi": judged[-1]["evidence"]["phi"],
        "errors": bad / requests,
    }


# (c) an outage of what both versions depend on -------------------------------------------------------------------

OUTAGE = 30.0
DEPENDENCY = "dependency"


def _shared_outage(play: Play) -> Figures:
    with arena.world(play.cluster, "outage") as world:
        world.apply(*_dependency())
        world.kubectl("rollout", "status", f"deployment/{DEPENDENCY}", "--timeout=120s")
        address = world.get("service", DEPENDENCY)["spec"]["clusterIP"]
        environment = {"ERROR_RATE": str(ERRORS), "DEPENDENCY": f"{address}:80"}
        arena.open_application(world, environment)
        arena.judged_by_evidence(world, initialTraffic=50, increments=[100], stepDuration="20s")
        _with_traffic(world, rate=30)
        arena.release(world, environment)
        since = arena.weight_reached(world, 50)
        world.until(lambda one: bool(arena.error_rate(one).get("evidence")), "the first counts")
        failed = _without_dependency(world)
        arena.promoted(world, limit=480)
        return {"failedInOutage": failed, "seconds": round(time.time() - since)}


def _without_dependency(world: World) -> int:
    """How many requests failed meanwhile."""
    load, start = world.loads["gateway"], time.time()
    world.kubectl("scale", f"deployment/{DEPENDENCY}", "--replicas=0")
    world.eventually(lambda: time.time() > start + OUTAGE, "the outage to pass", limit=2 * OUTAGE)
    world.kubectl("scale", f"deployment/{DEPENDENCY}", "--replicas=1")
    tally = load.since(start)
    assert len(tally.lost) > tally.sent / 2, f"no outage: {tally.describe_lost()}"
    return len(tally.lost)


def _dependency() -> tuple[Manifest, Manifest]:
    workload, service = manifests.deployment(OLD, replicas=1), manifests.service(DEPENDENCY)
    labels = {"app": DEPENDENCY}
    workload["metadata"]["name"] = DEPENDENCY
    workload["spec"]["selector"] = {"matchLabels": labels}
    workload["spec"]["template"]["metadata"] = {"labels": labels}
    service["spec"]["selector"] = labels
    return workload, service


# (d) counters that begin anew ------------------------------------------------------------------------------------

ENVOY = ("pod", "-n", "projectcontour", "-l", "app=envoy")
STEP = 200.0


def _counters_reset(play: Play) -> Figures:
    with arena.world(play.cluster, "reset") as world:
        environment = {"ERROR_RATE": str(ERRORS)}
        arena.open_application(world, environment)
        wanted = [{"metric": "errorRate", "margin": 50}]
        arena.judged_by_evidence(
            world, initialTraffic=50, increments=[100], stepDuration=f"{STEP:g}s", promotionCriteria=wanted
        )
        _with_traffic(world, rate=30)
        arena.release(world, environment)
        since = arena.weight_reached(world, 50)
        play.over("regression", "dead")
        assert time.time() < since + STEP, "the release went on before the restart: a longer step is needed"
        before = _evidence(world)
        _restart(world)
        later = lambda one: _blocks(one.release) > before["blocks"] + 3  # noqa: E731 - one use
        after = world.until(later, "blocks of the new counters", 120)
        assert after.weight == 50
        last = arena.promoted(world, limit=480)
        _assert_each_block_once(world)
        return {"blocksBefore": before["blocks"], "reason": last.last["reason"], "seconds": round(time.time() - since)}


def _evidence(world: World) -> Mapping[str, Any]:
    now = world.follow.now
    assert now is not None
    record: Mapping[str, Any] = now.release["evidence"]["metrics"]["errorRate"]
    return record


def _blocks(release: Mapping[str, Any]) -> int:
    record = release.get("evidence", {}).get("metrics", {}).get("errorRate", {})
    return int(record.get("blocks", 0))


def _restart(world: World) -> None:
    """Prometheus' process ends and comes back with its data; Envoy comes back with nothing."""
    pods = _names(world, "pods", "app=prometheus", "monitoring")
    started = _prometheus(world)["restartCount"]
    world.cluster.kubectl("delete", *ENVOY, "--wait=false")
    address = f"http://{_service_address(world)}:9090/-/quit"
    world.cluster.run("curl", "--silent", "--show-error", "--fail", "-X", "POST", address)
    back = lambda: _prometheus(world)["restartCount"] > started and _prometheus(world)["ready"]  # noqa: E731
    world.eventually(back, "Prometheus to be back", limit=90)
    assert _names(world, "pods", "app=prometheus", "monitoring") == pods, "its data went with its pod"
    start = time.time()
    load = world.loads["gateway"]
    world.eventually(lambda: sum(not one.lost for one in load.since(start).answers) > 50, "Envoy to be back", 90)


def _names(world: World, kind: str, labels: str, namespace: str) -> list[str]:
    answer = world.cluster.kubectl("get", kind, "-n", namespace, "-l", labels, "-o", "name")
    return answer.stdout.split()


def _service_address(world: World) -> str:
    found: Any = world.cluster.get("service", "prometheus", "-n", "monitoring")
    return str(found["spec"]["clusterIP"])


def _prometheus(world: World) -> Mapping[str, Any]:
    found: Any = world.cluster.get("pods", "-n", "monitoring", "-l", "app=prometheus")
    status: Mapping[str, Any] = found["items"][0]["status"]["containerStatuses"][0]
    return status


def _assert_each_block_once(world: World) -> None:
    """The positions only grow, and by whole blocks."""
    releases = [one.release for one in world.follow.seen[world.mark :] if _blocks(one.release)]
    records = [release["evidence"]["metrics"]["errorRate"] for release in releases]
    for earlier, record in pairwise(records):
        grown = record["blocks"] - earlier["blocks"]
        assert record["until"] >= earlier["until"]
        assert 0 <= grown <= round((record["until"] - earlier["until"]) / BLOCK), (earlier["until"], record["until"])


# (e) a canary that gets nothing ----------------------------------------------------------------------------------


def _dead(play: Play) -> Figures:
    with arena.world(play.cluster, "dead") as world:
        given = Given(world)
        given.application(OLD, replicas=2)
        world.apply(_bypass(world))
        arena.judged_by_evidence(world, initialTraffic=10, increments=[50, 100], stepDuration="10s")
        given.clients(rate=200, seconds=LONGEST)
        When(world).release(NEW)
        since = arena.weight_reached(world, 10)
        silent = world.until(lambda one: "no request reached" in str(arena.error_rate(one)), "words about silence", 90)
        world.eventually(lambda: bool(_alarms(world)), "the alarm", limit=120)
        row, now = arena.error_rate(silent), world.follow.now
        assert row["verdict"] == "NotEnoughData", row
        assert now is not None
        assert (now.phase, now.weight) == ("Progressing", 10), now.describe()
        arena.never_rolled_back(world)
        said = _alarms(world)[0]
        return {
            "silenceSeconds": round(silent.at - since, 1),
            "alarmSeconds": round(unix(said["eventTime"]) - since, 1),
            "alarm": said["note"],
        }


def _bypass(world: World) -> Manifest:
    """Somebody else's route of the same host: an exact path goes before our prefix, and to stable alone."""
    route = manifests.route(world.host)
    route["metadata"]["name"] = "somebody-elses"
    route["spec"]["rules"][0]["matches"] = [{"path": {"type": "Exact", "value": "/"}}]
    return route


def _alarms(world: World) -> list[Any]:
    return [one for one in world.list("events.events.k8s.io") if one["reason"] == "SampleRatioMismatch"]


# The tests -------------------------------------------------------------------------------------------------------

_ACTS = {
    "regression": _regression,
    "dead": _dead,
    "outage": _shared_outage,
    "alike": _alike,
    "reset": _counters_reset,
}


@pytest.fixture(scope="module")
def play(cluster: Cluster) -> Iterator[Play]:
    """Everything has begun."""
    made = Play(cluster)
    for name, act in _ACTS.items():
        made.begin(name, act)
    with made.pool:
        yield made


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str, Figures], None]:
    """Figures on the terminal, also of what passed, and in build/e2e/judge.json."""

    def tell(name: str, figures: Figures) -> None:
        FIGURES.parent.mkdir(parents=True, exist_ok=True)
        known = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
        FIGURES.write_text(json.dumps({**known, name: figures}, indent=2) + "\n")
        with capsys.disabled():
            print(f"\n{name}: {json.dumps(figures)}")

    return tell


Tell = Callable[[str, Figures], None]


def test_twice_the_errors_are_found_within_two_and_a_half_times_the_least_time(play: Play, tell: Tell) -> None:
    found = play.acts["regression"].result()
    tell("regression", found)
    assert found["weights"] == [SHARE]
    assert found["seconds"] <= 2.5 * found["boundSeconds"] + PIPELINE, found


def test_a_canary_that_gets_no_request_is_told_and_not_judged(play: Play, tell: Tell) -> None:
    found = play.acts["dead"].result()
    tell("dead", found)
    # Three whole blocks after the first edge of one, and the pipeline.
    assert found["silenceSeconds"] <= 3 * BLOCK + BLOCK + PIPELINE, found
    assert found["alarmSeconds"] <= 60, found


def test_a_shared_outage_rolls_nothing_back(play: Play, tell: Tell) -> None:
    found = play.acts["outage"].result()
    tell("outage", found)
    assert found["failedInOutage"] > 300


def test_ten_releases_that_change_nothing_are_all_promoted(play: Play, tell: Tell) -> None:
    found = play.acts["alike"].result()
    tell("alike", found)
    assert found["promoted"] == RELEASES


def test_counters_that_begin_anew_change_no_verdict(play: Play, tell: Tell) -> None:
    found = play.acts["reset"].result()
    tell("reset", found)
    assert found["blocksBefore"] > 10
