"""Usage: who is asked, what is believed, and how seldom it is written."""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry

from tests.fakes.flags import flag
from tests.unit.handlers.flags_world import START, FlagWorld
from truststream.cluster import kinds
from truststream.errors import ServingError
from truststream.flags.evaluation import Evaluation, Reason
from truststream.flags.life.reporting import minute, stamp
from truststream.flags.life.usage import Report, report_of
from truststream.handlers.usage import Address, Servers, UsageReader, addresses_of
from truststream.handlers.usage_keeper import SYNCED_LAG
from truststream.serving.base import Scope
from truststream.serving.recorder import FlagRecorder

TURN = 600.0


def report(count: int, *, process: str = "a", flag: str = "beta", synced: float | None = None) -> Report:
    variants = {"on": {"evaluations": count, "lastUsed": START}}
    counted = [{"namespace": "shop", "flag": flag, "variants": variants}] if count else []
    held = [{"namespace": "shop", "at": synced}] if synced else []
    return report_of({"process": process, "started": START, "flags": counted, "synced": held})


async def turns(world: FlagWorld) -> list[str]:
    """Whose turn it is, each taken at once; then the reviews."""
    given = []
    while world.keeper._turns:
        key, _ = world.keeper._turns.popitem(last=False)
        world.keeper._allowed.add(key)
        world.queued.append(key)
        given.append(key[1])
    await world.settle()
    return given


async def counting() -> FlagWorld:
    """A flag whose usage is written."""
    world = FlagWorld()
    world.flag("beta")
    await world.settle()
    world.keeper.absorb([report(3)], complete=True)
    assert await turns(world) == ["beta"]
    assert world.status("beta")["usage"]["evaluations"] == 3
    world.server.requests.clear()
    return world


async def test_it_is_written_every_ten_minutes_at_most() -> None:
    world = await counting()
    for count in (4, 5, 6):
        world.clock.now += 60
        world.keeper.absorb([report(count)], complete=True)
        assert await turns(world) == []
    world.clock.now += TURN
    world.keeper.absorb([report(7)], complete=True)
    assert await turns(world) == ["beta"]
    assert world.status("beta")["usage"]["evaluations"] == 7
    assert world.server.writes() == ["PATCH FeatureFlag/status"]


async def test_time_alone_writes_nothing() -> None:
    world = await counting()
    for _ in range(20):
        world.clock.now += TURN
        world.keeper.absorb([report(3, synced=world.clock.now)], complete=True)
        if world.clock.now - START < 2 * TURN:
            await turns(world)  # that somebody holds it at all is news
            world.server.requests.clear()
        assert await turns(world) == []
    assert world.server.requests == []
    world.clock.now += SYNCED_LAG
    world.keeper.absorb([report(3, synced=world.clock.now)], complete=True)
    assert await turns(world) == ["beta"]
    assert world.status("beta")["usage"]["lastSynced"] == minute(world.clock.now)


async def test_a_flag_that_nobody_uses_is_written_once() -> None:
    world = FlagWorld()
    world.flag("unused")
    await world.settle()
    for _ in range(5):
        world.keeper.absorb([report(0)], complete=True)
        await turns(world)
        world.clock.now += TURN
    usage = world.status("unused")["usage"]
    assert (usage["since"], usage["evaluations"]) == (stamp(START), 0)
    assert world.server.writes() == ["PATCH FeatureFlag/status"] * 2


async def test_without_servers_nothing_is_known_and_nothing_written() -> None:
    world = FlagWorld()
    world.flag("beta")
    await world.settle()
    world.server.requests.clear()
    world.keeper.absorb([], complete=False)
    assert await turns(world) == []
    assert world.keeper.usage("shop", "beta") is None
    assert world.server.requests == []


async def test_servers_that_do_not_all_tell_prove_nothing_by_their_silence() -> None:
    world = await counting()
    until = world.keeper.counted_until
    world.clock.now += 60
    assert not world.keeper.absorb([report(4)], complete=False)
    assert world.keeper.counted_until == until


async def test_another_change_takes_the_counts_along() -> None:
    world = await counting()
    world.clock.now += 60
    world.keeper.absorb([report(9)], complete=True)
    world.flag("beta", generation=2, owner="team-a")
    await world.settle()
    assert world.status("beta")["usage"]["evaluations"] == 9
    assert world.server.writes() == ["PATCH FeatureFlag/status"]


async def test_a_flag_made_anew_counts_from_zero() -> None:
    world = await counting()
    world.remove(kinds.FEATURE_FLAG, "beta")
    await world.settle()
    world.put(kinds.FEATURE_FLAG, {
        "metadata": {"name": "beta", "namespace": "shop", "generation": 1, "uid": "another"},
        "spec": {"type": "Boolean", "variants": {"on": True}, "defaultVariant": "on"},
    })  # fmt: skip
    await world.settle()
    world.keeper.absorb([report(5)], complete=True)
    usage = world.keeper.usage("shop", "beta")
    assert usage is not None
    assert usage.evaluations == 2


async def test_turns_are_apart() -> None:
    world = FlagWorld()
    for name in ("a", "b"):
        world.flag(name)
    await world.settle()
    world.keeper.absorb([report(1, flag="a"), report(1, flag="b", process="p")], complete=True)
    given: list[Any] = []
    task = asyncio.create_task(world.keeper.take_turns(given.append))
    await asyncio.sleep(0.01)
    assert given == [("shop", "a")], "the next one a second later"
    task.cancel()


