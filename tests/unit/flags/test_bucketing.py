"""Units and their places: flagd's numbers, growing shares, independence, and what rendezvous hashing moves."""

from __future__ import annotations

import math
from collections import Counter

import cbor2
import mmh3
import pytest

from tests.unit.flags.world import condition, flags, letters, rule, segment, source, spec
from truststream.api.featureflag import BucketingVersion
from truststream.flags.bucketing import (
    FULL,
    fractional,
    hash_v2,
    hash_v3,
    included,
    place_of,
    place_v2,
    place_v3,
    rendezvous,
    unit_of,
)
from truststream.flags.flagset import Decide

UNITS = [f"user-{number}" for number in range(100_000)]
VERSIONS = ["FlagdV2", "FlagdV3", "Rendezvous"]


@pytest.mark.parametrize(
    ("text", "value"),
    [("ejOoVL", 0), ("bY9fO-", 1), ("SI7p-", 2**31 - 1), ("6LvT0", 2**31), ("ceQdGm", 2**32 - 1)],
)
def test_version_2_is_flagds_at_the_edges(text: str, value: int) -> None:
    assert hash_v2(text) == value
    assert place_v2(text) == value * FULL >> 32


@pytest.mark.parametrize(
    ("text", "encoded"),
    [("", "60"), ("a", "6161"), ("IETF", "6449455446"), ("\u00fc", "62c3bc"), ("\u6c34", "63e6b0b4")],
)
def test_version_3_hashes_the_text_as_rfc_8949_writes_it(text: str, encoded: str) -> None:
    assert cbor2.dumps(text).hex() == encoded
    assert hash_v3(text) == mmh3.hash(bytes.fromhex(encoded), 0, False)
    assert place_v3(text) == hash_v3(text) * FULL >> 32


def test_the_hash_is_murmur3_as_published() -> None:
    assert [mmh3.hash(bytes.fromhex(text), 0, False) for text in ("", "ffffffff", "21436587")] == [
        0,
        0x76293B50,
        0xF55B516B,
    ]


def test_the_salt_is_the_flags_key() -> None:
    """As flagd's own default: key and targeting key in one text."""
    first, last = "ejOoVL", "ceQdGm"  # places 0 and 99,999
    decide = _decide(spec(key="ej", rolloutPercentage=0.001, rolloutVariant="on"))
    assert decide({"targetingKey": first[2:]}, 0).variant == "on"
    decide = _decide(spec(key="ce", rolloutPercentage=99.999, rolloutVariant="on"))
    assert decide({"targetingKey": last[2:]}, 0).variant == "off"


def _decide(raw: dict[str, object]) -> Decide:
    built = flags(source("flag", raw))
    assert not built.problems
    return next(iter(built.flags.values())).decide


def _members(percent: float, version: str = "FlagdV2", **more: object) -> set[str]:
    raw = spec(rolloutPercentage=percent, rolloutVariant="on", bucketing={"version": version, **more})
    decide = _decide(raw)
    return {unit for unit in UNITS if decide({"targetingKey": unit}, 0).variant == "on"}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_growing_rollout_keeps_its_members(version: str) -> None:
    tenth, fifth = _members(10, version), _members(20, version)
    assert tenth < fifth
    for members, share in ((tenth, 0.1), (fifth, 0.2)):
        assert abs(len(members) - len(UNITS) * share) < 4 * math.sqrt(len(UNITS) * share * (1 - share))


def test_a_thousandth_of_a_percent_is_kept() -> None:
    place, unit = place_of(BucketingVersion.FLAGD_V2), unit_of("targetingKey")
    inside, outside = included(0.001, "", unit, place), included(99.999, "", unit, place)
    assert inside({"targetingKey": "bY9fO-"})
    assert not outside({"targetingKey": "ceQdGm"})


def test_the_same_salt_deals_alike_and_another_one_independently() -> None:
    first, again, other = (_members(30, salt=salt) for salt in ("layer", "layer", "other"))
    assert first == again
    both, total = len(first & other), len(UNITS)
    expected = len(first) * len(other) / total
    table = [both, len(first) - both, len(other) - both, total - len(first | other)]
    means = [expected, len(first) - expected, len(other) - expected, total - len(first) - len(other) + expected]
    assert sum((seen - mean) ** 2 / mean for seen, mean in zip(table, means, strict=True)) < 15.1  # p 0.0001, 1 df


