"""Good versions: nothing is lost, nothing leaks, nothing is left."""

from __future__ import annotations

from tests.product.canary import unix

from .scenario import GATEWAY, NEW, OLD, SECOND, SERVICE, Given, Then, When, said
from .world import World


def test_a_good_version_is_promoted_without_a_lost_request(given: Given, when: When, then: Then, world: World) -> None:
    given.application(OLD)
    given.canary()
    load = given.clients(rate=115)
    when.release(NEW)
    then.promoted(NEW)
    then.still_served_by(NEW)
    assert then.weights() == [20, 50, 100]
    then.none_lost(rate=100)
    first = next(one for one in world.follow.seen[world.mark :] if one.weight)
    then.only_served_by(OLD, until=unix(first.release["weightSince"]) - 1)
    at_half = [one.at for one in world.follow.seen[world.mark :] if one.weight == 50]
    during = [answer for answer in load.answers if at_half[0] + 1 < answer.at < at_half[-1]]
    share = 100 * sum(answer.version == said(NEW) for answer in during) / len(during)
    assert 35 < share < 65, f"{share:.0f} % of {len(during)} requests went to the canary at weight 50"


def test_clients_of_the_services_never_reach_a_version_before_its_time(
    given: Given, when: When, then: Then, world: World
) -> None:
    """Neither by the Service's ClusterIP nor by a second Service that selects the same pods."""
    given.application(OLD, second_service=True)
    given.canary()
    given.clients(GATEWAY)
    for service in (SERVICE, SECOND):
        given.clients(service, rate=20)
    when.release(NEW)
    when.weight_reached(50)
    all_requests = when.weight_reached(100, limit=150)
    for service in (SERVICE, SECOND):
        then.only_served_by(OLD, service, until=all_requests.at)
    then.promoted(NEW)
    for service in (SERVICE, SECOND):
        then.still_served_by(NEW, service, requests=40)
    then.none_lost()
    writes = list(map(str, world.audit.writes(0)))
    canary = writes.index("create deployments podinfo-canary")
    assert max(writes.index(f"patch services {service}") for service in (SERVICE, SECOND)) < canary, writes


def test_the_namespace_has_only_the_users_own_objects_before_a_release(given: Given, then: Then, world: World) -> None:
    given.application(OLD)
    before = world.get("service")["spec"], world.get("httproute")["spec"], then.deployment()["spec"]
    given.canary()
    assert before == (world.get("service")["spec"], world.get("httproute")["spec"], then.deployment()["spec"])
    assert then.deployment()["metadata"]["labels"]["truststream.dev/canary"] == "enabled"
    then.nothing_left()
