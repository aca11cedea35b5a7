"""flagd.evaluation over gRPC: answers, types, refusals and events, on a server of our own in this process."""

from __future__ import annotations

import time
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Struct

from tests.fakes.flagd_client import until
from tests.fakes.flagd_world import SHOP, VALUES, options, refusal, serving
from tests.fakes.flags import flag, flag_set
from truststream.api.serverconfiguration import ServerLimits
from truststream.errors import ConfigurationError
from truststream.serving.base import Scope
from truststream.serving.rpc.servers import RpcPorts, start
from truststream.serving.rpc.watched import changes_between, scheduled_between

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_every_type_is_answered_with_value_variant_reason_and_metadata(version: str) -> None:
    async with serving() as world, world.client(flagd_selector=f"{SHOP}/prod") as client:
        answers = {
            "bool": await client.call(version, "ResolveBoolean", flag_key="bool"),
            "off": await client.call(version, "ResolveBoolean", flag_key="off"),
            "string": await client.call(version, "ResolveString", flag_key="string"),
            "integer": await client.call(version, "ResolveInt", flag_key="integer"),
            "whole": await client.call(version, "ResolveInt", flag_key="whole"),
            "float": await client.call(version, "ResolveFloat", flag_key="float"),
        }
        assert {key: one.value for key, one in answers.items()} == {key: VALUES[key] for key in answers}
        assert (await client.call(version, "ResolveFloat", flag_key="integer")).value == 42.0
        told = await client.call(version, "ResolveObject", flag_key="object")
        assert MessageToDict(told.value) == VALUES["object"]
    assert {one.reason for one in answers.values()} == {"STATIC"}
    assert {one.variant for one in answers.values()} == {"it"}
    about = MessageToDict(answers["bool"].metadata)
    assert about == {"owner": "team-a", "flagSetId": "shop", "environment": "prod", "version": "True"}
    assert [key for _, key, _ in world.recorder.evaluations] == [*answers, "integer", "object"]
    assert {scope for scope, _, _ in world.recorder.evaluations} == {Scope("shop", "prod")}


async def test_in_v2_a_value_that_is_false_is_present() -> None:
    async with serving() as world, world.client(flagd_selector=SHOP) as client:
        answer = await client.call("v2", "ResolveBoolean", flag_key="off")
    assert answer.HasField("value")
    assert answer.HasField("variant")


@pytest.mark.parametrize(
    ("method", "key", "words"),
    [
        ("ResolveBoolean", "string", "'string' is no Boolean"),
        ("ResolveString", "bool", "'bool' is no String"),
        ("ResolveInt", "bool", "'bool' is no Number"),
        ("ResolveInt", "float", "'float' is 1.5, no integer"),
        ("ResolveInt", "huge", "lose digits"),
        ("ResolveFloat", "huge", "lose digits"),
        ("ResolveFloat", "object", "is no Number"),
        ("ResolveObject", "string", "is no Object"),
        ("ResolveObject", "wide", "without loss"),
    ],
)
async def test_another_type_than_the_flags_is_a_mismatch_and_no_evaluation(method: str, key: str, words: str) -> None:
    async with serving() as world, world.client(flagd_selector=SHOP) as client:
        code, message = await refusal(client.call("v2", method, flag_key=key))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert message.startswith("TYPE_MISMATCH: ")
    assert words in message
    assert world.recorder.evaluations == []


async def test_an_unknown_key_is_not_found_by_name() -> None:
    async with serving() as world, world.client(flagd_selector=SHOP) as client:
        code, message = await refusal(client.call("v1", "ResolveString", flag_key="nothing"))
    assert code is grpc.StatusCode.NOT_FOUND
    assert "FLAG_NOT_FOUND" in message
    assert "namespace shop" in message
    assert "'nothing'" in message


async def test_the_context_arrives_as_json_would_have_brought_it() -> None:
    sent = {"targetingKey": "u1", "n": 3, "f": 0.5, "big": 2.0**60, "deep": {"l": [1, None, {"x": True}]}, "": "é"}
    context = ParseDict(sent, Struct())
    async with serving() as world, world.client(flagd_selector=SHOP) as client:
        await client.call("v2", "ResolveString", flag_key="string", context=context)
    _, _, got = world.recorder.evaluations[0]
    assert got == sent
    assert [type(got[name]) for name in ("n", "f", "big")] == [int, float, float]


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
async def test_a_number_that_json_does_not_have_is_refused(number: float) -> None:
    context = Struct()
    context["n"] = number
    async with serving() as world, world.client(flagd_selector=SHOP) as client:
        code, message = await refusal(client.call("v2", "ResolveString", flag_key="string", context=context))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "INVALID_CONTEXT" in message


