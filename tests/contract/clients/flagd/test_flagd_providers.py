"""flagd's providers for Python and Node, unmodified, against the real server: evaluating there and in process."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.contract.clients.flagd.conftest import namespace
from tests.contract.clients.flagd.flags import OBJECT, flags
from tests.contract.clients.flagd.programs import Program
from tests.contract.clients.flagd.server_process import ServerProcess

STAFF = {"targetingKey": "u1", "user": {"email": "ann@corp.example"}}


@pytest.mark.parametrize(
    ("kind", "flag", "default", "value"),
    [
        ("boolean", "bool", False, True),
        ("boolean", "off", True, False),
        ("string", "string", "", "blue é ∞"),
        ("integer", "integer", 0, 42),
        ("float", "float", 0.0, 1.5),
        ("object", "object", {}, OBJECT),
        ("string", "where", "", "live"),
    ],
)
def test_every_type(program: Program, kind: str, flag: str, default: Any, value: Any) -> None:
    told = program.evaluate(kind, flag, default)
    assert told["value"] == value
    assert told["error"] is None
    assert told["variant"] == ("it" if flag != "where" else "live")
    assert told["reason"] in ("STATIC", "CACHED")


def test_targeting(program: Program) -> None:
    """In process the reason is flagd's: TARGETING_MATCH also where the targeting arrived at the default."""
    assert program.evaluate("boolean", "staff", False, STAFF)["reason"] == "TARGETING_MATCH"
    assert program.evaluate("boolean", "staff", False, STAFF)["value"] is True
    stranger = program.evaluate("boolean", "staff", True, {"targetingKey": "u2", "user": {"email": "b@example"}})
    assert (stranger["value"], stranger["variant"]) == (False, "off")
    assert program.kind.in_process or stranger["reason"] == "DEFAULT"


def test_a_disabled_flag_gives_its_default_variant(program: Program) -> None:
    """In process too, where flagd's own disabled flags would give the default of the application's code."""
    told = program.evaluate("string", "disabled", "the code's")
    assert (told["value"], told["variant"], told["error"]) == ("as if off", "it", None)
    assert told["reason"] == "STATIC" if program.kind.in_process else "DISABLED"


def test_a_missing_flag_gives_the_codes_default_and_says_so(program: Program) -> None:
    told = program.evaluate("string", "nothing", "the code's")
    assert (told["value"], told["error"]) == ("the code's", "FLAG_NOT_FOUND")


def test_another_type_gives_the_codes_default_and_says_so(program: Program) -> None:
    told = program.evaluate("boolean", "unasked", True)  # Node's cache would answer for a flag it has, of any type
    assert (told["value"], told["error"]) == (True, "TYPE_MISMATCH")


def test_what_flagd_cannot_express_is_evaluated_on_the_server_alone(program: Program) -> None:
    told = program.evaluate("boolean", "regex", False, {"targetingKey": "u1", "page": "/shop/12"})
    if program.kind.in_process:
        assert (told["value"], told["error"]) == (False, "FLAG_NOT_FOUND")
    else:
        assert (told["value"], told["reason"]) == (True, "TARGETING_MATCH")


def test_a_change_arrives_and_is_announced(program: Program, server: ServerProcess) -> None:
    """Also where the client keeps answers: a static one is asked for again only when it is told to."""
    assert program.evaluate("string", "moving", "")["value"] == "one"
    program.evaluate("string", "moving", "")
    server.put(namespace(program.kind), flags(moving="two"))
    deadline = time.monotonic() + 30
    while program.evaluate("string", "moving", "")["value"] != "two":
        assert time.monotonic() < deadline, "the change did not arrive"
        time.sleep(0.05)
    assert program.waits_for("PROVIDER_CONFIGURATION_CHANGED")


def test_units_are_dealt_as_on_the_server_where_the_version_fits(
    program: Program, on_the_server: dict[str, list[str]]
) -> None:
    for version, flag in (("FlagdV2", "split-v2"), ("FlagdV3", "split-v3")):
        ours = on_the_server[flag][: None if program.kind.in_process else 50]
        theirs = program.variants(flag, len(ours))
        differing = sum(one != other for one, other in zip(ours, theirs, strict=True))
        if program.kind.in_process and program.kind.buckets != version:
            assert differing > len(ours) / 3, "another version deals anew: status.inProcess says whom a flag fits"
        else:
            assert differing == 0
