"""A pinned Service keeps selecting one role, whoever updates it, until the operator un-pins it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.cluster import Cluster
from tests.integration.installation import OPERATOR
from truststream.api import names

Object = dict[str, Any]
PINNED = {"app": "web", names.ROLE_LABEL: names.STABLE}


class Service:
    """`web`, as Git says it, and as it is."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace

    def manifest(self, target_port: int = 80) -> Object:
        return {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web"},
            "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": target_port}]},
        }

    def kubectl(self, *args: str, stdin: Object | None = None) -> str:
        text = json.dumps(stdin) if stdin is not None else None
        return self.cluster.kubectl(*args, "-n", self.namespace, input=text).stdout

    def patch(self, patch: object, *more: str) -> None:
        self.kubectl("patch", "service", "web", "--type=merge", "-p", json.dumps(patch), *more)

    def live(self) -> Object:
        return self.cluster.get("service", "web", "-n", self.namespace)

    def pin(self) -> None:
        annotations = {names.PIN_ANNOTATION: names.STABLE}
        self.patch({"metadata": {"annotations": annotations}, "spec": {"selector": PINNED}}, "--as", OPERATOR)

    def assert_pinned(self) -> None:
        live = self.live()
        assert live["spec"]["selector"] == PINNED
        assert live["metadata"]["annotations"][names.PIN_ANNOTATION] == names.STABLE


@pytest.fixture
def service(chart: Cluster, namespace: str) -> Service:
    one = Service(chart, namespace)
    one.kubectl("apply", "-f", "-", stdin=one.manifest())
    return one


def _replace(service: Service) -> None:
    service.kubectl("replace", "-f", "-", stdin=service.manifest(81))


def _forced_server_side_apply(service: Service) -> None:
    service.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=service.manifest(81))


def _apply(service: Service) -> None:
    service.kubectl("apply", "-f", "-", stdin=service.manifest(81))


def _patch_of_the_selector(service: Service) -> None:
    service.patch(
        {
            "spec": {
                "selector": {names.ROLE_LABEL: names.CANARY},
                "ports": [{"name": "http", "port": 80, "targetPort": 81}],
            }
        }
    )


def _all_annotations_off(service: Service) -> None:
    service.patch(
        {"metadata": {"annotations": None}, "spec": {"ports": [{"name": "http", "port": 80, "targetPort": 81}]}}
    )


def _replace_twice(service: Service) -> None:
    service.kubectl("replace", "-f", "-", stdin=service.manifest(82))
    service.kubectl("replace", "-f", "-", stdin=service.manifest(81))


_UPDATES: list[Callable[[Service], None]] = [
    _apply,
    _forced_server_side_apply,
    _replace,
    _replace_twice,
    _patch_of_the_selector,
    _all_annotations_off,
]


@pytest.mark.parametrize("update", _UPDATES, ids=lambda way: way.__name__.strip("_"))
def test_the_pin_outlives_every_update(service: Service, update: Callable[[Service], None]) -> None:
    service.pin()
    update(service)
    service.assert_pinned()
    assert service.live()["spec"]["ports"][0]["targetPort"] == 81  # the rest of the update is the user's


def test_the_rest_of_the_selector_is_the_users(service: Service) -> None:
    service.pin()
    service.patch({"spec": {"selector": {"app": "web", "tier": "front"}}})
    assert service.live()["spec"]["selector"] == {**PINNED, "tier": "front"}


def test_the_operator_unpins(service: Service) -> None:
    service.pin()
    unpin = {"metadata": {"annotations": {names.PIN_ANNOTATION: None}}, "spec": {"selector": {names.ROLE_LABEL: None}}}
    service.patch(unpin, "--as", OPERATOR)
    service.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=service.manifest(81))
    assert service.live()["spec"]["selector"] == {"app": "web"}


def test_a_service_without_a_pin_is_left_alone(service: Service) -> None:
    service.kubectl("replace", "-f", "-", stdin=service.manifest(81))
    live = service.live()
    assert live["spec"]["selector"] == {"app": "web"}
    assert names.PIN_ANNOTATION not in live["metadata"].get("annotations", {})


def test_a_pinned_service_may_lose_its_selector(service: Service) -> None:
    """A selector of the role alone would gather other workloads' pods."""
    service.pin()
    service.patch({"spec": {"selector": None}})
    live = service.live()
    assert "selector" not in live["spec"]
    assert live["metadata"]["annotations"][names.PIN_ANNOTATION] == names.STABLE
    service.patch({"spec": {"selector": {"app": "web"}}})
    service.assert_pinned()
