"""The running server: what it refuses, what it bounds, how it follows changes and how it ends."""

from __future__ import annotations

import http.client
import json
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.contract.serving.process import ONE, SHOP, Process, received, statuses, wait_for
from tests.fakes.serving_world import manifest

ALL = "/ofrep/v1/evaluate/flags"
KEY = {"X-API-Key": "the-key-of-the-bank"}
HEAD = b"POST /ofrep/v1/evaluate/flags/new HTTP/1.1\r\nHost: a\r\nFlagd-Selector: flagSetId=shop\r\n"
STAFF = {"name": "staff", "conditions": [{"field": "email", "operator": "EndsWith", "value": "@x"}], "variant": "on"}
EVIL = {"name": "evil", "conditions": [{"field": "a", "operator": "Matches", "value": "^(a+)+$"}], "variant": "on"}


def rules(count: int) -> list[dict[str, Any]]:
    conditions = [{"field": "n", "operator": "Equals", "value": -1}]
    return [{"name": f"r{index}", "conditions": conditions, "variant": "on"} for index in range(count)]


def write(folder: Path, *manifests: dict[str, Any]) -> None:
    items = [{"kind": "FeatureFlag", **one} for one in manifests]
    hidden = folder / ".flags.json"
    hidden.write_text(json.dumps({"kind": "List", "items": items}))
    hidden.rename(folder / "flags.json")


FLAGS = (
    manifest("new", rules=[STAFF]),
    manifest("evil", rules=[EVIL]),
    manifest("many", rules=rules(1000)),
    manifest("too-many", rules=rules(10_000)),
    manifest("vault", "bank"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("serving")
    for name in ("flags", "keys"):
        (made / name).mkdir()
    (made / "keys" / "bank.app").write_text(KEY["X-API-Key"])
    write(made / "flags", *FLAGS)
    return made


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Process]:
    """One for all tests that do not end it; whatever they send, it has nothing to say of it."""
    limits = {"headers": 4096, "body": 65536, "requestTimeout": "700ms"}
    settings = {"anonymous": ["shop"], "apiKeys": str(folder / "keys"), "limits": limits}
    process = Process(folder, settings, "--flags", str(folder / "flags"))
    try:
        yield process
        assert process.post(ONE)[0] == 200
        assert process.stop() == 0
        assert "Traceback" not in process.log
        assert KEY["X-API-Key"] not in process.log
    finally:
        process.end()


def test_evaluates(server: Process) -> None:
    status, answer = server.post(ONE, {"context": {"email": "a@x"}})
    assert (status, answer["value"], answer["reason"]) == (200, True, "TARGETING_MATCH")
    status, answer = server.post("/ofrep/v1/evaluate/flags/n%65w")
    assert (status, answer["key"]) == (200, "new")


def test_a_namespace_is_for_its_own_callers(server: Process) -> None:
    vault = f"{ALL}/vault"
    assert server.post(vault, headers={"Flagd-Selector": "flagSetId=bank"})[0] == 401
    assert server.post(vault, headers={"Authorization": "Bearer nobody's"})[0] == 401
    assert server.post(vault, headers=KEY)[0] == 200
    assert server.post(vault, headers={"Authorization": f"Bearer {KEY['X-API-Key']}"})[0] == 200
    assert server.post(ONE, headers={**KEY, **SHOP})[0] == 200  # open to anybody
    assert server.post(vault, headers={**KEY, "Flagd-Selector": "flagSetId=vault"})[0] == 403
    assert server.post(vault)[0] == 404  # the shop has none of that key


def test_a_pattern_that_would_backtrack_and_a_thousand_rules_are_bounded(server: Process) -> None:
    status, answer = server.post(f"{ALL}/evil", {"context": {"a": "a" * 50_000 + "!"}})
    assert (status, answer["value"]) == (200, False)
    assert server.post(f"{ALL}/many", {"context": {"n": 1}})[1]["value"] is False
    assert server.post(f"{ALL}/too-many", {})[0] == 404


def test_large_bodies_are_413_by_length_and_in_chunks(server: Process) -> None:
    body = b'{"context": {"a": "' + b"x" * 100_000 + b'"}}'
    by_length = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
    in_chunks = HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"
    for request in (by_length, in_chunks):
        after = request + HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}"
        assert statuses(server.raw(after)) == [413, 200]  # what follows is another request


def test_large_heads_are_431_complete_or_not(server: Process) -> None:
    many = HEAD + b"".join(b"X-%d: y\r\n" % index for index in range(2000))
    assert statuses(server.raw(many + b"Content-Length: 2\r\n\r\n{}")) == [431]
    assert statuses(server.raw(HEAD + b"X: ", *[b"y" * 2000] * 10, pause=0.01)) == [431]
    assert statuses(server.raw(b"POST /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: a\r\n\r\n")) == [431]


