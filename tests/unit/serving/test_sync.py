"""flagd.sync over gRPC: whole sets at once and on change, made once a version, weighed, and over TLS."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.json_format import MessageToDict

from tests.fakes.certificate import certificate
from tests.fakes.flagd_client import FlagdClient
from tests.fakes.flagd_world import SHOP, VALUES, options, refusal, serving
from tests.fakes.flags import flag, flag_set
from truststream.api.serverconfiguration import ServerTls
from truststream.errors import ConfigurationError
from truststream.flags.flagset import FlagSet
from truststream.serving.base import Scope
from truststream.serving.rpc.latest import Latest
from truststream.serving.rpc.sync_documents import LARGE, Documents
from truststream.serving.rpc.tls import credentials

pytestmark = pytest.mark.asyncio(loop_scope="module")


def flags_in(answer: Any) -> dict[str, Any]:
    return {key: one["variants"]["it"] for key, one in json.loads(answer.flag_configuration)["flags"].items()}


async def test_the_whole_set_comes_at_once_and_again_on_every_change() -> None:
    async with serving() as world, world.syncing(flagd_selector=f"{SHOP}/prod") as client:
        stream = client.stream("sync", "SyncFlags", provider_id="cart")
        first = await stream.read()
        assert flags_in(first) == VALUES
        world.catalog.put("shop", flag("bool", False))
        assert flags_in(await stream.read()) == {"bool": False}
        world.catalog.put("shop")
        assert flags_in(await stream.read()) == {}
    assert MessageToDict(first.sync_context) == {"truststream": {"flagSetId": "shop", "environment": "prod"}}
    scopes, providers, agents = zip(*world.recorder.syncs, strict=True)
    assert set(scopes) == {Scope("shop", "prod")}
    assert set(providers) == {"cart"}
    assert agents[0].startswith("grpc-python")


async def test_many_changes_are_told_as_one_and_no_change_is_not_told() -> None:
    async with serving() as world, world.syncing(flagd_selector=SHOP) as client:
        stream = client.stream("sync", "SyncFlags")
        await stream.read()
        world.catalog.tell("shop")
        await client.call("sync", "FetchAllFlags")
        for number in range(5):
            world.catalog.put("shop", flag("n", number))
        assert flags_in(await stream.read()) == {"n": 4}
        world.catalog.put("shop", flag("n", 9))
        assert flags_in(await stream.read()) == {"n": 9}


async def test_the_header_beats_the_requests_own_selector() -> None:
    async with serving() as world, world.syncing() as client:
        world.catalog.put("bank", flag("secret", True))
        body = await client.call("sync", "FetchAllFlags", selector=SHOP)
        assert flags_in(body) == VALUES
        code, _ = await refusal(client.call("sync", "FetchAllFlags", selector="flagSetId=bank"))
        assert code is grpc.StatusCode.UNAUTHENTICATED
        both = await client.call(
            "sync", "FetchAllFlags", selector="flagSetId=bank", metadata={"flagd-selector": SHOP, "x-api-key": "key-1"}
        )
        assert flags_in(both) == VALUES
        code, message = await refusal(client.stream("sync", "SyncFlags").read())
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "flagSetId=<namespace>" in message


async def test_metadata_never_fails_for_want_of_a_name_and_then_tells_nothing() -> None:
    async with serving() as world, world.syncing() as client:
        nobody = await client.call("sync", "GetMetadata")
        named = await client.call("sync", "GetMetadata", metadata={"flagd-selector": SHOP})
        foreign = await client.call("sync", "GetMetadata", metadata={"authorization": "Bearer wrong"})
        world.gate.busy = True
        code, _ = await refusal(client.call("sync", "GetMetadata"))
    assert MessageToDict(nobody) == MessageToDict(foreign) == {"metadata": {}}
    assert MessageToDict(named)["metadata"]["truststream"]["flagSetId"] == "shop"
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_before_the_flags_are_listed_evaluators_keep_what_they_have() -> None:
    async with serving() as world, world.syncing(flagd_selector=SHOP) as client:
        world.catalog.ready = False
        code, _ = await refusal(client.stream("sync", "SyncFlags").read())
    assert code is grpc.StatusCode.UNAVAILABLE


async def test_the_services_keep_to_their_ports() -> None:
    async with serving() as world, world.client(flagd_selector=SHOP) as client:
        code, _ = await refusal(client.call("sync", "FetchAllFlags"))
    assert code is grpc.StatusCode.UNIMPLEMENTED


async def test_a_thousand_streams_make_one_document() -> None:
    rendered: list[str] = []

    def render(flags: FlagSet) -> str:
        rendered.append(flags.version)
        return "{}"

    documents = Documents(render)
    for number in (1, 2):
        flags = flag_set("shop", flag("n", number))
        made = {id(documents.of(Scope("shop"), flags, "")) for _ in range(1000)}
        assert len(made) == 1
    assert rendered == ["n=1", "n=2"]


async def test_a_set_that_clients_may_refuse_is_told_once_with_the_remedy(caplog: pytest.LogCaptureFixture) -> None:
    texts = iter(["x" * (LARGE + 1), "y" * (LARGE + 2), "{}", "z" * LARGE])
    documents = Documents(lambda _: next(texts))
    told: list[int] = []
    with caplog.at_level(logging.WARNING):
        for number in range(4):
            documents.of(Scope("shop"), flag_set("shop", flag("n", number)), "cart grpc-node")
            told.append(len(documents.oversized))
    assert told == [1, 1, 0, 1]
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert "namespace shop" in caplog.messages[0]
    assert "several namespaces" in caplog.messages[0]
    assert "cart grpc-node" in caplog.messages[0]


async def test_a_large_set_still_goes_to_clients_that_take_it() -> None:
    async with serving() as world, world.syncing(flagd_selector=SHOP) as client:
        world.catalog.put("shop", *(flag(f"f{number}", "x" * 1000) for number in range(5000)))
        answer = await client.stream("sync", "SyncFlags").read()
        assert len(flags_in(answer)) == 5000
        assert world.servers.oversized[Scope("shop")] > LARGE
        assert "namespace shop: " in world.servers.health()
        world.catalog.put("shop")
        assert flags_in(await client.call("sync", "FetchAllFlags")) == {}
        assert world.servers.health() == ""


async def test_what_is_kept_is_bounded() -> None:
    kept: Latest[int] = Latest(size=2)
    made: list[str] = []

    def ask(key: str, version: str) -> int:
        def make() -> int:
            made.append(key + version)
            return len(made)

        return kept.get(key, version, make)

    assert [ask("a", "1"), ask("b", "1"), ask("a", "1"), ask("c", "1"), ask("a", "1"), ask("b", "1")] == [
        1, 2, 1, 3, 1, 4,
    ]  # fmt: skip
    assert ask("a", "2") == 5
    assert made == ["a1", "b1", "c1", "b1", "a2"]


async def fetch(port: int, trusted: bytes) -> dict[str, Any]:
    trust = grpc.ssl_channel_credentials(trusted)
    async with FlagdClient(port, {"flagd_selector": SHOP}, credentials=trust) as client:
        return flags_in(await client.call("sync", "FetchAllFlags"))


async def test_over_tls_a_new_certificate_is_shown_without_a_restart(tmp_path: Path) -> None:
    certificate(tmp_path, "first")
    old = (tmp_path / "certificate.pem").read_bytes()
    tls = ServerTls(certificate_file=str(tmp_path / "certificate.pem"), key_file=str(tmp_path / "key.pem"))
    async with serving(options(tls=tls)) as world:
        assert await fetch(world.servers.sync_port, old) == VALUES
        certificate(tmp_path, "second")
        new = (tmp_path / "certificate.pem").read_bytes()
        assert await fetch(world.servers.sync_port, new) == VALUES
        code, _ = await refusal(fetch(world.servers.sync_port, old))
        assert code is grpc.StatusCode.UNAVAILABLE


async def test_a_pair_that_does_not_fit_is_not_taken(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    certificate(tmp_path, "good")
    good = (tmp_path / "certificate.pem").read_bytes()
    tls = ServerTls(certificate_file=str(tmp_path / "certificate.pem"), key_file=str(tmp_path / "key.pem"))
    async with serving(options(tls=tls)) as world:
        key = (tmp_path / "key.pem").read_bytes()
        certificate(tmp_path, "other")
        (tmp_path / "key.pem").write_bytes(key)
        assert await fetch(world.servers.sync_port, good) == VALUES
        (tmp_path / "key.pem").unlink()
        assert await fetch(world.servers.sync_port, good) == VALUES
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
    assert "the old one holds" in caplog.messages[0]


async def test_a_certificate_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    tls = ServerTls(certificate_file=str(tmp_path / "none.pem"), key_file=str(tmp_path / "none.key"))
    with pytest.raises(ConfigurationError, match=r"none\.pem"):
        credentials(tls)
