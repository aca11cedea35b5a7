"""What hypothesis draws for the keys: blocks of counts, and sequences of them."""

from __future__ import annotations

from hypothesis import strategies as st

from truststream.stats.keys.counts import Counts

Block = tuple[int, int, int, int]
"""(n_c, e_c, n_b, e_b)."""


@st.composite
def blocks(draw: st.DrawFn, least: int = 0, most: int = 5000) -> Block:
    """Any block: without errors, without requests in an arm, all errors in one arm."""
    n_c, n_b = draw(st.integers(least, most)), draw(st.integers(least, most))
    return n_c, draw(st.integers(0, min(n_c, 60))), n_b, draw(st.integers(0, min(n_b, 60)))


def sequences(least: int = 1, most: int = 8) -> st.SearchStrategy[list[Block]]:
    """Blocks one after the other."""
    return st.lists(blocks(), min_size=least, max_size=most)


TOLERANCES = st.sampled_from([0.0, 0.1, 0.25, 0.5])
SIZES = st.sampled_from([1.0, 1.3, 2.0, 8.4])


def counts(*given: Block) -> Counts:
    """As pairs of one interval, or as blocks on the last axis."""
    return Counts.of(*zip(*given, strict=True))


def single(block: Block) -> Counts:
    """One pair."""
    return counts(block)