def test_what_stands_around_a_body_is_no_more_than_a_head(server: Process) -> None:
    """Fields after the last chunk are kept by the parser as headers are, and no limit of bodies counts them."""
    chunked = HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"
    assert statuses(server.raw(chunked + b"0\r\n", *[b"X: y\r\n" * 300] * 10, pause=0.01)) == [431]
    assert statuses(server.raw(chunked + b"0\r\nX: ", *[b"y" * 2000] * 10, pause=0.01)) == [431]
    assert statuses(server.raw(chunked + b"1;", *[b"y" * 2000] * 10, pause=0.01)) == [431]
    few = b"0\r\nX: y\r\n\r\n" + HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}"
    assert statuses(server.raw(chunked, *[b"1\r\n \r\n" * 20] * 60, few)) == [200, 200]


def test_slow_requests_are_408(server: Process) -> None:
    assert statuses(server.raw(HEAD)) == [408]
    assert statuses(server.raw(HEAD + b"Content-Length: 2\r\n\r\n{")) == [408]
    dripping = [HEAD, b"Content-Length: 20\r\n\r\n", *[b" "] * 10]
    assert statuses(server.raw(*dripping, pause=0.1)) == [408]


NEXT = b"GET /openapi.yaml HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
SMUGGLED = {
    "length and chunks": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + NEXT,
    "chunks and length": b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + NEXT,
    "two lengths": b"Content-Length: 2\r\nContent-Length: 70\r\n\r\n{}" + NEXT,
    "a list of lengths": b"Content-Length: 2, 70\r\n\r\n{}" + NEXT,
    "a signed length": b"Content-Length: +2\r\n\r\n{}" + NEXT,
    "a negative length": b"Content-Length: -1\r\n\r\n" + NEXT,
    "a huge length": b"Content-Length: 99999999999999999999999\r\n\r\n" + NEXT,
    "a space before the colon": b"Content-Length : 2\r\n\r\n{}" + NEXT,
    "a folded header": b"X: a\r\n Content-Length: 2\r\n\r\n{}" + NEXT,
    "chunks that are not last": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + NEXT,
    "a chunk without a size": b"Transfer-Encoding: chunked\r\n\r\nz\r\n" + NEXT,
    "a bare LF": b"Content-Length: 2\n\r\n{}" + NEXT,
    "a NUL": b"X: a\0b\r\nContent-Length: 2\r\n\r\n{}" + NEXT,
    "two hosts": b"Host: b\r\nContent-Length: 0\r\n\r\n" + NEXT,
}


@pytest.mark.parametrize("name", SMUGGLED)
def test_doubtful_requests_end_the_connection_unread(server: Process, name: str) -> None:
    assert statuses(server.raw(HEAD + SMUGGLED[name])) == [400]


@pytest.mark.parametrize("text", [
    b"GET / HTTP/1.1\r\n\r\n", b"GET http://[::1 HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/9.9\r\nHost: a\r\n\r\n", b"\r\n\r\n\0\0\0",
])  # fmt: skip
def test_what_is_no_http_is_400(server: Process, text: bytes) -> None:
    assert statuses(server.raw(text)) == [400]


