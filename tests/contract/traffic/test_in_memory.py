"""The suite of suite.py on the fake in memory."""

from __future__ import annotations

from tests.contract.traffic.suite import (
    OthersContract,
    ProviderContract,
    RouteContract,
    test_every_provider_has_a_case,
)
from tests.contract.traffic.suite_flag import OthersOfAFlagContract, OverlayContract
from tests.contract.traffic.suite_gateway import HoldContract, StatusContract

__all__ = ["test_every_provider_has_a_case"]


class TestProvider(ProviderContract):
    pass


class TestRoute(RouteContract):
    pass


class TestOthers(OthersContract):
    pass


class TestHold(HoldContract):
    pass


class TestStatus(StatusContract):
    pass


class TestOverlay(OverlayContract):
    pass


class TestOthersOfAFlag(OthersOfAFlagContract):
    pass
