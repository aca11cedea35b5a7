"""OpenFeature's OFREP providers for Python, Node and browsers, unmodified, against the real server."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.contract.clients.flagd.flags import OBJECT
from tests.contract.clients.flagd.server_process import ServerProcess
from tests.contract.clients.ofrep.conftest import PROVIDERS, more_flags, selector
from tests.contract.clients.ofrep.programs import Program, Provider

ANN = {"targetingKey": "u1", "user": {"email": "ann@corp.example"}}
BOB = {"targetingKey": "u1", "user": {"email": "bob@example"}}


@pytest.fixture
def program(provider: Provider, server: ServerProcess, programs: dict[Provider, Program]) -> Program:
    found = programs[provider]
    assert found.begin(server.http, selector(provider)) == ""
    return found


def until(found: Callable[[], Any], wanted: Any) -> None:
    deadline = time.monotonic() + 30
    while (last := found()) != wanted:
        assert time.monotonic() < deadline, f"still {last!r}"
        time.sleep(0.02)


def value(program: Program, flag: str, default: Any = "code") -> Any:
    return program.evaluate("string", flag, default)["value"]


def test_every_type(program: Program) -> None:
    asked: list[tuple[str, str, Any, Any]] = [
        ("boolean", "bool", False, True),
        ("boolean", "off", True, False),
        ("string", "string", "", "blue é ∞"),
        ("integer", "integer", 0, 42),
        ("float", "float", 0.0, 1.5),
        ("float", "whole", 0.5, 10.0),
        ("object", "object", {}, OBJECT),
        ("string", "team/nested.flag", "", "deep"),
        ("string", "where", "", "live"),
    ]
    for kind, flag, default, wanted in asked:
        told = program.evaluate(kind, flag, default)
        assert (told["value"], told["error"], told["reason"]) == (wanted, None, "STATIC"), flag
        assert told["variant"] == ("it" if flag != "where" else "live")


def test_what_is_told_beside_the_value(program: Program, provider: Provider) -> None:
    told = program.evaluate("string", "where", "")["metadata"]
    assert (told["flagSetId"], told["environment"]) == (provider, "prod")
    assert len(told["version"]) > 8


def test_a_disabled_flag_gives_its_default_variant(program: Program) -> None:
    told = program.evaluate("string", "disabled", "the code's")
    assert (told["value"], told["variant"], told["reason"]) == ("as if off", "it", "DISABLED")


def test_a_missing_flag_gives_the_codes_default_and_says_so(program: Program) -> None:
    told = program.evaluate("string", "nothing", "the code's")
    assert (told["value"], told["error"], told["reason"]) == ("the code's", "FLAG_NOT_FOUND", "ERROR")


def test_another_type_gives_the_codes_default_and_says_so(program: Program) -> None:
    told = program.evaluate("boolean", "string", True)
    assert (told["value"], told["error"]) == (True, "TYPE_MISMATCH")


def test_a_context_decides(program: Program, provider: Provider) -> None:
    """The browser's provider asks anew when the context changes, with the old ETag where only attributes did."""
    told = [_with(program, provider, context) for context in (ANN, BOB, ANN, BOB)]
    assert [one["value"] for one in told] == [True, False, True, False]
    assert [one["reason"] for one in told] == ["TARGETING_MATCH", "DEFAULT", "TARGETING_MATCH", "DEFAULT"]


def _with(program: Program, provider: Provider, context: dict[str, Any]) -> dict[str, Any]:
    if provider == "web":
        assert program.ask("context", context=context) == {"set": True}
    return program.evaluate("boolean", "staff", False, context)


def test_a_change_arrives(program: Program, provider: Provider, server: ServerProcess) -> None:
    server.put(provider, more_flags(moving="one"))
    until(lambda: value(program, "moving"), "one")
    if provider == "web":
        program.ask("wait", event="PROVIDER_READY")  # what was heard so far is forgotten
    server.put(provider, more_flags(moving="two"))
    if provider == "web":
        assert program.ask("wait", event="PROVIDER_CONFIGURATION_CHANGED")["came"]
    until(lambda: value(program, "moving"), "two")


def test_a_browser_that_polls(server: ServerProcess, programs: dict[Provider, Program]) -> None:
    program = programs["web"]
    assert program.begin(server.http, selector("web"), poll=50, context=ANN) == ""
    assert program.ask("answered", status=304)["came"], "nothing changed, and nothing was sent"
    server.put("web", more_flags(moving="polled"))
    assert program.ask("answered", status=200)["came"]
    until(lambda: value(program, "moving"), "polled")
    program.ask("context", context=BOB)
    assert program.evaluate("boolean", "staff", True)["value"] is False


def test_a_restart(server: ServerProcess, programs: dict[Provider, Program]) -> None:
    """A browser goes on with what it has, the others with the code's default; all come back by themselves."""
    for provider, program in programs.items():
        assert program.begin(server.http, selector(provider)) == ""
        assert value(program, "string") == "blue é ∞"
    server.stop()
    for provider in ("python", "node"):
        down = programs[provider].evaluate("string", "string", "the code's")
        assert (down["value"], down["error"]) == ("the code's", "GENERAL")
    assert value(programs["web"], "string") == "blue é ∞"
    server.start()
    for provider in PROVIDERS:
        server.put(provider, more_flags(moving="after"))
    for program in programs.values():
        until(partial(value, program, "moving"), "after")
