"""What the HTTP sources share: Secrets, reasons, certificates and one deadline for the whole answer."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from truststream.api.configuration import SecretKey, parse
from truststream.canary.observation import Outcome
from truststream.errors import ConfigurationError
from truststream.metrics.answers import NoAnswerError
from truststream.metrics.cloudwatch import CloudWatchConfiguration
from truststream.metrics.graphite import GraphiteConfiguration
from truststream.metrics.http_json import HttpJsonConfiguration, looked_up
from truststream.metrics.rest import Http, Place, Request, RestConfiguration, Secrets, named_secrets, said

PLACE = Place("Other at http://x", "sources.other.config")


def test_every_secret_of_a_configuration_is_found() -> None:
    keys = {"accessKeyIdSecret": {"name": "aws", "key": "id"}, "secretAccessKeySecret": {"name": "aws", "key": "key"}}
    tls = {"tls": {"caSecret": {"name": "ca"}}}
    cloud = parse(CloudWatchConfiguration, {"region": "eu-central-1", **keys, **tls})
    assert set(named_secrets(cloud)) == {("aws", "id"), ("aws", "key"), ("ca", "ca.crt")}
    graphite = parse(GraphiteConfiguration, {"address": "http://x", "basicAuthSecret": {"name": "login"}})
    assert set(named_secrets(graphite)) == {("login", "username"), ("login", "password")}
    headers = {"secretHeaders": {"X-Key": {"name": "keys"}}}
    http = parse(HttpJsonConfiguration, {"url": "http://x/{{query}}", "pointer": "", **headers})
    assert set(named_secrets(http)) == {("keys", "token")}


def test_a_value_is_taken_bare() -> None:
    secret = SecretKey(name="keys", key="one")
    assert Secrets({("keys", "one"): "abc\n"}).header(secret, "place") == "abc"
    assert Secrets().header(None, "place") == ""
    with pytest.raises(ConfigurationError, match="place: key one of Secret keys is empty or has control characters"):
        Secrets({("keys", "one"): " \n"}).header(secret, "place")


def test_longer_secrets_are_hidden_first_and_short_ones_are_words() -> None:
    secrets = Secrets({("a", "a"): "key-1", ("a", "b"): "key-1-long", ("a", "c"): "in"})
    assert secrets.hide("sent key-1-long in key-1") == "sent … in …"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"error": "a"}', "a"),
        (b'{"errors": ["a", "b"]}', "a; b"),
        (b'{"errors": [{"message": "a"}]}', "a"),
        (b'{"error": {"message": "a"}}', "a"),
        (b'{"code": 7}', ""),
        (b"[1]", ""),
        (b"<h1>a</h1>", "a"),
        (b"\xff", "\ufffd"),
    ],
)
def test_the_reason_in_an_error(body: bytes, reason: str) -> None:
    assert said(body) == reason


def test_a_long_reason_is_cut_and_one_line() -> None:
    http = Http(PLACE, RestConfiguration(), Secrets())
    text = http.refused(400, "first\nsecond " + "x" * 1000)
    http.close()
    assert text.outcome is Outcome.INVALID
    assert "first second xxx" in str(text)
    assert len(str(text)) < 400


@pytest.mark.parametrize("text", ["none", "", "-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----"])
def test_a_ca_that_is_none(text: str) -> None:
    """An empty one does not mean the public CAs."""
    config = parse(RestConfiguration, {"tls": {"caSecret": {"name": "ca"}}})
    with pytest.raises(ConfigurationError, match=r"config\.tls\.caSecret: the key holds no certificate"):
        Http(PLACE, config, Secrets({("ca", "ca.crt"): text}))


@contextlib.contextmanager
def talker(*parts: bytes, pause: float) -> Iterator[str]:
    """A server that says its parts with pauses, and takes no request back."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def talk() -> None:
            with contextlib.suppress(OSError), server.accept()[0] as connection:
                connection.recv(4096)
                for part in parts:
                    connection.sendall(part)
                    time.sleep(pause)

        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        thread.join(5)


def refusal(address: str, **config: Any) -> NoAnswerError:
    http = Http(PLACE, parse(RestConfiguration, config), Secrets())
    with pytest.raises(NoAnswerError) as caught:
        http.body(Request("GET", address))
    http.close()
    return caught.value


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"


def test_drop_by_drop_is_too_late() -> None:
    """Every byte comes in time, the answer does not."""
    with talker(HEAD, *[b"x" * 10] * 8, pause=0.1) as address:
        found = refusal(address, timeout="300ms")
    assert found.outcome is Outcome.SOURCE_DOWN
    assert "does not answer within 0.3s" in str(found)


def test_an_answer_that_breaks_off() -> None:
    with talker(HEAD + b"x", pause=0) as address:
        found = refusal(address, timeout="2s")
    assert found.outcome is Outcome.SOURCE_DOWN
    assert "cannot be reached" in str(found)


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"Content-Length: 8", b'{"a": 1}'),
        (b"Transfer-Encoding: chunked", b'4\r\n{"a"\r\n4\r\n: 1}\r\n0\r\n\r\n'),
        (b"Content-Encoding: gzip\r\nConnection: close", gzip.compress(b'{"a": 1}')),
        (b"Connection: close", b'{"a": 1}'),
    ],
    ids=["length", "chunks", "gzip", "until the end"],
)
def test_however_the_body_is_sent(head: bytes, body: bytes) -> None:
    answer = b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + body
    with talker(answer[:-3], answer[-3:], pause=0.02) as address:
        http = Http(PLACE, parse(RestConfiguration, {"timeout": "2s"}), Secrets())
        assert http.json(Request("GET", address)) == {"a": 1}
        http.close()


def test_what_is_no_gzip() -> None:
    with talker(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", pause=0) as address:
        assert refusal(address, timeout="2s").outcome is Outcome.SOURCE_DOWN


def test_a_pause_in_the_body_that_is_too_long() -> None:
    with talker(HEAD + b"x", b"y", pause=0.6) as address:
        assert "does not answer within 0.2s" in str(refusal(address, timeout="200ms"))


def test_no_http_at_all() -> None:
    with talker(b"220 mail.shop ESMTP\r\n", pause=0) as address:
        assert refusal(address, timeout="2s").outcome is Outcome.SOURCE_DOWN


def test_nothing_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that does not exist would refuse the connection."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with talker(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", pause=0) as address:
        http = Http(PLACE, parse(RestConfiguration, {"timeout": "2s"}), Secrets())
        assert http.json(Request("GET", address)) == {}
        http.close()


RFC = json.loads(
    '{"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\\\j": 5, "k\\"l": 6, " ": 7, "m~n": 8}'
)


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("", RFC), ("/foo", ["bar", "baz"]), ("/foo/0", "bar"), ("/", 0), ("/a~1b", 1), ("/c%d", 2), ("/e^f", 3),
        ("/g|h", 4), ("/i\\j", 5), ('/k"l', 6), ("/ ", 7), ("/m~0n", 8), ("/foo/2", None),
    ],
)  # fmt: skip
def test_the_pointers_of_rfc_6901(pointer: str, value: object) -> None:
    assert looked_up(RFC, pointer, "it") == value


@pytest.mark.parametrize("pointer", ["/bar", "/foo/00", "/foo/-", "/foo/x", "/a~1b/c"])
def test_pointers_to_nowhere(pointer: str) -> None:
    with pytest.raises(NoAnswerError, match="it has nothing at") as caught:
        looked_up(RFC, pointer, "it")
    assert caught.value.outcome is Outcome.INVALID