def test_an_upgrade_is_declined_and_the_request_answered_with_its_body(server: Process) -> None:
    """As Java's client sends its first request: the body must count, and must not be taken for a request."""
    body = b'{"context": {"email": "a@x"}}'
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA\r\n"
    for request in (
        (HEAD + upgrade + b"Content-Length: %d\r\n\r\n" % len(body) + body,),
        (HEAD + upgrade + b"Content-Length: %d\r\n\r\n" % len(body), body[:7], body[7:]),
        (HEAD + upgrade + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(body), body, b"\r\n0\r\n\r\n"),
    ):
        answer = server.raw(*request, pause=0.02)
        assert statuses(answer) == [200]
        assert b'"value":true' in answer
    websocket = b"GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    assert statuses(server.raw(websocket)) == [404]
    assert statuses(server.raw(b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n")) == [405]


def test_requests_sent_in_a_row_are_answered_in_order(server: Process) -> None:
    requests = [HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body for body in (b"{}", b"[", b'{"context": {}}')]
    answer = server.raw(b"".join(requests) + NEXT)
    assert statuses(answer) == [200, 400, 200, 200]


def test_an_old_client_is_answered_and_its_connection_closed(server: Process) -> None:
    head = HEAD.replace(b"HTTP/1.1", b"HTTP/1.0").replace(b"Host: a\r\n", b"")
    answer = server.raw(head + b"Content-Length: 2\r\n\r\n{}" + NEXT)
    assert statuses(answer) == [200]


def test_a_client_that_waits_to_be_told_to_continue_is(server: Process) -> None:
    request = HEAD + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    assert statuses(server.raw(request, b"{}" + NEXT, pause=0.05)) == [100, 200, 200]


def test_nonsense_is_never_answered_with_5xx(server: Process) -> None:
    """Mutations of requests that are fine; what is answered at all is below 500."""
    dice = random.Random(5)
    body = b'{"context": {"targetingKey": "u", "a": [1, {"b": null}]}, "flags": ["new"]}'
    paths = (b"/ofrep/v1/evaluate/flags", b"/v1/evaluate", b"/v1/exposures", b"/ofrep/v1/events?scope=a", b"/v1/usage")

    def nonsense() -> bytes:
        head = b"POST " + dice.choice(paths) + b" HTTP/1.1\r\nHost: a\r\nFlagd-Selector: flagSetId=shop\r\n"
        text = bytearray(head + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        for _ in range(dice.randint(0, 6)):
            text[dice.randrange(len(text))] = dice.randrange(256)
        return bytes(text) + b"\r\n\r\n"

    with ThreadPoolExecutor(40) as pool:
        for answer in pool.map(lambda text: server.raw(text, silence=1.5), [nonsense() for _ in range(300)]):
            found = statuses(answer)
            assert found
            assert all(status < 500 for status in found)


def test_a_change_is_followed_by_evaluations_and_told_by_streams(server: Process, folder: Path) -> None:
    streams = server.post(ALL)[1]["eventStreams"]
    connection = http.client.HTTPConnection("127.0.0.1", server.http, timeout=30)
    connection.request("GET", streams[0]["endpoint"]["requestUri"])
    stream = connection.getresponse()
    assert (stream.status, stream.readline()[:7]) == (200, b"retry: ")
    write(folder / "flags", manifest("new", defaultVariant="on"), *FLAGS[1:])
    lines = [stream.readline() for _ in range(4)]
    assert any(b"refetchEvaluation" in line for line in lines)
    assert server.post(ONE)[1]["value"] is True
    connection.close()
    write(folder / "flags", *FLAGS)
    wait_for(lambda: server.post(ONE)[1]["value"] is False, "the flags of before")


def test_health_and_metrics_have_a_port_of_their_own(server: Process) -> None:
    assert server.ask("GET", "/healthz", port=server.health)[0] == 200
    status, text = server.ask("GET", "/readyz", port=server.health)
    assert (status, "[+] flags" in text, "[+] watch" in text) == (200, True, True)
    status, text = server.ask("GET", "/metrics", port=server.health)
    assert 'truststream_flag_evaluations_total{flag="new",flag_namespace="shop",variant="off"}' in text
    assert 'truststream_server_answers_total{status="200"}' in text
    assert server.ask("GET", "/metrics")[0] == 404


def test_exposures_without_a_store_say_so(server: Process) -> None:
    status, answer = server.post("/v1/exposures", {"exposures": []})
    assert (status, "server.store" in answer["errorDetails"]) == (404, True)


class KeepAlive(threading.Thread):
    """A client that keeps its connection until it is told to close it, as a Service's clients do."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.seen: list[int | str] = []
        self.told_to_close = False

    def run(self) -> None:
        while not self.told_to_close:
            try:
                self.ask()
            except OSError as error:
                self.seen.append(f"{type(error).__name__}: {error}")
                return

    def ask(self) -> None:
        self.connection.request("POST", ONE, "{}", SHOP)
        answer = self.connection.getresponse()
        answer.read()
        self.seen.append(answer.status)
        self.told_to_close = answer.getheader("Connection") == "close"


def test_an_end_loses_no_request_and_closes_what_is_kept_open(tmp_path: Path) -> None:
    write(tmp_path, manifest("new"))
    process = Process(tmp_path, {"anonymous": ["shop"]}, "--flags", str(tmp_path), drain=1.0)
    idle, *busy = (KeepAlive(process.http) for _ in range(4))
    stream = http.client.HTTPConnection("127.0.0.1", process.http, timeout=30)
    try:
        idle.ask()
        stream.request("GET", process.post(ALL)[1]["eventStreams"][0]["endpoint"]["requestUri"])
        told = stream.getresponse()
        for one in busy:
            one.start()
        process.popen.terminate()
        wait_for(lambda: process.ask("GET", "/readyz", port=process.health)[0] == 503, "it is not ready any more")
        assert process.post(ONE)[0] == 200  # and still answers
        for one in busy:
            one.join(30)
        assert [(set(one.seen), one.told_to_close) for one in busy] == [({200}, True)] * 3
        assert told.read().count(b"retry: ") == 2  # at the beginning, and at the end
        assert process.popen.wait(30) == 0
        assert received(idle.connection.sock) == b""
        assert "Traceback" not in process.log
    finally:
        for connection in (stream, idle.connection, *(one.connection for one in busy)):
            connection.close()
        process.end()
