"""Values that flagd publishes in its test bed, release 3.9: fractional, sem_ver, the text operators, timestamps."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.flags.world import condition, evaluate, letters, rule, spec
from truststream.flags.bucketing import fractional, hash_v2, place_v2, place_v3

SUITS = ["clubs", "diamonds", "hearts", "spades"]
QUARTERS = [25_000] * 4
HALVES = ["lower", "upper"]


@pytest.mark.parametrize(
    ("key", "hashed", "half"),
    [
        ("ejOoVL", 0, "lower"),
        ("bY9fO-", 1, "lower"),
        ("SI7p-", 2**31 - 1, "lower"),
        ("6LvT0", 2**31, "upper"),
        ("ceQdGm", 2**32 - 1, "upper"),
    ],
)
def test_the_edges_of_the_hash(key: str, hashed: int, half: str) -> None:
    assert hash_v2(key) == hashed
    assert HALVES[fractional([50_000, 50_000], "", place_v2)(key)] == half


@pytest.mark.parametrize(
    ("name", "v2", "v3"),
    [
        ("seven", "hearts", "hearts"),
        ("eight", "diamonds", "hearts"),
        ("nine", "clubs", "diamonds"),
        ("two", "spades", "diamonds"),
    ],
)
def test_a_shared_seed(name: str, v2: str, v3: str) -> None:
    assert SUITS[fractional(QUARTERS, "shared-seed", place_v2)(name)] == v2
    assert SUITS[fractional(QUARTERS, "shared-seed", place_v3)(name)] == v3


@pytest.mark.parametrize(
    ("name", "suit"),
    [("jack", "hearts"), ("queen", "spades"), ("ten", "clubs"), ("nine", "diamonds"), ("3", "clubs")],
)
def test_the_flags_key_as_seed(name: str, suit: str) -> None:
    assert SUITS[fractional(QUARTERS, "fractional-flag", place_v2)(name)] == suit


def test_the_shorthand_of_fractional_is_the_default_salt() -> None:
    halves = {
        "rolloutPercentage": 50,
        "rolloutVariant": "on",
        "key": "fractional-flag-shorthand",
        "defaultVariant": "off",
    }
    flag = spec(**halves, bucketing={"salt": "fractional-flag-shorthand"})
    assert evaluate_key(flag, "jon@company.com") == "on"
    assert evaluate_key(flag, "jane@company.com") == "off"


def evaluate_key(flag: dict[str, Any], unit: str) -> str:
    raw = {name: value for name, value in flag.items() if name != "key"}
    return evaluate(raw, {"targetingKey": unit}).variant


@pytest.mark.parametrize(
    ("value", "version", "holds"),
    [
        ("=2.0.0", "2.0.0", True),
        (">2.0.0", "2.1.0", True),
        ("<2.0.0", "1.9.0", True),
        ("<2.0.0", "2.0.0-alpha", True),
        ("=2.0.0", "2.0.0.0", False),
        (">2.0.0", "2.0.0.0", False),
        ("<2.0.0", "2.0.0.0", False),
        ("~3.0.0", "3.0.1", True),
        ("~3.0.0", "3.1.0", False),
        ("^3.0.0", "3.1.0", True),
        ("^3.0.0", "4.0.0", False),
        ("=1.0.0", "v1.0.0", True),
        ("=1.0.0", "V1.0.0", True),
        ("=1.0.0", "1.0", True),
        ("=1.0.0", "1", True),
        ("=1.0.0", 1, True),
        ("=1.0.0+build", "1.0.0+other", True),
        ("=1.0.0", "not-a-version", False),
        ("!=1.0.0", "not-a-version", False),
    ],
)
def test_versions(value: str, version: Any, holds: bool) -> None:
    flag = spec(rules=[rule("r", "on", condition("SemVer", value))])
    assert evaluate(flag, {"x": version}).value is holds


@pytest.mark.parametrize(
    ("text", "variant"), [("abcdef", "b"), ("uvwxyz", "c"), ("abcxyz", "b"), ("lmnopq", "a"), (3, "a")]
)
def test_texts(text: Any, variant: str) -> None:
    begins, ends = condition("StartsWith", "abc"), condition("EndsWith", "xyz")
    flag = letters(rules=[rule("prefix", "b", begins), rule("postfix", "c", ends)])
    assert evaluate(flag, {"x": text}).variant == variant


@pytest.mark.parametrize(("limit", "holds"), [("1970-01-01T00:00:01Z", False), ("2100-12-31T23:00:02Z", True)])
def test_timestamps(limit: str, holds: bool) -> None:
    flag = spec(rules=[rule("r", "on", condition("Before", limit, None))])
    assert evaluate(flag, now=1_796_000_000.0).value is holds