async def test_resolve_all_is_a_list_and_leaves_out_what_would_lose_digits() -> None:
    async with serving() as world, world.client(flagd_selector=SHOP) as client:
        answer = await client.call("v1", "ResolveAll")
    told = {key: getattr(one, one.WhichOneof("value")) for key, one in answer.flags.items()}
    assert told.pop("object").fields["a"].number_value == 1
    assert told == {key: VALUES[key] for key in ("bool", "off", "string", "integer", "float", "whole")}
    assert MessageToDict(answer.metadata)["flagSetId"] == "shop"
    assert world.recorder.lists == [Scope("shop")]
    assert world.recorder.evaluations == []


async def test_a_call_that_names_no_flag_set_hears_what_to_send() -> None:
    async with serving() as world, world.client() as client:
        code, message = await refusal(client.call("v2", "ResolveString", flag_key="string"))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "flagSetId=<namespace>" in message


@pytest.mark.parametrize(
    ("metadata", "code", "words"),
    [
        ({"flagd-selector": "source=x"}, grpc.StatusCode.INVALID_ARGUMENT, "flagSetId=<namespace>"),
        ({"flagd-selector": "flagSetId=bank"}, grpc.StatusCode.UNAUTHENTICATED, "token"),
        ({"authorization": "Basic x"}, grpc.StatusCode.UNAUTHENTICATED, "only `Bearer <token>`"),
        ({"authorization": "Bearer wrong"}, grpc.StatusCode.UNAUTHENTICATED, "unknown token"),
        (
            {"authorization": "Bearer bank-token", "flagd-selector": SHOP},
            grpc.StatusCode.PERMISSION_DENIED,
            "may not have",
        ),
    ],
)
@pytest.mark.parametrize("method", ["ResolveString", "EventStream"])
async def test_refusals_have_grpcs_status_and_the_gates_sentence(
    method: str, metadata: dict[str, str], code: grpc.StatusCode, words: str
) -> None:
    async with serving() as world, world.client() as client:
        call = (
            client.stream("v2", method, metadata=metadata).read()
            if method == "EventStream"
            else client.call("v2", method, metadata=metadata, flag_key="string")
        )
        got, message = await refusal(call)
    assert got is code
    assert words in message
    assert "wrong" not in message


async def test_a_token_or_a_key_names_its_own_namespace() -> None:
    async with serving() as world, world.client() as client:
        for sent in ({"authorization": "bearer shop-token"}, {"x-api-key": "key-1"}):
            answer = await client.call("v2", "ResolveString", metadata=sent, flag_key="string")
            assert answer.value == "blue"


async def test_a_second_selector_or_token_is_refused_for_it_is_not_clear_which_counts() -> None:
    async with serving() as world:
        path = f"127.0.0.1:{world.servers.evaluation_port}"
        async with grpc.aio.insecure_channel(path) as channel:
            call: Any = channel.unary_unary("/flagd.evaluation.v2.Service/ResolveString")
            twice = grpc.aio.Metadata(("flagd-selector", SHOP), ("flagd-selector", "flagSetId=bank"))
            code, message = await refusal(call(b"", metadata=twice))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "flagd-selector came twice" in message


async def test_too_many_is_resource_exhausted_and_says_when_to_come_again() -> None:
    async with serving() as world, world.client(flagd_selector=SHOP) as client:
        world.gate.busy = True
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.call("v2", "ResolveString", flag_key="string")
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert dict(caught.value.trailing_metadata() or ())["retry-after"] == "7"


async def test_before_the_flags_are_listed_nobody_is_told_that_there_are_none() -> None:
    async with serving() as world, world.client(flagd_selector=SHOP) as client:
        world.catalog.ready = False
        code, _ = await refusal(client.call("v2", "ResolveString", flag_key="string"))
        stream, _ = await refusal(client.stream("v2", "EventStream").read())
    assert (code, stream) == (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNAVAILABLE)


async def test_a_body_or_metadata_beyond_the_limit_is_refused() -> None:
    small = options(limits=ServerLimits.model_validate({"body": 1024, "headers": 1024}))
    async with serving(small) as world, world.client(flagd_selector=SHOP) as client:
        code, _ = await refusal(client.call("v2", "ResolveString", flag_key="x" * 2000))
        long = {"flagd-selector": SHOP, "authorization": "Bearer " + "x" * 2000}
        headers, _ = await refusal(client.call("v2", "ResolveString", flag_key="string", metadata=long))
        assert (await client.call("v2", "ResolveString", flag_key="string")).value == "blue"
    assert (code, headers) == (grpc.StatusCode.RESOURCE_EXHAUSTED,) * 2


def changed(event: Any) -> dict[str, str]:
    return {key: one["type"] for key, one in MessageToDict(event.data).get("flags", {}).items()}


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_events_begin_with_ready_and_all_flags_then_tell_what_changed(version: str) -> None:
    async with serving() as world, world.client(flagd_selector=SHOP) as client:
        stream = client.stream(version, "EventStream")
        assert (await stream.read()).type == "provider_ready"
        first = await stream.read()
        assert (first.type, changed(first)) == ("configuration_change", dict.fromkeys(VALUES, "write"))
        world.catalog.put("shop", flag("bool", False), flag("string", "blue"), flag("new", 1))
        told = changed(await stream.read())
    gone = dict.fromkeys(VALUES.keys() - {"bool", "string"}, "delete")
    assert told == {"bool": "update", "new": "write", **gone}


