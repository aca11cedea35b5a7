"""A server for a worker's tests, and the clients of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.contract.clients.flagd.flags import always, flags
from tests.contract.clients.flagd.server_process import ServerProcess
from tests.contract.clients.ofrep.programs import Program, Provider

PROVIDERS: list[Provider] = ["python", "node", "web"]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """For anonymous callers; every provider has its own namespace, so that changes do not cross."""
    running = ServerProcess(tmp_path_factory.mktemp("ofrep"))
    for provider in PROVIDERS:
        running.put(provider, more_flags())
    running.start()
    try:
        yield running
    finally:
        running.stop()
    assert "Traceback" not in running.log(), running.log()


@pytest.fixture(scope="session")
def programs() -> Iterator[dict[Provider, Program]]:
    """One of each."""
    with ExitStack() as running:
        found = {provider: Program(provider) for provider in PROVIDERS}
        for program in found.values():
            running.callback(program.close)
        yield found


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> Provider:
    found: Provider = request.param
    return found


def more_flags(moving: str = "one") -> dict[str, dict[str, Any]]:
    """By name; `moving` is the value of the one that changes."""
    return {
        **flags(moving),
        "whole": always("Number", 10.0),
        "nested": {**always("String", "deep"), "key": "team/nested.flag"},
    }


def selector(provider: Provider) -> dict[str, str]:
    """The namespace of a provider's tests, in the environment `prod`."""
    return {"Flagd-Selector": f"flagSetId={provider}/prod"}
