"""Newest wins, deaths are final, indexes follow."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from truststream.cluster import kinds
from truststream.cluster.cache import Cache


def pod(version: int, *, uid: str = "u1", owner: str = "rs1", **labels: str) -> dict[str, Any]:
    owners = [{"kind": "ReplicaSet", "name": "web-1", "uid": owner, "controller": True}]
    return {
        "metadata": {
            "name": "web", "namespace": "shop", "uid": uid, "resourceVersion": str(version),
            "labels": labels, "ownerReferences": owners,
        },
        "status": {},
    }  # fmt: skip


@given(st.permutations(list(range(1, 8))))
def test_the_newest_version_stays_whatever_the_order(order: list[int]) -> None:
    cache = Cache()
    for version in order:
        cache.put(kinds.POD, pod(version))
    found = cache.get(kinds.POD, "shop", "web")
    assert found is not None
    assert found["metadata"]["resourceVersion"] == "7"


def test_versions_are_numbers() -> None:
    cache = Cache()
    cache.put(kinds.POD, pod(9))
    assert cache.put(kinds.POD, pod(10))


def test_our_own_write_makes_its_event_no_news() -> None:
    cache = Cache()
    assert cache.put(kinds.POD, pod(5))
    assert not cache.put(kinds.POD, pod(5))


def test_a_late_event_does_not_bring_the_dead_back() -> None:
    cache = Cache()
    deployment = {**pod(5), "spec": {}}
    cache.put(kinds.DEPLOYMENT, deployment)
    assert cache.remove(kinds.DEPLOYMENT, deployment)
    assert not cache.put(kinds.DEPLOYMENT, {**pod(6), "spec": {}})
    assert cache.get(kinds.DEPLOYMENT, "shop", "web") is None


def test_a_successor_of_the_same_name_stays() -> None:
    cache = Cache()
    old, new = {**pod(5), "spec": {}}, {**pod(8, uid="u2"), "spec": {}}
    cache.put(kinds.DEPLOYMENT, old)
    cache.put(kinds.DEPLOYMENT, new)
    assert not cache.remove(kinds.DEPLOYMENT, old)
    assert cache.get(kinds.DEPLOYMENT, "shop", "web") is not None


def test_a_pod_that_left_the_watch_may_come_back() -> None:
    cache = Cache()
    cache.put(kinds.POD, pod(5))
    cache.remove(kinds.POD, pod(6))
    assert cache.put(kinds.POD, pod(7))


def test_the_index_follows_changes() -> None:
    cache = Cache()
    cache.put(kinds.POD, pod(5, owner="rs1"))
    cache.put(kinds.POD, pod(6, owner="rs2"))
    assert cache.indexed(kinds.POD, "shop", "rs1") == []
    assert [one["metadata"]["name"] for one in cache.indexed(kinds.POD, "shop", "rs2")] == ["web"]


def test_what_no_decision_needs_is_not_kept() -> None:
    cache = Cache()
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": []}}
    metadata = {
        **pod(5)["metadata"],
        "managedFields": [{"manager": "kubectl"}],
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{...}", "mine": "1"},
    }
    cache.put(kinds.REPLICA_SET, {"metadata": metadata, "spec": {"replicas": 1, "template": template}})
    found = cache.get(kinds.REPLICA_SET, "shop", "web")
    assert found is not None
    assert "managedFields" not in found["metadata"]
    assert "template" not in found["spec"]
    # A patch has to know that there are annotations, not what kubectl wrote there.
    assert found["metadata"]["annotations"] == {
        "kubectl.kubernetes.io/last-applied-configuration": "",
        "mine": "1",
    }
