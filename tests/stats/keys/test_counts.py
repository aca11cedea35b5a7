"""Counts that cannot be counts are refused, and the field is named."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stats.keys.drawn import Block, blocks, counts, single
from truststream.errors import InputError
from truststream.stats.keys.counts import Counts

FIELDS = ("n_c", "e_c", "n_b", "e_b")


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1.0])
def test_what_is_no_count_is_refused(field: str, value: float) -> None:
    values = {"n_c": 10.0, "e_c": 1.0, "n_b": 10.0, "e_b": 1.0} | {field: value}
    with pytest.raises(InputError) as refused:
        Counts.of(**values)
    assert refused.value.field == field
    assert field in str(refused.value)


@pytest.mark.parametrize("field", ["e_c", "e_b"])
def test_more_errors_than_requests_are_refused(field: str) -> None:
    values = {"n_c": 10.0, "e_c": 1.0, "n_b": 10.0, "e_b": 1.0} | {field: 11.0}
    with pytest.raises(InputError) as refused:
        Counts.of(**values)
    assert refused.value.field == field


def test_one_bad_value_among_many_is_refused() -> None:
    with pytest.raises(InputError) as refused:
        Counts.of([10, 10], [1, 1], [10, 10], [1, math.nan])
    assert refused.value.field == "e_b"


@given(blocks(), st.sampled_from([0.0, 0.25]))
def test_the_share_is_what_exposure_gives(block: Block, tolerance: float) -> None:
    n_c, e_c, n_b, e_b = block
    share = float(single(block).share(tolerance)[0])
    if e_c + e_b and n_c and n_b:
        assert share == pytest.approx((1 + tolerance) * n_c / ((1 + tolerance) * n_c + n_b))
    else:
        assert share == 0.5


def test_only_blocks_with_an_error_and_both_arms_can_say_anything() -> None:
    given_blocks = counts((10, 0, 10, 0), (0, 0, 10, 1), (10, 1, 0, 0), (10, 1, 10, 0))
    assert np.array_equal(given_blocks.usable, [False, False, False, True])
