"""The optional route hold: the named or counted rule keeps its backends, everything else is the user's."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.cluster import Cluster, waiting
from tests.integration.installation import CHART, NAMESPACE, OPERATOR, RELEASE
from truststream.api import names

Object = dict[str, Any]
KINDS = ["HTTPRoute", "GRPCRoute"]


def _backends(canary: int | None) -> list[Object]:
    stable = {"name": "web", "port": 80, "weight": 100 - (canary or 0)}
    return [stable] if canary is None else [stable, {"name": "web-canary", "port": 80, "weight": canary}]


def _matches(kind: str, value: str) -> list[Object]:
    if kind == "GRPCRoute":
        return [{"method": {"type": "Exact", "service": value}}]
    return [{"path": {"type": "PathPrefix", "value": f"/{value}"}}]


class Route:
    """A route with two rules, `main` and `other`."""

    def __init__(self, cluster: Cluster, namespace: str, kind: str) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.kind = kind

    def manifest(self) -> Object:
        rules = [
            {"name": "main", "matches": _matches(self.kind, "main"), "backendRefs": _backends(None)},
            {
                "name": "other",
                "matches": _matches(self.kind, "other"),
                "backendRefs": [{"name": "other", "port": 80, "weight": 1}],
            },
        ]
        return {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": self.kind,
            "metadata": {"name": "web"},
            "spec": {"hostnames": ["web.example.com"], "rules": rules},
        }

    def kubectl(self, *args: str, stdin: Object | None = None) -> subprocess.CompletedProcess[str]:
        text = json.dumps(stdin) if stdin is not None else None
        return self.cluster.kubectl(*args, "-n", self.namespace, input=text)

    def git(self, manifest: Object) -> None:
        self.kubectl("apply", "--server-side", "--force-conflicts", "--field-manager=git", "-f", "-", stdin=manifest)

    def hold(self, rule: str, canary: int = 10) -> None:
        """What the operator does when it raises the weight."""
        path = "/spec/rules/0/backendRefs"
        patch = [
            {"op": "add", "path": path, "value": _backends(canary)},
            {"op": "add", "path": "/metadata/annotations", "value": {names.RULE_ANNOTATION: rule}},
        ]
        self.kubectl("patch", self.kind, "web", "--type=json", "-p", json.dumps(patch), "--as", OPERATOR)

    def live(self) -> Object:
        return self.cluster.get(self.kind, "web", "-n", self.namespace)

    def weights(self, rule: int = 0) -> dict[str, int]:
        return {one["name"]: one["weight"] for one in self.live()["spec"]["rules"][rule]["backendRefs"]}


def _policy(chart: Cluster, name: str) -> list[Object]:
    """The chart's own, bound to labelled namespaces: the other tests run without it, as most users do."""
    values = ("--set", "holdRoutes=true", "--set", "policies.mutating=always")
    show = ("--show-only", "templates/policies/route.yaml")
    text = chart.helm("template", RELEASE, str(CHART), "-n", NAMESPACE, *values, *show).stdout
    policy, binding = [document for document in yaml.safe_load_all(text) if document]
    for one in (policy, binding):
        one["metadata"]["name"] = name
    binding["spec"]["policyName"] = name
    binding["spec"]["matchResources"] = {"namespaceSelector": {"matchLabels": {"hold-routes": name}}}
    return [policy, binding]


@pytest.fixture(scope="module")
def policy(chart: Cluster, module_namespace: str) -> Iterator[str]:
    """The label of the namespaces that it holds for."""
    name = f"route-{module_namespace}"
    objects = {"apiVersion": "v1", "kind": "List", "items": _policy(chart, name)}
    chart.kubectl("apply", "-f", "-", input=json.dumps(objects))
    chart.kubectl("label", "namespace", module_namespace, f"hold-routes={name}")
    waiting.until(lambda: _in_force(chart, module_namespace), "the route policy to be in force")
    yield name
    chart.kubectl("delete", "-f", "-", input=json.dumps(objects))


def _in_force(chart: Cluster, namespace: str) -> bool:
    probe = Route(chart, namespace, "HTTPRoute")
    probe.git(probe.manifest())
    probe.hold("main")
    probe.git(probe.manifest())
    held = len(probe.weights()) == 2
    probe.kubectl("delete", "httproute", "web")
    return held


@pytest.fixture(params=KINDS)
def route(chart: Cluster, policy: str, namespace: str, request: pytest.FixtureRequest) -> Route:
    chart.kubectl("label", "namespace", namespace, f"hold-routes={policy}")
    one = Route(chart, namespace, request.param)
    waiting.until(lambda: _in_force(chart, namespace), "the namespace's label to be seen")
    one.git(one.manifest())
    return one


@pytest.mark.parametrize("rule", ["main", "0"])
def test_git_cannot_reset_the_weights(route: Route, rule: str) -> None:
    route.hold(rule)
    for _ in range(2):
        route.git(route.manifest())
    route.kubectl("replace", "-f", "-", stdin=route.manifest())
    live = route.live()
    assert route.weights() == {"web": 90, "web-canary": 10}
    assert live["metadata"]["annotations"][names.RULE_ANNOTATION] == rule


@pytest.mark.parametrize("rule", ["main", "0"])
def test_everything_else_of_the_route_is_the_users(route: Route, rule: str) -> None:
    route.hold(rule)
    changed = route.manifest()
    changed["spec"]["hostnames"] = ["new.example.com"]
    changed["spec"]["rules"][1]["backendRefs"][0]["name"] = "another"
    route.git(changed)
    live = route.live()
    assert live["spec"]["hostnames"] == ["new.example.com"]
    assert route.weights(1) == {"another": 1}
    assert route.weights() == {"web": 90, "web-canary": 10}


@pytest.mark.parametrize("rule", ["main", "0"])
def test_rules_in_another_order(route: Route, rule: str) -> None:
    """A counted rule is found again by its matches."""
    route.hold(rule)
    changed = route.manifest()
    changed["spec"]["rules"].reverse()
    route.git(changed)
    assert route.weights(0) == {"other": 1}
    assert route.weights(1) == {"web": 90, "web-canary": 10}


@pytest.mark.parametrize("rule", ["main", "0", "nonsense", "7", ""])
def test_off_ends_it_and_nothing_else_breaks(route: Route, rule: str) -> None:
    route.hold(rule)
    route.kubectl("annotate", "--overwrite", route.kind, "web", f"{names.RULE_ANNOTATION}=off")
    route.git(route.manifest())
    assert route.weights() == {"web": 100}


def test_a_rule_that_is_gone_is_gone(route: Route) -> None:
    route.hold("main")
    changed = route.manifest()
    del changed["spec"]["rules"][0]
    route.git(changed)
    assert route.weights(0) == {"other": 1}


def test_a_route_that_is_not_held_is_left_alone(route: Route) -> None:
    changed = copy.deepcopy(route.manifest())
    changed["spec"]["rules"][0]["backendRefs"] = _backends(30)
    route.git(changed)
    assert route.weights() == {"web": 70, "web-canary": 30}


def test_the_operator_moves_the_weight_and_puts_the_route_back(route: Route) -> None:
    route.hold("main", 10)
    route.hold("main", 50)
    assert route.weights() == {"web": 50, "web-canary": 50}
    patch = {"metadata": {"annotations": {names.RULE_ANNOTATION: None}}}
    route.kubectl("patch", route.kind, "web", "--type=merge", "-p", json.dumps(patch), "--as", OPERATOR)
    route.git(route.manifest())
    assert route.weights() == {"web": 100}