def test_what_a_server_tells_is_a_report() -> None:
    registry, scope = CollectorRegistry(), Scope("shop", "prod")
    recorder, one = FlagRecorder(registry, None), flag("beta", True)
    recorder.evaluated(scope, one, Evaluation("beta", True, "it", Reason.STATIC, unit_missing=True), {})
    recorder.synced(scope, "provider", "agent")
    told = report_of(json.loads(json.dumps(recorder.tallies.usage())))
    assert (told.process, told.started) == (recorder.tallies.process, recorder.tallies.started)
    (count,) = told.flags
    assert (count.namespace, count.flag, count.without_unit) == ("shop", "beta", 1)
    assert count.variants["it"].evaluations == 1
    assert [(one.namespace, one.environment) for one in told.synced] == [("shop", "prod")]


def endpoint_slice(*endpoints: dict[str, Any], protocol: str | None = None) -> dict[str, Any]:
    labels = {"kubernetes.io/service-name": "truststream-server"}
    port = {"name": "ofrep", "port": 8016, **({"appProtocol": protocol} if protocol else {})}
    return {
        "metadata": {"name": "s", "namespace": "ops", "labels": labels},
        "ports": [{"name": "sync", "port": 8015}, port],
        "endpoints": list(endpoints),
    }


def test_whom_to_ask() -> None:
    found = addresses_of(
        endpoint_slice(
            {"addresses": ["10.0.0.1"], "conditions": {"ready": True}},
            {"addresses": ["10.0.0.2"]},
            {"addresses": ["10.0.0.3"], "conditions": {"ready": False}},
            {"addresses": ["10.0.0.4"], "conditions": {"ready": False, "serving": True, "terminating": True}},
            {"addresses": ["fd00::5"], "conditions": {"ready": True}},
        )
    )
    assert list(found) == [
        Address("http://10.0.0.1:8016"),
        Address("http://10.0.0.2:8016"),
        Address("http://10.0.0.4:8016", ready=False),
        Address("http://[fd00::5]:8016"),
    ]
    secure = endpoint_slice({"addresses": ["10.0.0.1"]}, protocol="https")
    assert list(addresses_of(secure)) == [Address("https://10.0.0.1:8016")]
    assert list(addresses_of({**secure, "ports": [{"port": 80}]})) == []


@asynccontextmanager
async def server(
    answer: Any, status: int = 200, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[str, list[str]]]:
    """Its URL, and the tokens that it was shown."""
    tokens: list[str] = []

    async def usage(request: web.Request) -> web.Response:
        tokens.append(request.headers.get("Authorization", ""))
        return web.json_response(answer, status=status)

    app = web.Application()
    app.add_routes([web.get("/v1/usage", usage)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}", tokens
    finally:
        await runner.cleanup()


def reader(world: FlagWorld, file: Path, *urls: str) -> UsageReader:
    servers = Servers("ops", urls=urls, token=file)
    return UsageReader(world.cache, world.keeper, servers, world.telemetry.usage_asked)


async def test_all_are_asked_with_the_token(tmp_path: Path) -> None:
    world, file = FlagWorld(), tmp_path / "token"
    file.write_text("secret\n")
    good = {"process": "a", "started": START, "flags": [], "synced": []}
    async with server(good) as (one, shown), server({"error": "no"}, 403) as (other, _):
        assert not await reader(world, file, one, other).ask()
        assert world.keeper.counted_until is None, "one did not tell"
        assert await reader(world, file, one).ask(), "the first time that all did"
        assert not await reader(world, file, one).ask()
    assert shown == ["Bearer secret"] * 3
    assert 'truststream_usage_reports_total{outcome="failed"} 1.0' in world.telemetry.text().decode()


def certificate(name: str, directory: Path) -> tuple[Path, ssl.SSLContext]:
    """Signed by itself, and a server's context with it."""
    crt, key = directory / "crt", directory / "key"
    made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(key)]
    names = ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-out", str(crt)]
    subprocess.run(["openssl", "req", "-x509", *made, "-days", "2", *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, key)
    return crt, context


@pytest.mark.parametrize(("name", "heard"), [("truststream-server.ops.svc", True), ("somebody.else", False)])
async def test_a_pod_is_asked_by_address_and_known_by_the_name_of_the_service(
    name: str, heard: bool, tmp_path: Path
) -> None:
    world, file, (crt, context) = FlagWorld(), tmp_path / "token", certificate(name, tmp_path)
    file.write_text("secret")
    async with server({"process": "a", "started": START}, tls=context) as (url, shown):
        servers = Servers("ops", urls=(url,), token=file, authority=crt)
        assert await UsageReader(world.cache, world.keeper, servers, world.telemetry.usage_asked).ask() is heard
    assert bool(shown) is heard, "no token for a stranger"


async def test_an_authority_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("secret")
    servers, world = Servers("ops", urls=("https://127.0.0.1:9",), token=file, authority=tmp_path / "none"), FlagWorld()
    with pytest.raises(ServingError, match="--server-ca"):
        await UsageReader(world.cache, world.keeper, servers, world.telemetry.usage_asked).ask()


@pytest.mark.parametrize("answer", [[], {"process": 1}, {"process": "a", "started": START, "flags": [{}]}])
async def test_nonsense_is_no_report(answer: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    world, file = FlagWorld(), tmp_path / "token"
    file.write_text("secret")
    async with server(answer) as (url, _):
        asking = reader(world, file, url)
        for _ in range(3):
            assert not await asking.ask()
    assert len(caplog.records) == 1, "said once"
    assert "secret" not in caplog.text


async def test_without_a_token_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ServingError, match="mount one of audience truststream"):
        await reader(FlagWorld(), tmp_path / "none", "http://127.0.0.1:9").ask()


async def test_without_endpoints_nobody_is_asked(tmp_path: Path) -> None:
    assert not await reader(FlagWorld(), tmp_path / "none").ask()
