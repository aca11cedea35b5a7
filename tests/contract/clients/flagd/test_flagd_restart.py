"""All providers at once while their server goes away, comes back with other flags, and nobody restarts them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.contract.clients.flagd.conftest import connect, namespace
from tests.contract.clients.flagd.flags import flags
from tests.contract.clients.flagd.programs import KINDS, Program
from tests.contract.clients.flagd.server_process import ServerProcess


@pytest.fixture
def own(tmp_path: Path) -> Iterator[ServerProcess]:
    running = ServerProcess(tmp_path)
    for kind in KINDS:
        running.put(namespace(kind), flags())
    running.start()
    try:
        yield running
    finally:
        running.stop()


def all_say(programs: list[Program], value: str) -> Callable[[], bool]:
    return lambda: all(one.evaluate("string", "moving", "the code's")["value"] == value for one in programs)


def eventually(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def test_a_restarted_server_is_found_again_with_what_changed_meanwhile(own: ServerProcess) -> None:
    with ExitStack() as ends:
        programs = [connect(kind, own) for kind in KINDS]
        for program in programs:
            ends.callback(program.close)
        for program in programs:
            program.ready()
        assert all_say(programs, "one")()
        own.stop()
        in_process = [one for one in programs if one.kind.in_process]
        assert all_say(in_process, "one")(), "who evaluates by itself needs no server for that"
        for kind in KINDS:
            own.put(namespace(kind), flags(moving="two"))
        own.start()
        eventually(all_say(programs, "two"), "a provider does not see what changed while the server was away")
    assert "Traceback" not in own.log(), own.log()
