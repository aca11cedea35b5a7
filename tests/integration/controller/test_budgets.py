"""What a release costs the API server, by its own audit log."""

from __future__ import annotations

from collections import Counter

from tests.integration.controller.audit import Audit, Request
from tests.integration.controller.operator_process import pause
from tests.integration.controller.shop import Shop

ROUTE, STATUS, EVENT = "patch httproutes", "patch canarydeployments/status", "create events"


def test_idle_asks_nothing(shop: Shop, audit: Audit) -> None:
    shop.open()
    pause(3)
    audit.mark()
    pause(15)
    assert audit.requests() == []


def test_a_step_is_one_route_one_status_one_event(shop: Shop, audit: Audit) -> None:
    # Looks far apart, so that none falls between the steps' own writes.
    shop.open(increments=[20, 30, 100], stepDuration="6s", analysis={"interval": "5s"})
    shop.release("web:2")
    shop.wait_weight(10)
    pause(1)
    audit.mark()
    shop.wait_weight(20)
    pause(1)
    counted = audit.count(shop.namespace)
    looks = 2
    assert counted[ROUTE] == 1
    assert counted[EVENT] == 1
    assert counted[STATUS] <= 1 + looks
    assert counted["patch deployments/scale"] <= 1
    assert set(counted) <= {ROUTE, STATUS, EVENT, "patch deployments/scale"}, counted


def test_a_rollback_writes_the_route_first(shop: Shop, audit: Audit) -> None:
    shop.open(initialTraffic=20, stepDuration="60s")
    shop.release("web:2", bad=0.0)
    shop.wait_weight(20)
    shop.traffic.flow(shop.namespace, "web-canary", rate=200, bad=0.9)
    audit.mark()
    shop.wait_phase("RollingBack", "Failed")
    writes = _after_last_look(audit.writes(shop.namespace))
    assert writes[0].resource == "httproutes", writes
    status = next(index for index, one in enumerate(writes) if one.resource == "canarydeployments/status")
    assert Counter(one.resource for one in writes[:status]) == {"httproutes": 1}, writes


def _after_last_look(writes: list[Request]) -> list[Request]:
    """Without the status of looks before the verdict."""
    first = next(index for index, one in enumerate(writes) if one.resource != "canarydeployments/status")
    return writes[first:]
