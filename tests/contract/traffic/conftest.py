"""The contract in memory: seconds, for the daily loop."""

from __future__ import annotations

import pytest

from tests.contract.traffic.memory import MemoryWorld


@pytest.fixture
def world() -> MemoryWorld:
    return MemoryWorld()
