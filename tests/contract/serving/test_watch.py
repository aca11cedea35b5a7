"""The watch against an API server on loopback: it follows, resumes, lists again, and never gives up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.kube_http import KubeHttp
from tests.fakes.serving_world import manifest, segments
from truststream.cluster import watch as watching
from truststream.cluster.connection import connect
from truststream.cluster.watch import Backoff, Watch
from truststream.flags.build import build
from truststream.serving.base import Scope
from truststream.serving.catalog import WATCHED, FlagCatalog


class Followed:
    """A catalog fed by real watches of a cluster."""

    def __init__(self, kube: KubeHttp, catalog: FlagCatalog) -> None:
        self.kube = kube
        self.catalog = catalog

    def keys(self, namespace: str = "shop") -> list[str]:
        return list(self.catalog.flags(Scope(namespace)).flags)

    def value(self) -> Any:
        return self.catalog.flags(Scope("shop")).evaluate("new", {"targetingKey": "ann"}, 0.0).value


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - a condition of any kind, seen from outside
            await asyncio.sleep(0.01)


@asynccontextmanager
async def following(folder: Path, *flags: dict[str, Any], namespaces: tuple[str | None, ...] = (None,), page: int = 500
                    ) -> AsyncIterator[Followed]:  # fmt: skip
    kube = KubeHttp()
    kube.page = page
    for one in flags:
        kube.put("featureflags", one)
    await kube.start()
    connection = await connect(str(kube.kubeconfig(folder)), "")
    catalog = FlagCatalog(build)
    backoff = Backoff(0.02, 0.1)
    watches = [
        Watch(connection, kind, catalog, namespace=one, backoff=backoff) for kind in WATCHED for one in namespaces
    ]
    tasks = [asyncio.create_task(one.run()) for one in watches]
    try:
        await asyncio.wait_for(catalog.wait_ready(), 20)
        yield Followed(kube, catalog)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        catalog.close()
        await kube.stop()


async def test_it_follows_flags_and_segments(tmp_path: Path) -> None:
    rule = {"name": "staff", "conditions": [{"operator": "InSegment", "value": "staff"}], "variant": "on"}
    async with following(tmp_path, manifest("new")) as world:
        assert world.keys() == ["new"]
        world.kube.put("configmaps", segments("people", staff="included: [ann]"))
        world.kube.put("featureflags", manifest("new", rules=[rule]))
        await until(lambda: world.value() is True)
        world.kube.remove("featureflags", "shop", "new")
        await until(lambda: world.keys() == [])
        assert world.kube.requests.count("list featureflags") == 1
        assert world.kube.requests.count("watch featureflags") == 1


async def test_many_flags_come_in_pages(tmp_path: Path) -> None:
    async with following(tmp_path, *(manifest(f"flag-{n}") for n in range(7)), page=3) as world:
        assert len(world.keys()) == 7
        assert world.kube.requests.count("list featureflags") == 3


async def test_only_the_namespaces_that_were_asked_for(tmp_path: Path) -> None:
    flags = [manifest(name, name) for name in ("shop", "bank", "other")]
    async with following(tmp_path, *flags, namespaces=("shop", "bank")) as world:
        assert [world.keys(one) for one in ("shop", "bank", "other")] == [["shop"], ["bank"], []]
        world.kube.put("featureflags", manifest("more", "bank"))
        world.kube.put("featureflags", manifest("more", "other"))
        await until(lambda: world.keys("bank") == ["bank", "more"])
        assert world.keys("other") == []


async def test_a_watch_that_ends_is_resumed_where_it_was(tmp_path: Path) -> None:
    async with following(tmp_path, manifest("new")) as world:
        world.kube.bookmark()
        world.kube.end_watches()
        world.kube.put("featureflags", manifest("more"))
        await until(lambda: world.keys() == ["more", "new"])
        assert world.kube.requests.count("list featureflags") == 1
        assert world.catalog.stale_since is None


async def test_what_vanished_while_the_place_was_lost_is_noticed(tmp_path: Path) -> None:
    async with following(tmp_path, manifest("new"), manifest("old")) as world:
        world.kube.remove("featureflags", "shop", "old", silently=True)
        world.kube.forget()
        world.kube.end_watches()
        await until(lambda: world.keys() == ["new"])
        assert world.kube.requests.count("list featureflags") == 2
        world.kube.put("featureflags", manifest("more"))
        await until(lambda: world.keys() == ["more", "new"])


async def test_while_the_api_server_is_away_the_last_known_is_served(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with following(tmp_path, manifest("new")) as world:
        await world.kube.stop()
        await until(lambda: world.catalog.stale_since is not None)
        assert world.keys() == ["new"]
        world.kube.put("featureflags", manifest("new", defaultVariant="on"))
        await world.kube.start()
        await until(lambda: world.value() is True and world.catalog.stale_since is None)
        assert caplog.text.count("is lost, the last known is served") <= 4  # a sentence each, not one an attempt


async def test_a_silent_connection_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_SILENCE", 0.1)
    async with following(tmp_path, manifest("new")) as world:
        await until(lambda: world.kube.requests.count("watch featureflags") > 2)
        assert world.catalog.stale_since is None
        world.kube.put("featureflags", manifest("more"))
        await until(lambda: world.keys() == ["more", "new"])
        assert world.kube.requests.count("list featureflags") == 1
