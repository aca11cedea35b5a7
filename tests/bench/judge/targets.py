"""What was promised, and whether it was kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tests.bench.judge.cells import Kind
from tests.bench.judge.controller import AGREEMENT
from tests.bench.judge.laws import Promise
from tests.bench.judge.measure import SAMPLE, Row
from tests.bench.judge.plan import LENGTH
from tests.bench.judge.scores import least, score
from truststream.stats.keys.mismatch import ALPHA

_PROMISED = {Promise.EXCHANGEABLE, Promise.CLUSTERED, Promise.MISMATCH}


@dataclass(frozen=True, slots=True)
class Target:
    """One line of the list: the worst value and where it was found."""

    what: str
    limit: float
    value: float
    where: str
    unit: str = "%"

    @property
    def met(self) -> bool:
        """As promised or better."""
        return self.value <= self.limit


def targets(rows: Sequence[Row], splits: Sequence[Row]) -> list[Target]:
    """All."""
    return [*_false(rows), *_delays(rows), *_scores(rows), *_splits(splits), *_path(rows)]


def _false(rows: Sequence[Row]) -> Iterable[Target]:
    nulls = [row for row in rows if row["kind"] == Kind.NULL]
    promised = [row for row in nulls if row["promise"] in _PROMISED]
    yield _share("false rollback, d = 0, phi calibrated, nulls 1-6, 10, 11", 0.01, promised, "d0 phi two")
    yield _share("false rollback, d = .25, phi calibrated, all nulls", 0.005, nulls, "d25 phi two")
    short = [row for row in nulls if row["law"] not in (10, 11)]
    yield _share("false rollback, d = .25, phi = 2 uncalibrated, nulls 1-9", 0.005, short, "d25 2 two")
    bursts = [row for row in nulls if row["law"] in (10, 11)]
    yield _share("false rollback, d = .25, phi = 2 uncalibrated, bursts (10, 11)", 0.005, bursts, "d25 2 two")
    yield _share("false promotion at r = 1.5, nulls 1-6, 10, 11", 0.05, promised, "promoted two")


def _share(what: str, limit: float, rows: Sequence[Row], column: str) -> Target:
    worst = max(rows, key=lambda row: row[column]["share"])
    return Target(what, 100 * limit, 100 * worst[column]["share"], f"null {worst['law']}, {worst['plan']}")


def _delays(rows: Sequence[Row]) -> Iterable[Target]:
    for weight, ratio, limit in ((0.05, 2, 540.0), (0.5, 2, 150.0), (0.5, 10, 80.0)):
        row = _one(rows, weight=weight, ratio=ratio)
        what = f"two-key delay, 200 rps, {weight:.0%}, {ratio}x, d = 0, phi = 1.3".replace("%", " %")
        yield Target(what, limit, row["d0 1.3 two"]["delay"], row["plan"], "s")


def _one(rows: Sequence[Row], weight: float, ratio: float) -> Row:
    wanted = {"kind": Kind.REGRESSION, "law": 1, "rate": 200, "errors": 0.005, "since": 0.0, "pods": 1}
    wanted |= {"weight": weight, "ratio": ratio}
    return next(row for row in rows if all(row[name] == value for name, value in wanted.items()))


def _scores(rows: Sequence[Row]) -> Iterable[Target]:
    """Of Poisson errors from the start, where the regression can be seen within the hour at all."""
    regressions = [row for row in rows if row["kind"] == Kind.REGRESSION and row["law"] == 1 and row["weight"]]
    fresh = [row for row in regressions if row["since"] == 0.0]
    for name, column in (("phi = 1.3", "d0 1.3 fast"), ("phi calibrated", "d0 phi fast")):
        far = _seen(fresh, column, lambda bound: bound >= 10 * LENGTH)
        near = _seen(fresh, column, lambda bound: LENGTH < bound < 10 * LENGTH)
        yield _worst_score(f"S of fast, {name}, bound from 100 s", 1.8, far, column)
        yield _worst_score(f"S of fast, {name}, bound 10 to 100 s", 2.5, near, column)
    late = _seen([row for row in regressions if row["since"] > 0.0], "d0 1.3 two", lambda _: True)
    yield _worst_score("S of two-key, phi = 1.3, change at 30 min", 2.0, late, "d0 1.3 two")


def _seen(rows: Sequence[Row], column: str, wanted: Callable[[float], bool]) -> list[Row]:
    return [row for row in rows if wanted(least(row)) and row[column]["seen"] >= 0.95]


def _worst_score(what: str, limit: float, rows: Sequence[Row], column: str) -> Target:
    worst = max(rows, key=lambda row: score(row, column))
    return Target(what, limit, score(worst, column), f"{worst['plan']}, {worst['ratio']:g}x", "")


def _splits(splits: Sequence[Row]) -> Iterable[Target]:
    dead = max((row for row in splits if row["kind"] == "dead" and "start" in row["name"]), key=lambda r: r["latest"])
    yield Target("alarm of a dead canary, 5 %, 200 rps, slowest run", 60.0, dead["latest"], dead["name"], "s")
    false = max((row for row in splits if row["kind"] == "false"), key=lambda row: row["share"])
    yield Target("false alarm of the split", 100 * ALPHA, 100 * false["share"], false["name"])


def _path(rows: Sequence[Row]) -> Iterable[Target]:
    sampled, runs = sum(row["controller"]["runs"] for row in rows), sum(row["runs"] for row in rows)
    worst = max(rows, key=lambda row: row["controller"]["worst"])
    where = f"{sampled} of {runs} runs, {sum(row['controller']['looks'] for row in rows)} looks"
    yield Target(
        "runs outside the sample that takes the controller's path",
        100 - 100 * SAMPLE,
        100 - 100 * sampled / runs,
        where,
    )
    yield Target("log-evidence of the controller's path, off by", AGREEMENT, worst["controller"]["worst"], where, "")
