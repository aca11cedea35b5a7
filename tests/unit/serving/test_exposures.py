"""What is taken of exposures that applications tell, and how the rest is answered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from truststream.errors import StoreError, StoreFull
from truststream.flags.build import build
from truststream.serving.base import Caller, Credentials, Refused, Scope
from truststream.serving.catalog import FlagCatalog
from truststream.serving.http import messages
from truststream.serving.http.exposures import routes
from truststream.store.base import Acknowledged, Exposure, Intake

NOW = 1_795_000_000.0
DAY = 86_400


class Gate:
    """Shop is everybody's, and bank nobody's."""

    def __init__(self) -> None:
        self.costs = list[int]()

    async def admit(self, credentials: Credentials, selector: str, *, cost: int = 1) -> tuple[Caller, Scope]:
        if credentials.bearer == "nobody":
            raise Refused(401, "who is that?")
        namespace, _, environment = selector.removeprefix("flagSetId=").partition("/")
        if namespace not in ("", "shop"):
            raise Refused(403, f"not the flags of {namespace}")
        self.costs.append(cost)
        return Caller("somebody", "shop"), Scope("shop", environment)


class Sink(Intake):
    """In memory; `error` is raised instead of taking something."""

    retention = 30.0 * DAY
    waiting = 3

    def __init__(self) -> None:
        self.kept = list[Exposure]()
        self.error: StoreError | None = None

    async def record(self, exposures: Sequence[Exposure]) -> Acknowledged:
        if self.error:
            raise self.error
        before = len(self.kept)
        self.kept += [one for one in dict.fromkeys(exposures) if one not in self.kept]
        new = len(self.kept) - before
        return Acknowledged(new, len(exposures) - new)

    def offer(self, exposure: Exposure) -> bool:
        raise AssertionError("nothing here evaluates")

    async def start(self) -> None:
        return None

    async def stop(self, grace: float = 5.0) -> None:
        return None

    def health(self) -> str:
        return ""

    async def count_exposures(self, namespace: str, flag: str) -> dict[str, int]:
        if self.error:
            raise self.error
        return {one.variant: 1 for one in self.kept if (one.namespace, one.flag) == (namespace, flag)}


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def gate() -> Gate:
    return Gate()


def manifest(name: str, **more: Any) -> dict[str, Any]:
    spec = {"type": "Boolean", "variants": {"on": True, "off": False}, "defaultVariant": "off", **more}
    return {"metadata": {"name": name, "namespace": "shop", "uid": name, "generation": 1}, "spec": spec}


@pytest.fixture
async def catalog() -> FlagCatalog:
    catalog = FlagCatalog(build, clock=lambda: NOW)
    flags = [
        manifest("checkout", recordExposures=True, exposureWindow="1h", environments={"beta": {"enabled": False}}),
        manifest("private"),
        manifest("nested", key="team/nested", recordExposures=True),
    ]
    catalog.expect("flags")
    for flag in flags:
        catalog.apply("FeatureFlag", {"type": "ADDED", "object": flag})
    catalog.held("flags")
    await asyncio.wait_for(catalog.wait_ready(), 5)
    return catalog


class Client:
    """Asks the routes over ASGI."""

    def __init__(self, catalog: FlagCatalog, gate: Gate, sink: Sink | None) -> None:
        async def refused(_request: Request, error: Exception) -> Response:
            assert isinstance(error, Refused)
            headers = {name.decode(): value.decode() for name, value in messages.refusal_headers(error)}
            return Response(messages.refusal_body(error), error.status, headers)

        self._app = Starlette(
            routes=routes(catalog, gate, sink, clock=lambda: NOW), exception_handlers={Refused: refused}
        )

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, Any, dict[str, str]]:
        sent = list[Message]()

        async def receive() -> Message:
            return {"type": "http.request", "body": body}

        async def send(message: Message) -> None:
            sent.append(message)

        raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b""}
        await self._app({**scope, "headers": raw, "http_version": "1.1", "root_path": ""}, receive, send)
        answered = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], json.loads(sent[1]["body"]), answered

    async def tell(self, body: Any, **headers: str) -> tuple[int, Any]:
        status, answer, _ = await self.ask("POST", "/v1/exposures", json.dumps(body).encode(), **headers)
        return status, answer


@pytest.fixture
def client(catalog: FlagCatalog, gate: Gate, sink: Sink) -> Client:
    return Client(catalog, gate, sink)


def one(**more: Any) -> dict[str, Any]:
    return {"flag": "checkout", "variant": "on", "unit": "ann", **more}


async def test_a_batch_is_kept_once(client: Client, sink: Sink, gate: Gate) -> None:
    status, answer = await client.tell({"exposures": [one(), one(unit="bob"), one()]})
    assert (status, answer) == (200, {"accepted": 2, "duplicates": 1, "rejected": []})
    assert sink.kept[0] == Exposure("shop", "checkout", "", "on", "ann", NOW, int(NOW // 3600 * 3600))
    assert gate.costs == [3]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (json.dumps(one()), "application/json"),
        (json.dumps([one()]), ""),
        (json.dumps(one()) + "\n\n" + "{nonsense\n", "application/x-ndjson; charset=utf-8"),
    ],
)
async def test_one_a_list_and_a_line_each(client: Client, sink: Sink, body: str, kind: str) -> None:
    status, answer, _ = await client.ask("POST", "/v1/exposures", body.encode(), content_type=kind)
    assert (status, answer["accepted"], len(sink.kept)) == (200, 1, 1)
    assert [item["index"] for item in answer["rejected"]] == ([1] if "ndjson" in kind else [])


@pytest.mark.parametrize(
    ("item", "reason", "says"),
    [
        (one(flag="missing"), "UnknownFlag", "no FeatureFlag in namespace shop has the key 'missing'"),
        (one(variant="blue"), "UnknownVariant", "has no variant 'blue'"),
        (one(flag="private"), "NotRecorded", "set spec.recordExposures to true"),
        (one(unit=""), "Malformed", "unit must be a text of 1 to 512 characters"),
        (one(unit="x" * 513), "Malformed", "unit must be"),
        (one(unit="a\0b"), "Malformed", "without NUL"),
        (one(unit=True), "Malformed", "unit must be"),
        (one(flag=7), "Malformed", "flag must be a text"),
        (one(environment="UPPER"), "Malformed", "environment must be a name"),
        (one(at=NOW + 301), "InTheFuture", "ahead of the server's clock"),
        (one(at=NOW - 31 * DAY), "TooOld", "longer ago than exposures are kept (30 days)"),
        (one(at="yesterday"), "Malformed", "at must be a moment"),
        (one(at="0001-01-01T00:00:00+23:59"), "TooOld", "longer ago"),
        (["checkout"], "Malformed", "must be an object"),
    ],
)
async def test_each_is_answered_with_its_reason(client: Client, sink: Sink, item: Any, reason: str, says: str) -> None:
    status, answer = await client.tell({"exposures": [one(unit="good"), item]})
    assert (status, answer["accepted"]) == (200, 1)
    [rejected] = answer["rejected"]
    assert (rejected["index"], rejected["reason"]) == (1, reason)
    assert says in rejected["message"]
    alone, _ = await client.tell({"exposures": [item]})
    assert alone == 400, "nothing of it could be taken"


async def test_units_environments_and_moments_as_evaluations_have_them(client: Client, sink: Sink) -> None:
    told = [
        one(unit=42, environment="beta", at="2026-11-17T01:00:00Z"),
        one(unit=42.0, flag="team/nested", at=NOW - 5),
    ]
    _, answer = await client.tell({"exposures": told}, flagd_selector="flagSetId=shop/staging")
    assert answer["rejected"] == []
    assert [(kept.unit, kept.environment, kept.window) for kept in sink.kept] == [
        ("42", "beta", 1_794_877_200),
        ("42", "staging", int(NOW // DAY * DAY)),
    ]


async def test_another_namespace_is_asked_for_like_any_other(client: Client, sink: Sink) -> None:
    status, answer = await client.tell({"exposures": [one(namespace="shop"), one(namespace="bank")]})
    assert (status, answer["accepted"]) == (200, 1)
    assert answer["rejected"] == [{"index": 1, "reason": "NotAllowed", "message": "not the flags of bank"}]
    refused, whole = await client.tell({"exposures": [one(namespace="bank")]})
    assert (refused, whole["errorDetails"]) == (403, "not the flags of bank")


async def test_nobody_tells_nothing(client: Client, sink: Sink) -> None:
    status, _ = await client.tell({"exposures": [one(), one(namespace="shop")]}, authorization="Bearer nobody")
    assert (status, sink.kept) == (401, [])
    empty, _ = await client.tell({"exposures": []}, authorization="Bearer nobody")
    assert empty == 401


@pytest.mark.parametrize("body", [b"", b"{", b"7", b'"x"', b'{"exposures": 7}', b"null"])
async def test_a_body_that_is_none_of_it(client: Client, body: bytes) -> None:
    status, answer, _ = await client.ask("POST", "/v1/exposures", body)
    assert status == 400
    assert '{"exposures": [{"flag": …' in answer["errorDetails"]


async def test_too_many_items_or_namespaces(client: Client) -> None:
    status, _ = await client.tell([one()] * 10_001)
    assert status == 413
    status, answer = await client.tell([one(namespace=f"n{number}") for number in range(11)])
    assert (status, "at most 10 namespaces" in answer["errorDetails"]) == (400, True)


@pytest.mark.parametrize(("error", "status"), [(StoreFull("full", retry_after=7), 429), (StoreError("broken"), 503)])
async def test_a_spool_that_takes_nothing(client: Client, sink: Sink, error: StoreError, status: int) -> None:
    sink.error = error
    found, answer, headers = await client.ask("POST", "/v1/exposures", json.dumps(one()).encode())
    assert (found, answer["errorDetails"]) == (status, str(error))
    assert int(headers["retry-after"]) >= 5


async def test_counts_by_variant(client: Client, sink: Sink) -> None:
    await client.tell(one(flag="team/nested"))
    status, answer, _ = await client.ask("GET", "/v1/exposures/team/nested")
    assert status == 200
    assert answer == {"namespace": "shop", "flag": "team/nested", "variants": {"on": 1}, "waiting": 3}
    sink.error = StoreError("the database is away")
    assert (await client.ask("GET", "/v1/exposures/checkout"))[0] == 503


async def test_without_a_store_it_says_what_to_set(catalog: FlagCatalog, gate: Gate) -> None:
    status, answer, _ = await Client(catalog, gate, None).ask("POST", "/v1/exposures", b"{}")
    assert (status, "set server.store" in answer["errorDetails"]) == (404, True)
