"""One leads; another takes over when the first falls silent, and at once when it leaves."""

from __future__ import annotations

from typing import Any, cast

import pytest

from tests.fakes.api_server import FakeApiServer
from truststream.cluster import kinds
from truststream.cluster.client import Client
from truststream.errors import Conflict, Unavailable
from truststream.handlers import leader as module
from truststream.handlers.leader import Leader, Time


class Clock(Time):
    """Time that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.passed = 0.0

    def now(self) -> float:
        return 1000 + self.passed

    async def sleep(self, seconds: float) -> None:
        self.passed += seconds


class Server(FakeApiServer):
    """Refuses a patch that rests on an older version, as the real one does."""

    async def merge_patch(self, kind: str, namespace: str, name: str, patch: Any, **more: Any) -> Any:
        asked = patch["metadata"].pop("resourceVersion")
        found = self.peek(kind, namespace, name)
        if found is not None and found["metadata"]["resourceVersion"] != asked:
            raise Conflict("the object has been modified", status=409)
        return await super().merge_patch(kind, namespace, name, patch, **more)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def one(server: Server, identity: str, clock: Clock) -> Leader:
    return Leader(cast(Client, server), "ops", identity, clock)


def holder(server: Server) -> str:
    lease = server.peek(kinds.LEASE, "ops", "truststream")
    assert lease is not None
    return str(lease["spec"]["holderIdentity"])


async def test_the_first_one_leads(clock: Clock) -> None:
    server = Server()
    await one(server, "a", clock).acquire()
    assert holder(server) == "a"
    assert clock.passed == 0


async def test_a_silent_one_is_replaced_in_under_fifteen_seconds(clock: Clock) -> None:
    server = Server()
    await one(server, "a", clock).acquire()
    await one(server, "b", clock).acquire()
    assert holder(server) == "b"
    assert 12 < clock.passed < 15


async def test_one_that_leaves_is_replaced_at_once(clock: Clock) -> None:
    server = Server()
    first = one(server, "a", clock)
    await first.acquire()
    await first.release()
    await one(server, "b", clock).acquire()
    assert clock.passed == 0


async def test_a_restart_takes_its_own_lease_at_once(clock: Clock) -> None:
    server = Server()
    await one(server, "a", clock).acquire()
    await one(server, "a", clock).acquire()
    assert clock.passed == 0


async def test_without_renewal_it_stops_before_another_may_begin(clock: Clock) -> None:
    server = Server()
    first = one(server, "a", clock)
    await first.acquire()
    server.refuse[kinds.LEASE] = Unavailable("down")
    await first.hold()
    assert clock.passed < module.DURATION


async def test_it_stops_at_once_when_another_leads(clock: Clock) -> None:
    server = Server()
    first = one(server, "a", clock)
    await first.acquire()
    lease = server.peek(kinds.LEASE, "ops", "truststream")
    assert lease is not None
    server.put(kinds.LEASE, {**lease, "spec": {**lease["spec"], "holderIdentity": "b"}})
    await first.hold()
    assert clock.passed <= module.RENEW
