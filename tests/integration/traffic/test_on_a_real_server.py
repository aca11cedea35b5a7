"""The suite of tests/contract/traffic/suite.py against a real API server, Contour and fake nodes."""

from __future__ import annotations

from tests.contract.traffic.suite import (
    OthersContract,
    ProviderContract,
    RouteContract,
)
from tests.contract.traffic.suite_flag import OthersOfAFlagContract, OverlayContract
from tests.contract.traffic.suite_gateway import HoldContract, StatusContract


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
