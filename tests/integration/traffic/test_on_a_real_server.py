"""The suite of tests/contract/traffic/suite.py against a real API server, Contour and fake nodes."""

from __future__ import annotations

from tests.contract.traffic.suite import (
    HoldContract,
    OthersContract,
    ProviderContract,
    RouteContract,
    StatusContract,
)


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
