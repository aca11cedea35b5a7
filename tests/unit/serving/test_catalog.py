"""The catalog: what it serves after changes, who is told, and what it serves while the watch is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.fakes.serving_world import Clock, manifest, segments
from truststream.cluster.kinds import FEATURE_FLAG, SEGMENTS
from truststream.flags.build import build
from truststream.serving.base import Scope
from truststream.serving.catalog import FlagCatalog

SHOP = Scope("shop")


class Filled:
    """A catalog that was listed, with a clock of its own."""

    def __init__(self, *manifests: dict[str, Any]) -> None:
        self.clock = Clock()
        self.catalog = FlagCatalog(build, clock=self.clock)
        self.catalog.expect("flags")
        self.catalog.replace(FEATURE_FLAG, None, manifests)
        self.catalog.held("flags")

    def change(self, kind: str, what: str, obj: dict[str, Any]) -> None:
        self.catalog.apply(kind, {"type": what, "object": obj})
        self.catalog.flush()

    def variant(self, key: str = "new", scope: Scope = SHOP, **context: Any) -> str:
        return self.catalog.flags(scope).evaluate(key, context, self.clock()).variant


@asynccontextmanager
async def told(catalog: FlagCatalog, namespace: str = "shop") -> AsyncIterator[asyncio.Task[None]]:
    """A task that is done once a listener was told."""
    with catalog.subscribe(namespace) as listener:
        task = asyncio.create_task(listener.changed())
        await asyncio.sleep(0)
        yield task
        task.cancel()


async def test_is_ready_once_all_that_it_waits_for_was_listed() -> None:
    catalog = FlagCatalog(build)
    for watch in ("flags", "segments"):
        catalog.expect(watch)
    catalog.replace(FEATURE_FLAG, None, [manifest("new")])
    catalog.held("flags")
    assert not catalog.ready
    catalog.held("segments")
    assert catalog.ready
    assert list(catalog.flags(SHOP).flags) == ["new"]


async def test_a_change_is_served_soon_by_itself_and_told() -> None:
    filled = Filled(manifest("new"))
    assert filled.variant() == "off"
    async with told(filled.catalog) as task:
        filled.catalog.apply(FEATURE_FLAG, {"type": "MODIFIED", "object": manifest("new", defaultVariant="on")})
        await asyncio.wait_for(task, 5)
    assert filled.variant() == "on"


async def test_a_status_that_changes_no_answer_is_not_told_and_not_built() -> None:
    filled = Filled(manifest("new"))
    before = filled.catalog.flags(SHOP)
    async with told(filled.catalog) as task:
        filled.change(FEATURE_FLAG, "MODIFIED", {**manifest("new"), "status": {"usage": {"evaluations": 5}}})
        filled.change(FEATURE_FLAG, "MODIFIED", manifest("new", description="another"))
        await asyncio.sleep(0)
        assert not task.done()
    assert filled.catalog.flags(SHOP).version == before.version


async def test_another_namespace_is_not_told() -> None:
    filled = Filled(manifest("new"))
    async with told(filled.catalog, "bank") as task:
        filled.change(FEATURE_FLAG, "MODIFIED", manifest("new", defaultVariant="on"))
        await asyncio.sleep(0)
        assert not task.done()


async def test_deleted_flags_are_gone_but_not_for_the_end_of_an_earlier_one_of_their_name() -> None:
    filled = Filled(manifest("new"))
    late = manifest("new")
    late["metadata"]["uid"] = "an earlier one"
    filled.change(FEATURE_FLAG, "DELETED", late)
    assert list(filled.catalog.flags(SHOP).flags) == ["new"]
    filled.change(FEATURE_FLAG, "DELETED", manifest("new"))
    assert not filled.catalog.flags(SHOP).flags


async def test_what_a_new_list_does_not_name_is_gone() -> None:
    filled = Filled(manifest("new"), manifest("old"), manifest("far", namespace="bank"))
    filled.catalog.replace(FEATURE_FLAG, "shop", [manifest("new")])
    filled.catalog.flush()
    assert list(filled.catalog.flags(SHOP).flags) == ["new"]
    assert list(filled.catalog.flags(Scope("bank")).flags) == ["far"]
    filled.catalog.replace(FEATURE_FLAG, None, [])
    filled.catalog.flush()
    assert not filled.catalog.flags(Scope("bank")).flags


async def test_a_lost_watch_is_told_and_forgets_nothing() -> None:
    filled = Filled(manifest("new"))
    assert filled.catalog.stale_since is None
    filled.catalog.lost("flags")
    filled.clock.now += 60
    filled.catalog.lost("flags")
    assert filled.catalog.stale_since == filled.clock.now - 60
    assert filled.variant() == "off"
    filled.catalog.held("flags")
    assert filled.catalog.stale_since is None


async def test_a_schedule_is_told_at_its_boundary(monkeypatch: pytest.MonkeyPatch) -> None:
    soon = {"at": "2027-01-15T08:00:01Z", "defaultVariant": "on"}
    filled = Filled(manifest("new", schedule=[soon]))
    before = filled.catalog.flags(SHOP)
    assert filled.variant() == "off"
    async with told(filled.catalog) as task:
        assert before.next_change == filled.clock.now + 1
        filled.clock.now += 0.9995  # the timer is set when something is built
        filled.change(FEATURE_FLAG, "ADDED", manifest("other"))
        await asyncio.wait_for(task, 5)
        filled.clock.now += 0.001
        with filled.catalog.subscribe("shop") as listener:
            await asyncio.wait_for(listener.changed(), 5)
    assert filled.variant() == "on"
    assert filled.catalog.flags(SHOP).version != before.version
    filled.catalog.close()


async def test_environments_that_no_flag_names_share_the_flags_of_the_spec_and_are_few() -> None:
    filled = Filled(manifest("new", environments={"production": {"defaultVariant": "on"}}))
    assert filled.variant(scope=Scope("shop", "production")) == "on"
    plain = filled.catalog.flags(SHOP)
    made = [filled.catalog.flags(Scope("shop", f"made-up-{index}")) for index in range(200)]
    assert all(one.flags["new"] is plain.flags["new"] for one in made)
    assert len({one.version for one in (plain, *made)}) == 201
    assert len(filled.catalog._namespaces["shop"]._unnamed) == 64
    filled.change(FEATURE_FLAG, "MODIFIED", manifest("new", environments={"made-up-7": {"defaultVariant": "on"}}))
    assert filled.variant(scope=Scope("shop", "made-up-7")) == "on"
    assert filled.variant(scope=Scope("shop", "production")) == "off"


async def test_segments_come_and_change_and_are_kept_while_a_flag_uses_one_that_is_gone() -> None:
    rule = {"name": "staff", "conditions": [{"operator": "InSegment", "value": "staff"}], "variant": "on"}
    filled = Filled(manifest("new", rules=[rule]))
    assert not filled.catalog.flags(SHOP).flags
    filled.change(SEGMENTS, "ADDED", segments("people", staff="included: [ann]"))
    assert filled.variant(targetingKey="ann") == "on"
    filled.change(SEGMENTS, "MODIFIED", segments("people", staff="included: [bob]"))
    assert (filled.variant(targetingKey="ann"), filled.variant(targetingKey="bob")) == ("off", "on")
    filled.change(SEGMENTS, "DELETED", segments("people"))
    assert filled.variant(targetingKey="bob") == "on"
    assert [problem.reason for problem in filled.catalog.flags(SHOP).problems["new"]] == ["UnknownSegment"]


async def test_a_segment_that_cannot_be_read_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    filled = Filled(manifest("new"))
    filled.change(SEGMENTS, "ADDED", segments("people", staff="included: 7", good="included: [a]"))
    assert list(filled.catalog.warnings()) == ["shop"]
    assert "ConfigMap people: staff: included" in filled.catalog.warnings()["shop"][0]
    filled.change(FEATURE_FLAG, "MODIFIED", manifest("new", defaultVariant="on"))
    assert caplog.text.count("ConfigMap people: staff") == 1


async def test_an_object_of_no_known_shape_is_left_out_and_said(caplog: pytest.LogCaptureFixture) -> None:
    filled = Filled(manifest("new"))
    filled.change(SEGMENTS, "ADDED", {"metadata": {"namespace": "shop"}})
    filled.change(FEATURE_FLAG, "ADDED", {**manifest("odd"), "status": "?"})
    filled.catalog.replace(FEATURE_FLAG, None, [manifest("new"), {"metadata": {"name": "odd", "generation": "x"}}])
    assert list(filled.catalog.flags(SHOP).flags) == ["new"]
    assert caplog.text.count("cannot be read") == 3


async def test_a_mistake_of_ours_in_one_namespace_keeps_its_last_flags_and_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken: set[str] = set()

    def sometimes(*args: Any, **named: Any) -> Any:
        if named["namespace"] in broken:
            raise RuntimeError("a mistake")
        return build(*args, **named)

    catalog = FlagCatalog(sometimes)
    catalog.expect("flags")
    catalog.replace(FEATURE_FLAG, None, [manifest("a", "bank"), manifest("b", "shop")])
    catalog.held("flags")
    broken.add("bank")
    catalog.replace(FEATURE_FLAG, None, [manifest("a", "bank", defaultVariant="on"), manifest("c", "shop")])
    catalog.flush()
    assert list(catalog.flags(SHOP).flags) == ["c"]
    assert catalog.flags(Scope("bank")).evaluate("a", {}, 0.0).variant == "off"
    assert "namespace bank were not built" in caplog.text


async def test_everybody_is_told_when_all_is_announced() -> None:
    filled = Filled(manifest("new"))
    async with told(filled.catalog) as first, told(filled.catalog, "bank") as second:
        filled.catalog.announce()
        await asyncio.wait_for(asyncio.gather(first, second), 5)
