"""Fixtures: a namespace of one's own for every scenario, and what happened in it when the scenario fails."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import Cluster, attach
from tests.product import Follow
from tests.product.audit import AuditLog
from tests.product.evidence import collect

from .manifests import NAME
from .scenario import Given, Scenario, Then, When
from .world import World

BUILD = Path(__file__).resolve().parents[2] / "build" / "e2e"
_FAILED = pytest.StashKey[bool]()
_SHOWN = ("canary.yaml", "objects.txt", "events.txt", "operator.log")
_TAIL = 60


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """A fixture's end wants to know how its test went."""
    report = yield
    if report.failed and call.when in ("setup", "call"):
        item.stash[_FAILED] = True
    return report


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The cluster that `python -m tests.e2e` made."""
    return attach(os.environ.get("TRUSTSTREAM_CLUSTER", "e2e"))


@pytest.fixture
def namespace(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[str]:
    """Gone afterwards, with everything in it."""
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower()).strip("-")
    name = f"e2e-{words[:30].strip('-')}-{uuid.uuid4().hex[:5]}"
    cluster.kubectl("create", "namespace", name)
    yield name
    if request.node.stash.get(_FAILED, False):
        _tell(cluster, name, request.node.name)
    cluster.kubectl("delete", "namespace", name, "--wait=false")


def _tell(cluster: Cluster, namespace: str, test: str) -> None:
    directory = BUILD / test
    directory.mkdir(parents=True, exist_ok=True)
    for file, text in collect(cluster, namespace, tail=2000).items():
        (directory / file).write_text(text)
        if file in _SHOWN:
            lines = text.splitlines()
            print(f"--- {file} (all of it in build/e2e/{test}/)", *lines[-_TAIL:], sep="\n")


@pytest.fixture
def world(cluster: Cluster, namespace: str) -> Iterator[World]:
    """Watched from the start; its clients end with it."""
    with ExitStack() as ending:
        follow = ending.enter_context(Follow(cluster, namespace, NAME))
        yield World(cluster, namespace, follow, AuditLog(cluster.audit_log, namespace), ending)


@pytest.fixture
def scenario(world: World) -> Scenario:
    """All three words."""
    return Scenario(world)


@pytest.fixture
def given(scenario: Scenario) -> Given:
    """What is there before."""
    return scenario.given


@pytest.fixture
def when(scenario: Scenario) -> When:
    """What somebody does."""
    return scenario.when


@pytest.fixture
def then(scenario: Scenario) -> Then:
    """What holds."""
    return scenario.then
