"""Who gets another variant after a change: two revisions of a flag, asked for the same contexts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from truststream.api.featureflag import TARGETING_KEY
from truststream.flags.evaluation import Context
from truststream.flags.flagset import CompiledFlag


@dataclass(frozen=True, slots=True)
class Moves:
    """How many of `total` contexts get another variant, and from which variant to which.

    `regiven` keep their variant, but it has another value now. `without_unit` needed a unit and had none.
    """

    total: int
    moved: int
    by: Mapping[tuple[str, str], int]
    regiven: int = 0
    without_unit: int = 0

    @property
    def share(self) -> float:
        """Percent of the contexts."""
        return 100 * self.moved / self.total if self.total else 0.0


def units(count: int, field: str = TARGETING_KEY) -> Iterator[Context]:
    """Contexts that name a unit and nothing else: `unit-0`, `unit-1`, and so on.

    Args:
        count: how many.
        field: path of the field that names the unit, as in `bucketing.by`.
    """
    first, *rest = field.split(".")
    for index in range(count):
        name: object = f"unit-{index}"
        for part in reversed(rest):
            name = {part: name}
        yield {first: name}


def who_moves(before: CompiledFlag, after: CompiledFlag, contexts: Iterable[Context], now: float) -> Moves:
    """Both revisions are asked for every context, at the same time.

    Args:
        before: what is served.
        after: what would be.
        contexts: whom to ask for.
        now: seconds since the epoch, for schedules and clocks.
    """
    pairs: Counter[tuple[str, str]] = Counter()
    regiven = without_unit = 0
    for context in contexts:
        old, new = before.decide(context, now), after.decide(context, now)
        pairs[old.variant, new.variant] += 1
        regiven += old.variant == new.variant and not _alike(old.value, new.value)
        without_unit += old.unit_missing or new.unit_missing
    moved = {pair: count for pair, count in pairs.most_common() if pair[0] != pair[1]}
    return Moves(pairs.total(), sum(moved.values()), moved, regiven, without_unit)


def _alike(one: object, other: object) -> bool:
    """Python takes true for 1; applications do not."""
    return one == other and isinstance(one, bool) is isinstance(other, bool)
