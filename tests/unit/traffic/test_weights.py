"""Integer weights: exact where the API allows it, proportions always, and the way back is the way there."""

from __future__ import annotations

import asyncio
from copy import deepcopy
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.traffic import manifests as m
from tests.contract.traffic.cases import gateway, stage
from tests.contract.traffic.memory import MemoryWorld
from truststream.traffic.weights import MAX_WEIGHT, divide, finest, percent_of

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure

TENTHS = st.integers(0, 1000)


@pytest.mark.parametrize(
    ("share", "percent", "stable", "canary", "factor"),
    [
        (1, 50, 1, 1, 2),
        (1, 10, 9, 1, 10),
        (1, 0.1, 999, 1, 1000),
        (100, 5, 95, 5, 1),
        (100, 12.5, 175, 25, 2),
        (3, 33.3, 2001, 999, 1000),
        (7, 0, 7, 0, 1),
        (7, 100, 0, 7, 1),
    ],
)
def test_the_smallest_whole_numbers(share: int, percent: float, stable: int, canary: int, factor: int) -> None:
    shares = divide(share, [], percent)
    assert (shares.stable, shares.canary, shares.factor) == (stable, canary, factor)


@UNTIMED
@given(share=st.integers(1, 1000), others=st.lists(st.integers(0, 1000)), tenths=TENTHS)
def test_ordinary_weights_are_exact_to_a_tenth_of_a_percent(share: int, others: list[int], tenths: int) -> None:
    shares = divide(share, others, tenths / 10)
    assert shares.stable + shares.canary == share * shares.factor
    assert Fraction(shares.canary, share * shares.factor) == Fraction(tenths, 1000)
    assert percent_of(shares.stable, shares.canary) == tenths / 10
    assert max([shares.stable, shares.canary, *(weight * shares.factor for weight in others)]) <= MAX_WEIGHT


@UNTIMED
@given(share=st.integers(1, MAX_WEIGHT), others=st.lists(st.integers(0, MAX_WEIGHT)), tenths=TENTHS)
def test_any_weights_stay_within_the_limit_and_as_near_as_it_allows(share: int, others: list[int], tenths: int) -> None:
    shares = divide(share, others, tenths / 10)
    assert max([shares.stable, shares.canary, *(weight * shares.factor for weight in others)]) <= MAX_WEIGHT
    assert shares.stable + shares.canary == share * shares.factor
    assert abs(percent_of(shares.stable, shares.canary) - tenths / 10) <= finest(share, others) + 1e-9


@pytest.mark.parametrize("percent", [-0.1, 100.1])
def test_no_other_percentages(percent: float) -> None:
    with pytest.raises(ValueError, match="0 to 100"):
        divide(1, [], percent)


def test_a_little_is_never_nothing() -> None:
    assert divide(1000, [], 0.01).canary == 1
    assert divide(1000, [], 99.99).stable == 1
    assert divide(2, [MAX_WEIGHT], 1).canary == 1


WEIGHT = st.none() | st.integers(0, 200)


@UNTIMED
@given(
    stable=st.none() | st.integers(1, 200),
    others=st.lists(WEIGHT, max_size=4),
    position=st.integers(0, 4),
    steps=st.lists(TENTHS, min_size=1, max_size=4),
)
def test_any_rule_keeps_proportions_and_comes_back(
    stable: int | None, others: list[int | None], position: int, steps: list[int]
) -> None:
    refs = [m.backend(f"other-{number}", weight) for number, weight in enumerate(others)]
    refs.insert(position, m.backend(m.STABLE, stable))
    asyncio.run(_walk(refs, steps))


async def _walk(refs: list[dict[str, object]], steps: list[int]) -> None:
    at = stage(MemoryWorld(), gateway(m.rule(*refs)))
    before = deepcopy(at.spec())
    plain = {str(ref["name"]): int(str(ref.get("weight", 1))) for ref in refs}
    split = at.noted()
    await at.provider.attach(split)
    for tenths in steps:
        await at.provider.set_weight(split, tenths / 10)
        now = {ref["name"]: ref.get("weight", 1) for ref in at.spec()["rules"][0]["backendRefs"]}
        ours = now[m.STABLE] + now[m.CANARY]
        assert at.provider.read(split).weight == tenths / 10
        for name in plain.keys() - {m.STABLE}:
            assert now[name] * plain[m.STABLE] == plain[name] * ours
    await at.provider.restore(replace(split))
    assert at.spec() == before