@pytest.mark.parametrize("version", VERSIONS)
def test_a_distribution_is_as_its_weights(version: str) -> None:
    shares = [{"variant": name, "weight": weight} for name, weight in (("a", 20), ("b", 30), ("c", 50))]
    raw = letters(rules=[rule("r", None, distribution=shares, rolloutPercentage=50)], bucketing={"version": version})
    decide = _decide(raw)
    found = [decide({"targetingKey": unit}, 0) for unit in UNITS]
    counts = Counter(one.variant for one in found if one.rule)
    total = counts.total()
    assert abs(total - 50_000) < 4 * math.sqrt(25_000)
    for name, share in (("a", 0.2), ("b", 0.3), ("c", 0.5)):  # of those included: inclusion and choice are independent
        assert abs(counts[name] - total * share) < 4 * math.sqrt(total * share * (1 - share))


def test_a_distribution_goes_in_the_order_of_its_list() -> None:
    pick = fractional([0, 1, 0, FULL - 1], "", place_v2)
    assert [pick(unit) for unit in ("ejOoVL", "ceQdGm", "6LvT0")] == [1, 3, 3]


def test_rules_of_one_flag_include_the_same_units() -> None:
    rules = [rule("small", "b", condition("Equals", 1), rolloutPercentage=10), rule("large", "b", rolloutPercentage=30)]
    decide = _decide(letters(rules=rules))
    for unit in UNITS[:5000]:
        if decide({"targetingKey": unit, "x": 1}, 0).rule == "small":
            assert decide({"targetingKey": unit}, 0).rule == "large"


def test_a_percentage_of_a_rule_is_dealt_apart_from_its_inclusion() -> None:
    raw = spec(rules=[rule("r", "on", condition("Percentage", 50, None), rolloutPercentage=50)])
    decide = _decide(raw)
    hits = sum(decide({"targetingKey": unit}, 0).variant == "on" for unit in UNITS)
    assert abs(hits - 25_000) < 4 * math.sqrt(100_000 * 0.25 * 0.75)


def test_a_percentage_may_be_of_other_units() -> None:
    raw = spec(rules=[rule("r", "on", condition("Percentage", 50, "company.id"))])
    decide = _decide(raw)
    for company in range(50):
        answers = {decide({"targetingKey": unit, "company": {"id": company}}, 0).variant for unit in UNITS[:20]}
        assert len(answers) == 1
    assert decide({"targetingKey": "u"}, 0).unit_missing


def test_a_percentage_of_a_segment_is_the_same_for_every_flag() -> None:
    early = {"early": segment(conditions=[condition("Percentage", 20, None)])}
    raw = spec(rules=[rule("r", "on", condition("InSegment", "early", None))])
    built = flags(source("one", raw), source("two", raw | {"bucketing": {"salt": "x"}}), segments=early)
    answers = [
        [flag.decide({"targetingKey": unit}, 0).variant for unit in UNITS[:5000]] for flag in built.flags.values()
    ]
    assert answers[0] == answers[1]
    assert 800 < answers[0].count("on") < 1200


def test_another_field_may_name_the_unit() -> None:
    raw = spec(rolloutPercentage=50, rolloutVariant="on", bucketing={"by": "account.id"})
    decide = _decide(raw)
    assert decide({"targetingKey": "u"}, 0).unit_missing
    assert {decide({"account": {"id": unit}}, 0).variant for unit in UNITS[:50]} == {"on", "off"}


def _moves(before: list[int], after: list[int]) -> set[tuple[str, str]]:
    names = ["a", "b", "c"]
    old, new = rendezvous(names, before, "salt"), rendezvous(names, after, "salt")
    return {(names[x], names[y]) for unit in UNITS[:20_000] if (x := old(unit)) != (y := new(unit))}


@pytest.mark.parametrize(
    ("before", "after", "moves"),
    [
        ([50_000, 50_000, 0], [40_000, 40_000, 20_000], {("a", "c"), ("b", "c")}),
        ([50_000, 30_000, 20_000], [62_500, 37_500, 0], {("c", "a"), ("c", "b")}),
        ([80_000, 20_000, 0], [60_000, 40_000, 0], {("a", "b")}),
        ([50_000, 30_000, 20_000], [50_000, 20_000, 30_000], {("b", "a"), ("b", "c"), ("a", "c")}),
        ([20_000, 30_000, 50_000], [20_000, 30_000, 50_000], set()),
    ],
)
def test_rendezvous_moves_only_from_what_shrank_or_to_what_grew(
    before: list[int], after: list[int], moves: set[tuple[str, str]]
) -> None:
    assert _moves(before, after) == moves


def test_rendezvous_does_not_mind_the_order_of_the_list() -> None:
    one, other = rendezvous(["a", "b"], [30_000, 70_000], "s"), rendezvous(["b", "a"], [70_000, 30_000], "s")
    assert all(one(unit) == 1 - other(unit) for unit in UNITS[:2000])
