"""The demo's acts, in order; each ends with a condition, none with a guess."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.cluster import Cluster, HarnessError, waiting
from tests.load import Load, Tally
from tests.product import Canary, Follow
from tests.product.audit import AuditLog
from tests.product.canary import unix

from . import example
from .example import Example
from .result import AS_APPLIED, Promoted, Result, RolledBack
from .screen import Screen
from .trouble import Trouble

RATE = 120
LONGEST = 420  # seconds that the client lives at most
SETTLED = 3.0  # seconds of traffic after an end that still count for it


class Story:
    """One run on one cluster."""

    def __init__(self, cluster: Cluster, manifests: Example, screen: Screen, started: float) -> None:
        self._cluster = cluster
        self._example = manifests
        self._screen = screen
        self._started = started

    def tell(self) -> Result:
        """All of it.

        Raises:
            Trouble: what did not happen, and where to look.
        """
        self._example.delete()
        self._example.apply_previous()
        with Follow(self._cluster, example.NAMESPACE, example.NAME, self._screen.show) as follow:
            self._adopt(follow)
            with self._traffic() as load:
                self._screen.load = load
                promoted = self._good(follow, load)
                rolled_back = self._bad(follow, load)
                self._revert(follow, load)
        self._wait_for_leaving()
        objects = self._example.differences() or AS_APPLIED
        return Result(promoted, rolled_back, objects, time.monotonic() - self._started)

    def _adopt(self, follow: Follow) -> None:
        self._screen.say(f"podinfo {example.BEFORE} is applied; waiting until it serves and is adopted")
        rolled = ("rollout", "status", f"deployment/{example.NAME}", "-n", example.NAMESPACE, "--timeout=90s")
        self._cluster.kubectl(*rolled)
        self._wait(follow, lambda seen: seen.is_true("Ready") and seen.phase == "Idle", "adoption", 60)
        waiting.until(self._answers, f"podinfo {example.BEFORE} to answer through the gateway", limit=30, pause=0.5)
        self._example.remember()

    def _answers(self) -> bool:
        """One request through the gateway."""
        with self._client(rate=1, seconds=1) as probe:
            waiting.until(lambda: not probe.running, "one answer", limit=20)
            tally = probe.stop()
        return tally.sent > 0 and not tally.lost

    def _client(self, rate: float, seconds: float) -> Load:
        gateway = self._cluster.addresses.gateway
        if gateway is None:
            raise Trouble("This cluster has no gateway: the demo needs one of the node size.")
        return Load(self._cluster, gateway + "/", host=example.HOST, rate=rate, seconds=seconds)

    def _traffic(self) -> Load:
        self._screen.say(f"{RATE} requests a second go through Envoy from now on")
        return self._client(RATE, LONGEST)

    def _good(self, follow: Follow, load: Load) -> Promoted:
        self._screen.say(f"Git says podinfo {example.GOOD}: kubectl apply -f examples/01-canary/2-application.yaml")
        start, begun, ended = follow.mark(), time.time(), _ended(follow)
        self._example.apply()
        last = self._wait(follow, lambda seen: seen.releases_ended > ended, "the promotion", 240, start, load)
        if last.last.get("outcome") != "Promoted":
            raise Trouble(
                f"The good release was not promoted but {last.last.get('outcome')}: {last.last.get('reason')}"
            )
        finished = time.time()
        tally = self._after(load, begun, finished + SETTLED)
        self._screen.say(f"promoted; {tally.describe_lost()}")
        return Promoted(
            weights=follow.weights(start),
            requests=tally.sent,
            lost=len(tally.lost),
            seconds=finished - begun,
            requests_per_second=tally.rate,
            proof=_proof(follow.seen[start:]),
            lost_examples=tally.describe_lost() if tally.lost else "",
        )

    def _after(self, load: Load, start: float, end: float) -> Tally:
        """Once the requests due until `end` have been sent; answers under way then belong to the next act."""
        waiting.until(lambda: time.time() > end or not load.running, "the last requests", limit=SETTLED + 5)
        return Tally.between(load.answers, start, end)

    def _bad(self, follow: Follow, load: Load) -> RolledBack:
        self._screen.say(f"Git says podinfo {example.BROKEN}, which fails now and then: kubectl apply -f …/broken")
        audit = AuditLog(self._cluster.audit_log, example.NAMESPACE)
        start, begun, ended = follow.mark(), time.time(), _ended(follow)
        self._example.apply_broken()
        last = self._wait(follow, lambda seen: seen.releases_ended > ended, "the rollback", 180, start, load)
        if last.last.get("outcome") != "RolledBack":
            raise Trouble(
                f"The bad release was not rolled back but {last.last.get('outcome')}: {last.last.get('reason')}"
            )
        seen = follow.seen[start:]
        verdict = next((one for one in seen if one.phase == "RollingBack"), last)
        decided = unix(verdict.release["weightSince"]) if verdict.release else verdict.at
        write = next(iter(audit.writes(decided)), None)
        self._screen.say(f"rolled back: {last.last.get('reason')}")
        return RolledBack(
            reason=str(last.last.get("reason", "")),
            detect_seconds=decided - _first_weight(seen, decided),
            route_seconds=(write.at if write else verdict.at) - decided,
            bad_responses=len(Tally.between(load.answers, begun).lost),
            first_write=str(write or "not known: this cluster has no audit log"),
        )

    def _revert(self, follow: Follow, load: Load) -> None:
        self._screen.say(
            f"Git is reverted to podinfo {example.GOOD}: kubectl apply -f examples/01-canary/2-application.yaml"
        )
        start = follow.mark()
        self._example.apply()
        self._wait(
            follow,
            lambda seen: seen.phase == "Idle" and seen.is_true("Ready"),
            "the hold to be lifted",
            60,
            start,
            load,
        )
        waiting.until(self._free, "the Deployment to run again", limit=30)
        self._screen.say("the hold is lifted; nothing rolled, nothing is left over")

    def _wait_for_leaving(self) -> None:
        """Pods of the canary may still be answering their last requests; what is not going stays for the comparison."""
        waiting.until(lambda: not self._example.leaving(), "the canary's last pods to go", limit=60, pause=0.5)

    def _free(self) -> bool:
        deployment = self._example.deployment()
        spec = deployment["spec"]
        assert isinstance(spec, dict)
        return not spec.get("paused")

    def _wait(
        self,
        follow: Follow,
        wanted: Callable[[Canary], object],
        what: str,
        limit: float,
        start: int | None = None,
        load: Load | None = None,
    ) -> Canary:
        def guard() -> None:
            if load is not None and not load.running:
                raise Trouble("The load client ended by itself; run it by hand to see why: python -m tests.load --help")

        try:
            return follow.until(wanted, what, limit=limit, start=start, guard=guard)
        except (AssertionError, HarnessError) as error:
            raise Trouble(str(error)) from error


def _ended(follow: Follow) -> int:
    now = follow.now
    return now.releases_ended if now else 0


def _proof(seen: list[Canary]) -> list[str]:
    """What every metric said when the last one was proven."""
    good = next((one for one in reversed(seen) if one.verdict == "Good" and one.metrics), None)
    return [f"{row['name']}: {row['message']}" for row in good.metrics] if good else []


def _first_weight(seen: list[Canary], otherwise: float) -> float:
    """When the release got its first requests; one that never did was caught before."""
    first = next((one for one in seen if one.weight > 0 and one.release.get("weightSince")), None)
    return unix(first.release["weightSince"]) if first else otherwise
