"""One case file becomes one test a case: `pytest tests/stats --cases FILE`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

CASES = Path(__file__).parent / "data" / "statistics.json"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The file may come from elsewhere: the product knows none of its numbers."""
    parser.addoption("--cases", type=Path, default=CASES, help="file of reference cases (JSON list)")


def _load(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        raise pytest.UsageError(f"--cases {path}: no such file; give a JSON list of cases")
    cases = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(cases, list) or not cases:
        raise pytest.UsageError(f"--cases {path}: has no cases; give a JSON list with at least one")
    return cases


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test a case, named after the case."""
    if "reference_case" in metafunc.fixturenames:
        # pytest reads this file too late for the option when it is started above this folder: then the default counts
        cases = _load(metafunc.config.getoption("--cases", default=CASES))
        metafunc.parametrize("reference_case", cases, ids=[case["id"] for case in cases])
