"""Event streams: who may listen, what is told when, and how streams end."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.fakes.serving_world import EVALUATE, World, manifest, request
from truststream.serving.base import Refused, Scope
from truststream.serving.http import events
from truststream.serving.http.events import ScopeTokens


class Stream:
    """A client of one stream, who reads and may go away."""

    def __init__(self, world: World, target: str, **headers: str) -> None:
        self._gone = asyncio.Event()
        self._got: asyncio.Queue[Any] = asyncio.Queue()
        self._first = True
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.task = asyncio.ensure_future(world.app(request("GET", target, named), self._receive, self._got.put))

    async def _receive(self) -> Any:
        if self._first:
            self._first = False
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def next(self) -> Any:
        return await asyncio.wait_for(self._got.get(), 5)

    async def text(self) -> str:
        message = await self.next()
        return str(message["body"].decode())

    @property
    def quiet(self) -> bool:
        return self._got.empty()

    async def leave(self) -> None:
        self._gone.set()
        await asyncio.wait_for(self.task, 5)


async def url(world: World, selector: str = "flagSetId=shop") -> str:
    answer = await world.post(EVALUATE, {}, {"flagd-selector": selector})
    (stream,) = answer.json["eventStreams"]
    assert (stream["type"], stream["inactivityDelaySec"] >= 1) == ("sse", True)
    return str(stream["endpoint"]["requestUri"])


async def opened(world: World, target: str, **headers: str) -> Stream:
    stream = Stream(world, target, **headers)
    start = await stream.next()
    assert start["status"] == 200
    assert dict(start["headers"])[b"content-type"].startswith(b"text/event-stream")
    return stream


def event(text: str) -> tuple[str, dict[str, Any]]:
    """Id and data."""
    fields = dict(line.split(": ", 1) for line in text.strip().splitlines() if line and not line.startswith("retry"))
    assert fields["event"] == "message"
    return fields["id"], json.loads(fields["data"])


async def test_a_change_is_told_and_only_to_its_namespace() -> None:
    world = World(anonymous=["*"])
    world.put(manifest("new"), manifest("far", "bank"))
    stream = await opened(world, await url(world))
    assert (await stream.text()).startswith("retry: ")
    world.put(manifest("far", "bank", defaultVariant="on"))
    await asyncio.sleep(0.01)
    assert stream.quiet
    world.put(manifest("new", defaultVariant="on"))
    name, data = event(await stream.text())
    assert data == {"type": "refetchEvaluation", "etag": f'"{name}"', "lastModified": int(world.clock.now)}
    assert world.streams.open == 1
    await stream.leave()
    assert world.streams.open == 0


async def test_who_comes_back_is_told_what_it_missed() -> None:
    world = World()
    world.put(manifest("new"))
    target = await url(world)
    stream = await opened(world, target)
    await stream.text()
    world.put(manifest("new", defaultVariant="on"))
    seen, _ = event(await stream.text())
    await stream.leave()
    again = await opened(world, target, last_event_id=seen)
    assert "refetch" not in await again.text()
    await again.leave()
    world.put(manifest("new"))
    late = await opened(world, target, last_event_id=seen)
    text = await late.text()
    assert event(text)[0] != seen
    await late.leave()


async def test_a_comment_keeps_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "KEEP_ALIVE", 0.01)
    world = World()
    stream = await opened(world, await url(world))
    await stream.text()
    assert (await stream.text()).startswith(":")
    await stream.leave()


async def test_stopping_ends_all_and_says_when_to_come_back() -> None:
    world = World()
    target = await url(world)
    stream = await opened(world, target)
    await stream.text()
    world.streams.stop()
    last = await stream.next()
    assert (last["body"].startswith(b"retry: "), last["more_body"]) == (True, False)
    await asyncio.wait_for(stream.task, 5)
    assert (await Stream(world, target).next())["status"] == 503


async def test_so_many_streams_and_no_more() -> None:
    world = World(limits={"streams": 1})
    target = await url(world)
    stream = await opened(world, target)
    refused = await Stream(world, target).next()
    assert (refused["status"], dict(refused["headers"])[b"retry-after"]) == (429, b"30")
    await stream.leave()
    await (await opened(world, target)).leave()


@pytest.mark.parametrize(("target", "status"), [
    ("/ofrep/v1/events", 400), ("/ofrep/v1/events?scope=", 400), ("/ofrep/v1/events?scope=shop/", 403),
    ("/ofrep/v1/events?scope=shop/.abc", 403), ("/ofrep/v1/events?scope=a&scope=b", 400),
    ("/ofrep/v1/events?scope=%ff%00", 403),
])  # fmt: skip
async def test_a_scope_that_nobody_signed_is_refused(target: str, status: int) -> None:
    answer = await Stream(World(), target).next()
    assert answer["status"] == status


def test_a_token_is_of_one_scope_and_one_key() -> None:
    tokens = ScopeTokens(b"one")
    signed = tokens.sign(Scope("shop", "production"))
    assert tokens.read(signed) == Scope("shop", "production")
    assert ScopeTokens(b"one").sign(Scope("shop", "production")) == signed
    signature = signed.rpartition(".")[2]
    for other, key in ((f"shop/.{signature}", b"one"), (f"bank/production.{signature}", b"one"), (signed, b"two")):
        with pytest.raises(Refused):
            ScopeTokens(key).read(other)
