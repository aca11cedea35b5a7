"""OFREP and what goes beyond it, over the real application without a socket."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.serving_world import EVALUATE, SHOP, FakeSink, World, account, manifest

USERS = {"field": "email", "operator": "EndsWith", "value": "@shop.example"}
STAFF = {"name": "staff", "conditions": [USERS], "variant": "on"}
PRODUCTION = {"flagd-selector": "flagSetId=shop/production"}


def number(name: str, **variants: Any) -> dict[str, Any]:
    return manifest(name, type="Number", variants=variants, defaultVariant=next(iter(variants)))


@pytest.fixture
async def world() -> World:
    made = World()
    made.put(manifest("new", rules=[STAFF]), number("price", ten=10.0, whole=7))
    return made


async def test_one_flag(world: World) -> None:
    answer = await world.post(f"{EVALUATE}/new", {"context": {"targetingKey": "u", "email": "a@shop.example"}})
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    metadata = answer.json.pop("metadata")
    assert answer.json | {"metadata": None} == {
        "key": "new", "value": True, "variant": "on", "reason": "TARGETING_MATCH", "metadata": None,
    }  # fmt: skip
    assert metadata["flagSetId"] == "shop"
    assert metadata["version"]


@pytest.mark.parametrize("body", [None, b"  ", {}, {"context": None}, {"context": {}}, {"more": 1}])
async def test_no_context_is_an_empty_one(world: World, body: Any) -> None:
    answer = await world.post(f"{EVALUATE}/new", body)
    assert (answer.status, answer.json["variant"], answer.json["reason"]) == (200, "off", "DEFAULT")


async def test_a_number_stays_as_it_was_written(world: World) -> None:
    assert b'"value":10.0,' in (await world.post(f"{EVALUATE}/price")).body
    world.put(number("price", whole=7))
    assert b'"value":7,' in (await world.post(f"{EVALUATE}/price")).body


@pytest.mark.parametrize(("body", "code"), [
    (b"{", "PARSE_ERROR"), (b"[]", "PARSE_ERROR"), (b'"x"', "PARSE_ERROR"), (b"\xff", "PARSE_ERROR"),
    (b"NaN", "PARSE_ERROR"), (b'{"a":' * 5000, "PARSE_ERROR"), (b'{"context": "x"}', "INVALID_CONTEXT"),
    (b'{"context": []}', "INVALID_CONTEXT"), (b'{"context": 7}', "INVALID_CONTEXT"),
])  # fmt: skip
@pytest.mark.parametrize("path", [f"{EVALUATE}/new", EVALUATE, f"{EVALUATE}/"])
async def test_what_cannot_be_read_is_400_with_a_code(world: World, path: str, body: bytes, code: str) -> None:
    answer = await world.post(path, body)
    assert (answer.status, answer.json["errorCode"]) == (400, code)
    assert answer.json["errorDetails"]
    assert answer.json.get("key") == ("new" if path.endswith("new") else None)


@pytest.mark.parametrize("key", ["unknown", "a", "a/b/", "/new", "new ", "Ä", "x" * 5000])
async def test_an_unknown_key_is_404(world: World, key: str) -> None:
    answer = await world.post(f"{EVALUATE}/{key}", {})
    assert (answer.status, answer.json["errorCode"], answer.json["key"]) == (404, "FLAG_NOT_FOUND", key)
    assert answer.json["errorDetails"]


async def test_a_key_may_have_slashes(world: World) -> None:
    world.put(manifest("slashed", key="team/new"))
    assert (await world.post(f"{EVALUATE}/team/new")).json["key"] == "team/new"


async def test_all_flags_and_a_choice_of_them(world: World) -> None:
    answer = await world.post(EVALUATE, {"context": {"email": "a@shop.example"}})
    assert answer.status == 200
    assert {one["key"]: one["value"] for one in answer.json["flags"]} == {"new": True, "price": 10.0}
    assert answer.json["metadata"] == {"flagSetId": "shop"}
    some = await world.post(f"{EVALUATE}/", {"flags": ["price", "unknown", "price"]})
    assert [one.get("errorCode", one["key"]) for one in some.json["flags"]] == ["price", "FLAG_NOT_FOUND"]
    anything: tuple[Any, ...] = ("price", [1], {})
    for wrong in anything:
        assert (await world.post(EVALUATE, {"flags": wrong})).status == 400


async def test_the_environment_is_the_selectors_and_shown(world: World) -> None:
    world.put(manifest("new", environments={"production": {"defaultVariant": "on"}}))
    answer = await world.post(f"{EVALUATE}/new", {}, PRODUCTION)
    assert (answer.json["value"], answer.json["metadata"]["environment"]) == (True, "production")
    other = await world.post(f"{EVALUATE}/new", {}, {"flagd-selector": "flagSetId=shop/nobodys"})
    assert (other.json["value"], other.json["metadata"]["environment"]) == (False, "nobodys")
    assert (await world.post(EVALUATE, {}, PRODUCTION)).json["metadata"]["environment"] == "production"


async def test_304_for_the_very_answer_and_only_for_it(world: World) -> None:
    body = {"context": {"targetingKey": "u", "plan": 1}}
    first = await world.post(EVALUATE, body)
    etag = first.headers["etag"]
    for tag in (etag, f"W/{etag}", f'"other", {etag}', f'W/"x",W/{etag}'):
        again = await world.post(EVALUATE, body, {**SHOP, "if-none-match": tag})
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", etag)
    for tag in ('"other"', "*", etag.strip('"'), ""):
        assert (await world.post(EVALUATE, body, {**SHOP, "if-none-match": tag})).status == 200
    swapped = {"context": {"plan": 1, "targetingKey": "u"}}
    assert (await world.post(EVALUATE, swapped, {**SHOP, "if-none-match": etag})).status == 304


BASIS = {"type": "String", "variants": {"a": "A", "b": "B", "c": "C"}, "defaultVariant": "a"}
CONDITION = st.sampled_from([
    {"field": "plan", "operator": "Equals", "value": 1}, {"field": "plan", "operator": "Equals", "value": "1"},
    {"field": "tags.0", "operator": "Exists"}, {"operator": "TimeOfDay", "value": "09:00-17:00"},
    {"operator": "Percentage", "value": 50},
])  # fmt: skip
SPEC = st.fixed_dictionaries(
    {},
    optional={
        "defaultVariant": st.sampled_from(["a", "b"]),
        "enabled": st.booleans(),
        "owner": st.sampled_from(["x", "y"]),
        "rules": st.lists(CONDITION, min_size=1, max_size=2).map(
            lambda found: [{"name": "r", "conditions": found, "variant": "c"}]
        ),
        "environments": st.just({"production": {"defaultVariant": "c"}}),
        "schedule": st.just([{"at": "2027-01-15T12:00:00Z", "defaultVariant": "b"}]),
    },
).map(lambda change: {**BASIS, **change})
CONTEXT = st.fixed_dictionaries(
    {},
    optional={
        "targetingKey": st.sampled_from(["u", "v", "w"]),
        "plan": st.sampled_from([1, 1.0, "1", True, None]),
        "tags": st.sampled_from([[], ["x"], {}]),
    },
)
STATE = st.tuples(st.lists(SPEC, max_size=3), CONTEXT, st.integers(0, 30), st.sampled_from([SHOP, PRODUCTION]))


@settings(max_examples=60)
@given(st.lists(STATE, min_size=2, max_size=6))
async def test_304_is_never_wrong(
    states: list[tuple[list[dict[str, Any]], dict[str, Any], int, dict[str, str]]],
) -> None:
    """A client that keeps one answer and asks about changing flags, contexts, times and environments."""
    world, held = World(), None
    start = world.clock.now
    for specs, context, hours, selector in states:
        for index in range(3):
            name = f"flag-{index}"
            if index < len(specs):
                world.put({**manifest(name), "spec": specs[index]})
            else:
                world.remove(manifest(name))
        world.clock.now = start + hours * 3600
        fresh = await world.post(EVALUATE, {"context": context}, selector)
        if held is not None:
            asked = await world.post(
                EVALUATE, {"context": context}, {**selector, "if-none-match": held.headers["etag"]}
            )
            assert (asked.status == 304) == (fresh.body == held.body)
            assert asked.status == 304 or asked.body == fresh.body
        held = fresh
    world.catalog.close()


async def test_a_batch_counts_every_evaluation(world: World) -> None:
    contexts = [{"email": "a@shop.example"}, {}]
    answer = await world.post("/v1/evaluate", {"contexts": contexts, "flags": ["new", "unknown"]})
    assert [
        [one.get("value", one.get("errorCode")) for one in result["flags"]] for result in answer.json["results"]
    ] == [
        [True, "FLAG_NOT_FOUND"],
        [False, "FLAG_NOT_FOUND"],
    ]
    usage = world.recorder.tallies.usage()["flags"]
    assert {name: tally["evaluations"] for name, tally in usage[0]["variants"].items()} == {"on": 1, "off": 1}
    everything = await world.post("/v1/evaluate", {"contexts": [{}]})
    assert len(everything.json["results"][0]["flags"]) == 2


@pytest.mark.parametrize("body", [None, {}, {"contexts": {}}, {"contexts": [1]}, b"[", {"contexts": [{}] * 501}])
async def test_a_batch_that_is_none_or_too_large_is_400(world: World, body: Any) -> None:
    answer = await world.post("/v1/evaluate", body)
    assert (answer.status, bool(answer.json["errorDetails"])) == (400, True)


async def test_a_batch_costs_what_it_evaluates() -> None:
    world = World(limits={"requestsPerSecond": 10})
    world.put(manifest("new"))
    assert (await world.post("/v1/evaluate", {"contexts": [{}] * 15})).status == 200
    answer = await world.post("/v1/evaluate", {"contexts": [{}] * 15})
    assert (answer.status, answer.headers["retry-after"]) == (429, "1")


async def test_usage_is_for_those_with_the_verb(world: World) -> None:
    world.reviews.tokens["controller"] = account("truststream-system", "truststream")
    controller = {"authorization": "Bearer controller"}
    assert (await world.ask("GET", "/v1/usage")).status == 401
    assert (await world.ask("GET", "/v1/usage", headers=controller)).status == 403
    world.gate.clear()
    world.reviews.rights.add(("system:serviceaccount:truststream-system:truststream", "report", ""))
    await world.post(f"{EVALUATE}/new")
    await world.post(EVALUATE)
    answer = await world.ask("GET", "/v1/usage", headers=controller)
    now = world.clock.now
    assert answer.json == {
        "process": world.recorder.tallies.process,
        "started": now,
        "flags": [
            {
                "namespace": "shop",
                "flag": "new",
                "variants": {"off": {"evaluations": 1, "lastUsed": now}},
                "withoutUnit": 0,
            }
        ],
        "synced": [{"namespace": "shop", "environment": "", "at": now}],
    }


async def test_clearing_the_cache_asks_the_api_server_anew_and_tells_everybody(world: World) -> None:
    user = "system:serviceaccount:shop:app"
    world.reviews.rights.add((user, "clear", ""))
    token = {"authorization": "bearer  shop-token"}
    with world.catalog.subscribe("shop") as listener:
        assert (await world.ask("POST", "/v1/cache/clear", headers=token)).json == {"cleared": True}
        await listener.changed()
    world.reviews.rights.clear()
    assert (await world.ask("POST", "/v1/cache/clear", headers=token)).status == 403


async def test_paths_and_methods_that_are_none(world: World) -> None:
    for path in ("/", "/nothing", "/ofrep/v1/evaluate", f"{EVALUATE}x", "/v1/usage/"):
        answer = await world.ask("POST", path, headers=SHOP)
        assert (answer.status, bool(answer.json["errorDetails"])) == (404, True)
    for method, path, allow in (
        ("GET", f"{EVALUATE}/new", "OPTIONS, POST"),
        ("PUT", EVALUATE, "OPTIONS, POST"),
        ("DELETE", "/v1/usage", "GET, HEAD, OPTIONS"),
        ("GET", "/v1/evaluate", "OPTIONS, POST"),
    ):
        answer = await world.ask(method, path, headers=SHOP)
        assert (answer.status, answer.headers["allow"], bool(answer.json["errorDetails"])) == (405, allow, True)
        options = await world.ask("OPTIONS", path)
        assert (options.status, options.headers["allow"], options.body) == (204, allow, b"")


async def test_credentials_and_selectors_that_are_doubtful(world: World) -> None:
    for headers, status in (
        ({**SHOP, "authorization": "Basic abc"}, 401),
        ({**SHOP, "authorization": "Bearer "}, 401),
        ({**SHOP, "authorization": "Bearer nobody"}, 401),
        ({**SHOP, "x-api-key": "nobody"}, 401),
        ({"flagd-selector": "shop"}, 400),
        ({"flagd-selector": "flagSetId=bank"}, 401),
        ({"flagd-selector": "flagSetId=bank", "authorization": "Bearer shop-token"}, 403),
        ({**SHOP, "content-encoding": "gzip"}, 415),
        ({}, 400),
    ):
        answer = await world.post(EVALUATE, {}, headers)
        assert (answer.status, bool(answer.json["errorDetails"])) == (status, True)
        assert ("www-authenticate" in answer.headers) == (status == 401)
        assert (await world.post("/v1/evaluate", {"contexts": []}, headers)).status == status


async def test_bodies_are_bounded_however_they_arrive() -> None:
    world = World(limits={"body": 1024})
    world.put(manifest("new"))
    long = orjson.dumps({"context": {"a": "x" * 2000}})
    for path in (EVALUATE, f"{EVALUATE}/new", "/v1/evaluate"):
        assert (await world.post(path, long)).status == 413
        assert (
            await world.post(path, b"{}", {**SHOP, "content-length": "2000"})
        ).status == 413 or path == "/v1/evaluate"


async def test_too_many_at_once_are_429() -> None:
    world = World(limits={"concurrentRequests": 1})
    world.put(manifest("new"))
    world.front.running = 1
    answer = await world.post(f"{EVALUATE}/new")
    assert (answer.status, answer.headers["retry-after"]) == (429, "1")
    world.front.running = 0
    assert (await world.post(f"{EVALUATE}/new")).status == 200
    assert world.front.running == 0


async def test_pages_of_other_origins_may_ask_where_the_configuration_says_so() -> None:
    world = World(origins=["https://shop.example"])
    world.put(manifest("new"))
    asking = {"origin": "https://shop.example", "access-control-request-method": "POST",
              "access-control-request-headers": "content-type,flagd-selector,if-none-match,x-api-key"}  # fmt: skip
    preflight = await world.ask("OPTIONS", EVALUATE, headers=asking)
    assert (preflight.status, preflight.headers["access-control-allow-origin"]) == (200, "https://shop.example")
    answer = await world.post(EVALUATE, {}, {**SHOP, "origin": "https://shop.example"})
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert "ETag" in answer.headers["access-control-expose-headers"]
    other = await world.post(EVALUATE, {}, {**SHOP, "origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers


async def test_exposures_are_offered_once_a_unit_variant_and_window() -> None:
    sink = FakeSink(room=3)
    world = World(sink=sink)
    world.put(manifest("new", recordExposures=True, exposureWindow="1h", rules=[STAFF]), manifest("other"))

    async def ask(key: str = "new", **context: Any) -> None:
        assert (await world.post(f"{EVALUATE}/{key}", {"context": context})).status == 200

    await ask(targetingKey="u")
    await ask(targetingKey="u")
    await ask(targetingKey=7, email="a@shop.example")
    for nobody in ({}, {"targetingKey": ""}, {"targetingKey": "x" * 513}, {"targetingKey": "a\0b"}):
        await ask(**nobody)
    await ask("other", targetingKey="u")
    await world.post(EVALUATE, {"context": {"targetingKey": "w"}})
    assert [(one.flag, one.unit, one.variant) for one in sink.taken] == [("new", "u", "off"), ("new", "7", "on")]
    world.clock.now += 3600
    await ask(targetingKey="u")
    assert sink.taken[-1].window == sink.taken[0].window + 3600
    await ask(targetingKey="v")  # no room: told again later, for it was not taken
    sink.room = 10
    await ask(targetingKey="v")
    assert sink.taken[-1].unit == "v"
    assert world.recorder.tallies.exposures == {"offered": 4, "dropped": 3}


async def test_evaluations_without_a_unit_are_counted(world: World) -> None:
    world.put(manifest("new", rolloutPercentage=50, rolloutVariant="on"))
    await world.post(f"{EVALUATE}/new", {})
    await world.post(f"{EVALUATE}/new", {"context": {"targetingKey": "u"}})
    assert [flag["withoutUnit"] for flag in world.recorder.tallies.usage()["flags"]] == [1]
    names = {sample.name: sample.value for metric in world.recorder.tallies.collect() for sample in metric.samples}
    assert names["truststream_flag_without_unit_total"] == 1


async def test_what_json_has_no_number_for_is_answered_all_the_same(world: World) -> None:
    world.put(manifest("huge", type="Object", variants={"it": {"n": 2**80}}, defaultVariant="it"))
    assert (await world.post(f"{EVALUATE}/huge")).status in (200, 404)
    assert (await world.post(EVALUATE)).status == 200
