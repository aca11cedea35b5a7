"""What the providers rest on in the operator's own client: a patch that no longer fits is a Conflict."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest

from tests.cluster import Cluster
from tests.contract.traffic import manifests as m
from tests.contract.traffic.cases import CASES, Stage, stage
from tests.contract.traffic.world import Watched
from tests.integration.traffic.real import Kubectl, RealWorld
from truststream.cluster.client import Client
from truststream.cluster.connection import connect
from truststream.errors import Conflict, Invalid
from truststream.traffic.base import Manifest, PatchOp


class ThroughClient(Kubectl):
    """Reads by kubectl, writes as the operator does."""

    def __init__(self, cluster: Cluster, client: Client) -> None:
        super().__init__(cluster)
        self._client = client

    async def json_patch(
        self, kind: str, namespace: str, name: str, ops: Sequence[PatchOp], *, subresource: str | None = None
    ) -> Manifest:
        return await self._client.json_patch(kind, namespace, name, ops, subresource=subresource)


@pytest.fixture
async def at(world: RealWorld, cluster: Cluster) -> AsyncIterator[Stage]:
    client = Client(await connect(str(cluster.kubeconfig), user=""))
    world.objects = Watched(ThroughClient(cluster, client))
    yield stage(world, CASES["GatewayAPI"])
    await client.close()


@pytest.mark.parametrize("path", ["/spec/rules/0/backendRefs/0/name", "/spec/rules/5/backendRefs/0/name"])
async def test_a_test_that_does_not_hold_is_a_conflict(at: Stage, path: str) -> None:
    with pytest.raises(Conflict):
        await at.world.objects.json_patch(*at.case.touched(at.world), [{"op": "test", "path": path, "value": "x"}])


async def test_a_rejected_object_is_invalid(at: Stage) -> None:
    weight: PatchOp = {"op": "add", "path": "/spec/rules/0/backendRefs/0/weight", "value": -1}
    with pytest.raises(Invalid):
        await at.world.objects.json_patch(*at.case.touched(at.world), [weight])


async def test_a_rollback_behind_a_lagging_cache(at: Stage) -> None:
    split = await at.begin()
    await at.provider.set_weight(split, 10)
    key = at.case.touched(at.world)
    at.world.objects.lag(*key)
    at.world.edit(*key, lambda route: route["spec"]["rules"].insert(0, m.rule(m.backend(m.STABLE), prefix="/new")))
    await at.provider.set_weight(split, 0)
    assert [ref.get("weight") for ref in at.spec()["rules"][1]["backendRefs"]] == [1, 0]