async def test_a_change_that_changes_nothing_is_no_event_and_silence_is_kept_alive() -> None:
    async with serving(options(keep_alive=0.05)) as world, world.client(flagd_selector=SHOP) as client:
        stream = client.stream("v2", "EventStream")
        await stream.read()
        await stream.read()
        world.catalog.tell("shop")
        assert (await stream.read()).type == "keep_alive"


async def test_a_schedules_boundary_is_an_event() -> None:
    async with serving() as world, world.client(flagd_selector=SHOP) as client:
        world.catalog.put("shop", flag("soon", 1, next_change=time.time() + 0.1), flag("other", 2))
        stream = client.stream("v2", "EventStream")
        await stream.read()
        await stream.read()
        while time.time() < world.catalog.sets["shop"].next_change:  # type: ignore[operator]
            await client.call("v2", "ResolveInt", flag_key="other")
        world.catalog.tell("shop")
        assert changed(await stream.read()) == {"soon": "update"}


async def test_a_stream_without_a_name_follows_what_its_connection_asks_for() -> None:
    async with serving(options(keep_alive=0.05)) as world, world.client() as client, world.client() as stranger:
        stream, other = client.stream("v2", "EventStream"), stranger.stream("v2", "EventStream")
        assert (await stream.read()).type == (await other.read()).type == "provider_ready"
        await client.call("v2", "ResolveString", metadata={"flagd-selector": SHOP}, flag_key="string")
        world.catalog.put("shop", flag("string", "red"))
        assert changed(await until(stream, "configuration_change"))["string"] == "update"
        assert [(await other.read()).type for _ in range(3)] == ["keep_alive"] * 3


async def test_a_stream_without_a_name_learns_nothing_from_calls_with_credentials() -> None:
    async with serving(options(keep_alive=0.05)) as world, world.client() as client:
        stream = client.stream("v2", "EventStream")
        await stream.read()
        await client.call("v2", "ResolveString", metadata={"authorization": "Bearer shop-token"}, flag_key="string")
        world.catalog.put("shop", flag("string", "red"))
        assert [(await stream.read()).type for _ in range(3)] == ["keep_alive"] * 3


async def test_a_stream_without_a_name_is_refused_where_nobody_may_ask_without_credentials() -> None:
    async with serving() as world, world.client() as client:
        world.gate.anonymous = False
        code, _ = await refusal(client.stream("v2", "EventStream").read())
    assert code is grpc.StatusCode.UNAUTHENTICATED


async def test_streams_are_counted_and_end_when_the_client_goes() -> None:
    few = options(limits=ServerLimits.model_validate({"streams": 1}))
    async with serving(few) as world, world.client(flagd_selector=SHOP) as client:
        stream = client.stream("v2", "EventStream")
        await stream.read()
        code, message = await refusal(client.stream("v2", "EventStream").read())
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "1 streams are open" in message
        stream.cancel()
        while world.servers.streams.open:
            await client.call("v2", "ResolveString", flag_key="string")
        assert not any(world.catalog.listeners.values())
        assert (await client.stream("v2", "EventStream").read()).type == "provider_ready"


async def test_stopping_ends_streams_so_that_clients_connect_elsewhere() -> None:
    async with serving() as world, world.client(flagd_selector=SHOP) as client:
        stream = client.stream("v2", "EventStream")
        await until(stream, "configuration_change")
        await world.servers.stop(5.0)
        code, message = await refusal(stream.read())
    assert code is grpc.StatusCode.UNAVAILABLE
    assert "connect again" in message


async def test_a_streams_time_may_be_limited() -> None:
    async with serving(options(stream_deadline=0.05)) as world, world.client(flagd_selector=SHOP) as client:
        stream = client.stream("v2", "EventStream")
        await until(stream, "configuration_change")
        code, _ = await refusal(stream.read())
    assert code is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_port_that_is_taken_is_a_mistake_of_the_configuration() -> None:
    async with serving() as world:
        taken = RpcPorts("127.0.0.1", 0, world.servers.sync_port)
        with pytest.raises(ConfigurationError, match=f"127.0.0.1:{world.servers.sync_port}"):
            await start(world.catalog, world.gate, world.recorder, taken, options())


async def test_differences_of_sets() -> None:
    before = flag_set("shop", flag("a", 1), flag("b", 1), flag("c", 1, next_change=50.0))
    after = flag_set("shop", flag("b", 2), flag("c", 1, next_change=90.0), flag("d", 1))
    assert changes_between(before, after) == {"a": "delete", "b": "update", "d": "write"}
    assert scheduled_between(before, 40.0, 49.9) == {}
    assert scheduled_between(before, 40.0, 50.0) == {"c": "update"}
    assert scheduled_between(before, 50.0, 60.0) == {}
