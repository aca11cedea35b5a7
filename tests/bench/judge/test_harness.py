"""The benchmark itself: its laws are what they say, its bounds the published ones, both paths of the judge agree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.bench.judge import judged, limits, rivals, tables
from tests.bench.judge.cells import Cell, Kind, cells
from tests.bench.judge.controller import AGREEMENT, Sample
from tests.bench.judge.laws import CLUSTERED, NULLS, POISSON, Law
from tests.bench.judge.measure import measure
from tests.bench.judge.plan import BLOCKS, LENGTH, Plan, Regression
from tests.bench.judge.scores import score
from tests.bench.judge.streams import Stream, before, draw
from truststream.stats.keys.dispersion import calibrated

SMALL = Plan(200, 0.5)


def _stream(e_c: float, e_b: float, n: float = 1000.0) -> Stream:
    shape = (BLOCKS, 1, 1)
    return Stream(np.full(shape, n), np.full(shape, e_c), np.full(shape, n), np.full(shape, e_b))


@pytest.mark.parametrize(
    ("weight", "ratio", "expected"),
    [(0.05, 1.2, 5177), (0.05, 2, 255), (0.1, 2, 136), (0.5, 1.2, 1012), (0.5, 2, 54), (0.05, 10, 7.5)],
)
def test_the_bound_is_the_published_one(weight: float, ratio: float, expected: float) -> None:
    """Expected errors a second are 1 there, so that seconds are errors."""
    assert limits.bound(Plan(200, weight), ratio, 0.01, 0.0) == pytest.approx(expected, rel=0.02)


def test_no_difference_is_never_seen() -> None:
    assert limits.bound(SMALL, 1.25, 0.01, 0.25) == np.inf


def test_the_upper_bound_of_a_share() -> None:
    assert limits.upper(0, 2000) == pytest.approx(1 - 0.01 ** (1 / 2000))
    assert limits.upper(2000, 2000) == 1.0


@pytest.mark.parametrize("law", NULLS, ids=lambda law: law.name)
def test_every_law_has_the_rate_that_it_is_asked_for(law: Law) -> None:
    """Errors per request, and their ratio between the arms; the shared incident adds .3 of the rate."""
    stream = draw(law, SMALL, 300, np.random.default_rng(law.number), Regression(2))
    rates = [e.sum() / n.sum() for e, n in ((stream.e_c, stream.n_c), (stream.e_b, stream.n_b))]
    extra = 1 + 9 * 12 / 360 if law.shared else 1.0
    assert rates[1] == pytest.approx(0.005 * extra, rel=0.05)
    assert rates[0] / rates[1] == pytest.approx(2.0, rel=0.05)


@pytest.mark.parametrize("law", NULLS, ids=lambda law: law.name)
def test_counts_are_whole_and_no_request_fails_twice(law: Law) -> None:
    stream = draw(law, Plan(20, 0.05), 50, np.random.default_rng(1))
    for errors, requests in ((stream.e_c, stream.n_c), (stream.e_b, stream.n_b)):
        assert np.all(errors <= requests)
        assert np.array_equal(errors, np.floor(errors))


@pytest.mark.parametrize(("law", "phi"), [(POISSON, 1.4), (CLUSTERED, 9.0), (NULLS[9], 10.2), (NULLS[10], 20.3)])
def test_calibration_finds_the_clusters_and_bursts(law: Law, phi: float) -> None:
    found = calibrated(before(law, Plan(1000, 0.5), 200, np.random.default_rng(2)), LENGTH)
    assert np.mean(found) == pytest.approx(phi, rel=0.15)


def test_a_plan_of_steps_has_starts_and_its_last_stage_the_other_key() -> None:
    plan = Plan(200, None)
    assert plan.stages == {0, 90, 180, 270}
    assert plan.stages < plan.starts
    assert np.flatnonzero(plan.exchange)[0] == 270


def test_rivals_decide_as_their_rules_say() -> None:
    assert rivals.flagger(_stream(20, 5)) == [30]  # five failed minutes
    assert rivals.flagger(_stream(10, 5)) == [0]  # one percent is not above one percent
    assert rivals.peeked_z(_stream(20, 5)) == [1]
    assert rivals.peeked_z(_stream(5, 5)) == [0]


def test_decisions_do_not_depend_on_who_else_is_simulated() -> None:
    """Decided runs are dropped on the way: the others must not be mixed up."""
    stream = draw(POISSON, SMALL, 40, np.random.default_rng(3), Regression(2))
    together = judged.rolled_back(stream, SMALL, 0.0, 1.3)
    keys = judged.evidence(stream, SMALL, 0.0, 1.3)
    for mode in ("two", "fast"):
        crossed = np.array([getattr(look, mode) >= np.log(100) for look in keys])
        assert np.array_equal(together[mode], np.where(crossed.any(axis=0), crossed.argmax(axis=0) + 1, 0))


@pytest.mark.parametrize(
    "plan", [Plan(200, 0.05), Plan(200, None), Plan(200, 0.5, pods=2)], ids=lambda plan: plan.label
)
def test_the_controllers_path_has_the_same_evidence(plan: Plan) -> None:
    generator = np.random.default_rng(4)
    history = before(CLUSTERED, plan, 2, generator)
    sample = Sample(draw(CLUSTERED, plan, 2, generator, Regression(4)), history, plan, 0.25, "test")
    found = sample.agreement()
    assert found.worst <= AGREEMENT
    assert found.looks > 60


def test_a_cell_gives_the_same_row_again() -> None:
    cell = Cell(Kind.REGRESSION, POISSON, SMALL, 20, Regression(2))
    row = measure(cell)
    assert row == measure(cell)
    assert row["d0 1.3 two"]["seen"] == 1.0
    assert 0.5 < score(row, "d0 1.3 two") < 3.0


def test_cells_have_names_of_their_own() -> None:
    names = [cell.name for cell in cells()]
    assert len(set(names)) == len(names)


def test_tables_stand_between_the_markers_and_nothing_else_changes(tmp_path: Path) -> None:
    page = tmp_path / "judge.md"
    page.write_text(f"before\n{tables.BEGIN}\nold\n{tables.END}\nafter\n", encoding="utf-8")
    tables.write(page, "new")
    assert page.read_text(encoding="utf-8") == f"before\n{tables.BEGIN}\n\nnew\n\n{tables.END}\nafter\n"
    page.write_text("no markers", encoding="utf-8")
    with pytest.raises(SystemExit, match="markers"):
        tables.write(page, "new")
