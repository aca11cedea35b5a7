"""A real Prometheus and the folder of its own answers replay to the same numbers."""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.contract.metrics.bench import Target
from tests.integration.metrics.real import Process, Slot, exposed, job, running
from tests.unit.replay.past import MANIFEST, Past
from truststream.cli.main import build

_AGO = 1500.0
"""Prometheus takes samples of the last hour; the past begins before the canary does."""


class Remembering(Target):
    """A target whose one page holds a whole past: samples with times of their own."""

    def __init__(self, past: Past) -> None:
        super().__init__()
        self._text = past.text()

    def text(self) -> str:
        return self._text


@pytest.fixture(scope="module")
def past() -> Past:
    """Five times the errors, from 5 to 50 %."""
    begin = math.floor((time.time() - _AGO) / 60) * 60.0
    return Past(((0.0, 5.0), (300.0, 50.0)), before=900.0, after=900.0, ratio=5.0, begin=begin)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory, past: Past) -> Iterator[Process]:
    slot = Slot()
    slot.target = Remembering(past)
    with exposed(slot):
        own_labels = {**job("past", slot.port), "honor_labels": True}
        with running(tmp_path_factory.mktemp("prometheus"), jobs=[own_labels]) as process:
            asyncio.run(process.scraped({f"127.0.0.1:{slot.port}"}))
            yield process


@pytest.fixture
def backtest(tmp_path: Path, past: Past) -> Any:
    """`backtest("--prometheus", ...)` gives the JSON."""
    file = tmp_path / "checkout.yaml"
    file.write_text(MANIFEST)
    begin, end = (datetime.fromtimestamp(at, UTC).isoformat() for at in (past.begin, past.begin + past.after))

    def played(*options: str) -> Any:
        arguments = ["backtest", str(file), "--from", begin, "--to", end, "--json", *options]
        result = CliRunner().invoke(build(["backtest", "version"]), arguments)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return played


@pytest.mark.parametrize(
    ("options", "ending"),
    [((), "RolledBack"), (("--split", "50"), "Promoted"), (("--step-plan",), "Promoted")],
    ids=["recorded", "split", "plan"],
)
def test_live_and_exported_are_identical(
    options: tuple[str, ...], ending: str, backtest: Any, prometheus: Process, tmp_path: Path
) -> None:
    address = f"http://127.0.0.1:{prometheus.port}"
    live = backtest("--prometheus", address, "--export", str(tmp_path / "kept"), *options)
    again = backtest("--data", str(tmp_path / "kept"), *options)
    assert live["outcome"] == ending
    assert len(live["looks"]) > 1
    for one, other in itertools.zip_longest(_numbers(live), _numbers(again)):
        assert other == (pytest.approx(one, rel=1e-9, abs=1e-9) if isinstance(one, float) else one)


def _numbers(value: Any) -> Iterator[Any]:
    """Every key and value of a document, in order."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _numbers(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _numbers(inner)
    else:
        yield value
