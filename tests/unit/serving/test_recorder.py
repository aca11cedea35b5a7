"""What is counted grows with what exists, not with what callers make up."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from tests.fakes.serving_world import World, manifest
from truststream.flags.evaluation import Evaluation, Reason
from truststream.serving.base import Scope
from truststream.serving.recorder import FlagRecorder


async def test_environments_that_nobody_knows_count_as_none() -> None:
    world = World(environment="production", anonymous=["*"])
    world.put(manifest("new", environments={"staging": {"rolloutVariant": "on"}}), manifest("new", "bank"))
    recorder = FlagRecorder(CollectorRegistry(), None, scope=world.catalog.counted)
    for environment in ("staging", "production", *(f"made-up-{number}" for number in range(100))):
        recorder.synced(Scope("shop", environment), "provider", "agent")
        recorder.listed(Scope("shop", environment), {"new": Evaluation("new", True, "on", Reason.STATIC)})
    assert set(recorder.tallies.synced) == {Scope("shop", name) for name in ("staging", "production", "")}
    recorder.synced(Scope("bank", "staging"), "provider", "agent")
    assert Scope("bank") in recorder.tallies.synced, "another namespace's environment"


async def test_namespaces_without_flags_are_not_counted() -> None:
    world = World(anonymous=["*"])
    world.put(manifest("new"))
    recorder = FlagRecorder(CollectorRegistry(), None, scope=world.catalog.counted)
    for number in range(100):
        recorder.synced(Scope(f"made-up-{number}"), "provider", "agent")
        recorder.listed(Scope(f"made-up-{number}"), {})
    recorder.listed(Scope("shop"), {})
    assert recorder.tallies.synced == {}
    assert recorder.tallies.lists == {"shop": 1}
