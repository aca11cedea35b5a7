"""Who moves between two revisions of a flag."""

from __future__ import annotations

from typing import Any

from tests.unit.flags.world import condition, flags, letters, rule, source, spec
from truststream.flags.flagset import CompiledFlag
from truststream.flags.moves import units, who_moves


def compiled(raw: dict[str, Any]) -> CompiledFlag:
    return flags(source("flag", raw)).flags["flag"]


def rolled(percent: float, **more: Any) -> CompiledFlag:
    return compiled(spec(rolloutPercentage=percent, rolloutVariant="on", **more))


def test_a_growing_rollout_moves_only_those_who_come_in() -> None:
    moves = who_moves(rolled(10), rolled(20), units(20_000), 0.0)
    assert set(moves.by) == {("off", "on")}
    assert moves.total == 20_000
    assert 9 < moves.share < 11


def test_the_same_revision_moves_nobody() -> None:
    moves = who_moves(rolled(10), rolled(10, description="other words"), units(1000), 0.0)
    assert (moves.moved, moves.by, moves.share) == (0, {}, 0.0)


def test_another_bucketing_version_moves_many_both_ways() -> None:
    moves = who_moves(rolled(50), rolled(50, bucketing={"version": "FlagdV3"}), units(4000), 0.0)
    assert set(moves.by) == {("off", "on"), ("on", "off")}
    assert 45 < moves.share < 55


def test_a_new_value_under_an_old_name_is_told_apart() -> None:
    before, after = compiled(letters()), compiled(letters(variants={"a": "Z", "b": "B", "c": "C"}))
    moves = who_moves(before, after, units(5), 0.0)
    assert (moves.moved, moves.regiven) == (0, 5)


def test_contexts_decide_too() -> None:
    before = compiled(letters())
    after = compiled(letters(rules=[rule("gold", "b", condition("Equals", "gold", "plan"))]))
    moves = who_moves(before, after, [{"plan": "gold"}, {"plan": "silver"}, {}], 0.0)
    assert moves.by == {("a", "b"): 1}
    assert moves.total == 3


def test_units_stand_where_the_flag_looks_for_them() -> None:
    assert list(units(2, "company.id")) == [{"company": {"id": "unit-0"}}, {"company": {"id": "unit-1"}}]
    by = {"bucketing": {"by": "company.id"}}
    assert who_moves(rolled(0, **by), rolled(50, **by), units(1000, "company.id"), 0.0).without_unit == 0


def test_contexts_without_a_unit_are_counted() -> None:
    assert who_moves(rolled(10), rolled(20), [{}, {"targetingKey": "a"}], 0.0).without_unit == 1


def test_nobody_is_no_share() -> None:
    assert who_moves(rolled(10), rolled(20), [], 0.0).share == 0.0
