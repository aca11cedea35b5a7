"""Words, plots and pages."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truststream.replay import chances, telling
from truststream.replay.outcome import Ending, Run, Stage
from truststream.replay.page import Page, Table
from truststream.replay.simulation import Result, Trace
from truststream.replay.summary import summarise
from truststream.replay.svg import Line, plot, ticks

NOON = 1_767_268_800.0


def ended(ending: Ending, at: float, reason: str, *, by_policy: bool = False) -> Run:
    return Run(NOON, at, ending, reason, by_policy, (), (Stage(NOON, 5.0), Stage(NOON + 120, 25.0)))


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (
            ended(Ending.ROLLED_BACK, NOON + 380, "too many"),
            "would have been rolled back at 12:06:20 UTC, 4 min 20 s after the weight changed (too many)",
        ),
        (
            ended(Ending.PROMOTED, NOON + 60, "proven"),
            "would have been promoted at 12:01:00 UTC, 1 min after the first weight (proven)",
        ),
        (
            ended(Ending.ROLLED_BACK, NOON + 7320, "no proof", by_policy=True),
            "would have been rolled back by the policy at the deadline at 14:02:00 UTC, 2 h after the weight changed "
            "(no proof)",
        ),
        (ended(Ending.UNDECIDED, NOON + 3600, "waiting"), "undecided after 1 h: waiting"),
        (ended(Ending.UNDECIDED, NOON, ""), "undecided after 0 s: no look was due in this time"),
    ],
)
def test_the_sentence(run: Run, said: str) -> None:
    assert telling.sentence(run) == said


def test_a_long_past_is_told_with_dates() -> None:
    assert telling.clock(NOON, ended(Ending.UNDECIDED, NOON + 90_000, "")) == "2026-01-01 12:00:00"


def test_nothing_looked_at_has_no_plot() -> None:
    assert telling.evidence_plots(ended(Ending.UNDECIDED, NOON, "")) == []


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_are_few_round_and_inside(low: float, width: float) -> None:
    found = ticks(low, low + width)
    assert 1 <= len(found) <= 7
    slack = 1e-6 * (abs(low) + width)
    assert all(low - slack <= tick <= low + width + slack for tick in found)


@given(st.lists(st.tuples(st.floats(0, 1e5), st.floats(-1e4, 1e4)), max_size=20), st.booleans())
def test_any_curve_is_drawn_inside_its_frame(points: list[tuple[float, float]], stairs: bool) -> None:
    lines = [Line(points, "#000", "<&>", stairs=stairs), Line([(0.0, math.nan)], "#111")]
    figure = ElementTree.fromstring(plot("a < b & c", lines, unit="<%>", seconds=3600.0))
    for curve in figure.iter("polyline"):
        for pair in curve.attrib["points"].split():
            x, y = map(float, pair.split(","))
            assert 0 <= x <= 720
            assert 0 <= y <= 260


def test_a_page_escapes_what_it_is_told() -> None:
    page = Page("<t>", "<l>", [Table("<h>", ["<c>"], [["<r>"]])], [], "<s>", ["<n>"])
    for wild in ("<t>", "<l>", "<h>", "<c>", "<r>", "<s>", "<n>"):
        assert wild not in page.html()
        assert f"&lt;{wild[1]}&gt;" in page.html()


def result(ending: Ending, seconds: float, trace: Trace | None = None) -> Result:
    return Result(ending, seconds, 50.0, False, trace)


def test_shares_times_and_their_intervals() -> None:
    trace = Trace((30.0, 60.0), (0.1, -2.0), (None, 1.0))
    results = [result(Ending.PROMOTED, 100.0 * n, trace if n == 1 else None) for n in range(1, 10)]
    found = summarise("s", [*results, result(Ending.UNDECIDED, 3600.0)], 50.0, Ending.PROMOTED)
    promoted, rolled_back = found.of(Ending.PROMOTED), found.of(Ending.ROLLED_BACK)
    assert (promoted.share, promoted.median, promoted.mean) == (0.9, 500.0, 500.0)
    assert promoted.p90 == pytest.approx(820.0)
    assert 0.9 in promoted.interval
    assert rolled_back.interval.upper == pytest.approx(1 - 0.025**0.1)
    assert math.isnan(rolled_back.median)
    assert found.decided_by(Ending.PROMOTED, 450.0) == 0.4
    assert found.traces == (trace,)
    assert len(chances.figures(found, 3600.0, (4.6, 3.0))) == 3


def test_machines_get_null_where_there_is_no_number() -> None:
    found = summarise("s", [result(Ending.UNDECIDED, 60.0)], math.inf, Ending.ROLLED_BACK)
    (one,) = chances.document([found], 60.0)["scenarios"]
    assert one["bound"] is None
    assert one["outcomes"]["RolledBack"]["median"] is None
    assert [row[-1] for row in chances.rows([found])] == ["-", "", ""]
