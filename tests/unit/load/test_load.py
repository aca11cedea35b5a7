"""The load client: what it refuses, what it counts as lost, and that it ends."""

from __future__ import annotations

import asyncio

import pytest

from tests.load import Answer, Tally, client, target
from tests.load.answer import SKIPPED


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://198.18.0.1:8080/", "http://198.19.3.4/"])
def test_test_clusters_and_loopback_may_be_loaded(url: str) -> None:
    target.check(url)


@pytest.mark.parametrize("url", ["http://10.0.0.1/", "http://198.20.0.1/", "https://127.0.0.1/", "file:///etc/passwd"])
def test_anything_else_is_refused(url: str) -> None:
    with pytest.raises(target.TargetRefused):
        target.check(url)


def test_a_plan_is_bounded_by_time_and_by_number() -> None:
    assert client.Plan("http://127.0.0.1/", "", rate=100, seconds=3, requests=10_000).count == 300
    assert client.Plan("http://127.0.0.1/", "", rate=100, seconds=3, requests=7).count == 7


def test_an_answer_survives_its_line() -> None:
    answer = Answer(at=1.5, status=200, seconds=0.25, version="podinfo 6.9.1", host="pod-1")
    assert Answer.parse(answer.line()) == answer


def test_lost_is_no_answer_or_a_wrong_one_and_never_what_was_not_sent() -> None:
    answers = [
        Answer(0, 200, 0.1, "a"),
        Answer(1, 503, 0.1),
        Answer(2, 404, 0.1),
        Answer(3, 0, 0.1, error="reset"),
        Answer(4, 0, 0, error=SKIPPED),
    ]
    tally = Tally(answers)
    assert (tally.sent, tally.skipped, len(tally.lost)) == (4, 1, 3)
    assert tally.share("a") == 100
    assert Tally.between(answers, 1, 3).sent == 2


async def test_an_open_loop_sends_all_that_is_due_and_tells_each() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 20\r\n\r\n{"message":"here"}  ')
        await writer.drain()
        writer.close()

    answers: list[Answer] = []
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        plan = client.Plan(f"http://127.0.0.1:{port}/", "", rate=200, seconds=10, requests=20, keep_alive=False)
        await client.run(plan, answers.append)
    assert [(answer.status, answer.version) for answer in answers] == [(200, "here")] * 20
