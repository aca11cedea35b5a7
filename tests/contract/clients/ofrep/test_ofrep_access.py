"""What OpenFeature's OFREP providers make of keys, of none, and of too many requests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.clients.flagd.flags import flags
from tests.contract.clients.flagd.server_process import ServerProcess
from tests.contract.clients.ofrep.programs import Program, Provider

KEY = "a-key-of-the-tests-0123456789abcdef"


def guarded(folder: Path, **more: Any) -> ServerProcess:
    """A server that wants a key."""
    keys = folder / "keys"
    keys.mkdir()
    (keys / "shop.tests").write_text(KEY)
    running = ServerProcess(folder / "server", {"apiKeys": str(keys), **more})
    running.put("shop", flags())
    running.put("bank", flags())
    running.start()
    return running


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    running = guarded(tmp_path_factory.mktemp("closed"))
    yield running
    running.stop()
    assert KEY not in running.log()


@pytest.fixture
def program(provider: Provider, programs: dict[Provider, Program]) -> Program:
    return programs[provider]


def test_with_a_key_of_its_namespace(program: Program, closed: ServerProcess) -> None:
    """No selector is needed; as a bearer token it counts, too."""
    for headers in ({"X-API-Key": KEY}, {"Authorization": f"Bearer {KEY}"}):
        assert program.begin(closed.http, headers) == ""
        told = program.evaluate("string", "string", "the code's")
        assert (told["value"], told["metadata"]["flagSetId"]) == ("blue é ∞", "shop")


@pytest.mark.parametrize(
    "headers",
    [{}, {"X-API-Key": "wrong"}, {"X-API-Key": KEY, "Flagd-Selector": "flagSetId=bank"}],
    ids=["none", "a wrong one", "of another namespace"],
)
def test_without_the_right_one(
    program: Program, provider: Provider, closed: ServerProcess, headers: dict[str, str]
) -> None:
    failure = program.begin(closed.http, headers)
    if provider == "web":
        assert failure == "Initialization failed", "a browser's provider does not ask again and again"
        return
    told = program.evaluate("string", "string", "the code's")
    assert (failure, told["value"], told["error"]) == ("", "the code's", "GENERAL")


def test_too_many_requests_pause_a_client_for_as_long_as_it_is_told(
    tmp_path: Path, programs: dict[Provider, Program]
) -> None:
    server = guarded(tmp_path, limits={"requestsPerSecond": 2})
    try:
        _paused(server, programs["python"])
        _paused(server, programs["node"])
    finally:
        server.stop()


def _paused(server: ServerProcess, program: Program) -> None:
    assert program.begin(server.http, {"X-API-Key": KEY}) == ""
    until(lambda: program.evaluate("string", "string", "the code's")["value"], "blue é ∞")
    asked = [program.evaluate("string", "string", "the code's") for _ in range(20)]
    refused = [one for one in asked if one["error"] == "GENERAL"]
    assert refused
    assert all(one["value"] == "the code's" for one in refused)
    assert "paused due to TooManyRequests" in refused[-1]["message"]
    until(lambda: program.evaluate("string", "string", "the code's")["value"], "blue é ∞")


def until(found: Callable[[], Any], wanted: Any) -> None:
    deadline = time.monotonic() + 30
    while (last := found()) != wanted:
        assert time.monotonic() < deadline, f"still {last!r}"
        time.sleep(0.05)
