"""Which spec is served: approvals, the emergency off, and the last good one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.flags.world import flags, source, spec
from truststream.flags.digests import spec_digest
from truststream.flags.served import Served, Why, served

APPROVAL = {"approval": {"required": 1, "groups": ["leads"]}}
OLD = spec(**APPROVAL)
NEW = spec(defaultVariant="on", **APPROVAL)
OFF = {**OLD, "enabled": False}


def last(raw: dict[str, Any]) -> dict[str, Any]:
    return {"generation": 1, "digest": spec_digest(raw), "spec": raw, "since": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("raw", "before", "valid", "expected"),
    [
        (spec(), None, True, Served(spec(), Why.CURRENT)),
        (spec(), None, False, Served(None, Why.INVALID)),
        (spec(), spec(owner="me"), True, Served(spec(), Why.CURRENT)),
        (spec(), spec(owner="me"), False, Served(spec(owner="me"), Why.INVALID)),
        (spec(enabled=False), spec(), False, Served(spec(enabled=False), Why.INVALID, switched_off=True)),
        (NEW, None, True, Served(None, Why.AWAITING_APPROVAL)),
        (NEW, OLD, True, Served(OLD, Why.AWAITING_APPROVAL)),
        (NEW, OLD, False, Served(OLD, Why.AWAITING_APPROVAL)),
        (OLD, OLD, True, Served(OLD, Why.CURRENT)),
        (OFF, OLD, True, Served(OFF, Why.CURRENT, switched_off=True)),
        ({**NEW, "enabled": False}, OLD, True, Served(OFF, Why.AWAITING_APPROVAL, switched_off=True)),
        (OLD, OFF, True, Served(OFF, Why.AWAITING_APPROVAL)),
        (NEW, spec(), True, Served(NEW, Why.CURRENT)),
        (spec(), OLD, True, Served(OLD, Why.AWAITING_APPROVAL)),
        ({**OLD, "enabled": True}, OLD, True, Served({**OLD, "enabled": True}, Why.CURRENT)),
    ],
    ids=[
        "new",
        "new and wrong",
        "changed",
        "changed and wrong",
        "wrong but off",
        "first, to be approved",
        "change to be approved",
        "wrong change to be approved",
        "approved",
        "switched off",
        "switched off with other changes",
        "on again needs an approval",
        "approval asked for from now on",
        "approval no longer asked for has to be approved",
        "enabled is true where it is left out",
    ],
)
def test_served(raw: dict[str, Any], before: dict[str, Any] | None, valid: bool, expected: Served) -> None:
    assert served(source("flag", raw, served=last(before) if before else None), valid=valid) == expected


@pytest.mark.parametrize("broken", [{}, {"spec": None}, {"spec": "text", "digest": 5}])
def test_a_broken_status_is_none(broken: dict[str, Any]) -> None:
    assert served(source("flag", NEW, served=broken)).spec is None
    assert served(source("flag", spec(), served=broken)).spec == spec()


def variant(raw: dict[str, Any], before: dict[str, Any]) -> tuple[str, str, bool]:
    built = flags(source("flag", raw, served=last(before)))
    found = built.evaluate("flag", {}, 0)
    return found.variant, found.reason.value, bool(built.problems)


def test_a_set_serves_what_is_approved() -> None:
    assert variant(NEW, OLD) == ("off", "STATIC", False)
    assert variant(NEW, NEW) == ("on", "STATIC", False)
    assert variant({**NEW, "enabled": False}, OLD) == ("off", "DISABLED", False)


def test_a_set_serves_the_last_good_spec_and_tells_the_problem() -> None:
    assert variant(spec(defaultVariant="gone"), spec(defaultVariant="on")) == ("on", "STATIC", True)
    assert variant(spec(defaultVariant="gone", enabled=False), spec(defaultVariant="on")) == ("on", "DISABLED", True)


def test_problems_of_a_spec_that_waits_are_told_already() -> None:
    wrong = spec(defaultVariant="gone", prerequisites=[{"flag": "nowhere", "variants": ["on"]}], **APPROVAL)
    built = flags(source("flag", wrong, served=last(OLD)))
    assert {problem.path for problem in built.problems["flag"]} == {
        "spec.defaultVariant",
        "spec.prerequisites[0].flag",
    }
    assert built.evaluate("flag", {}, 0).variant == "off"


def test_digests_know_one_from_one_point_zero_and_no_order() -> None:
    assert spec_digest({"a": 1, "b": 2}) == spec_digest({"b": 2, "a": 1, "enabled": True})
    assert spec_digest({"a": 1}) != spec_digest({"a": 1.0})
    assert len(spec_digest({})) == 64
