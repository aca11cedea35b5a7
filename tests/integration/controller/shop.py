"""The application under release: `web` with its Service, its HTTPRoute and its CanaryDeployment in one namespace."""

from __future__ import annotations

import json
from typing import Any

from tests.cluster import Cluster, waiting
from tests.fakes.prometheus import Traffic
from truststream.api import names

Object = dict[str, Any]
LIMIT = 60.0


class Shop:
    """Speaks as the cluster's admin, who is nobody to the policies."""

    def __init__(self, cluster: Cluster, namespace: str, traffic: Traffic) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.traffic = traffic

    def deployment(self, image: str = "web:1", *, replicas: int = 3, behaviour: str = "") -> Object:
        annotations = {"pod.truststream.test/behaviour": behaviour} if behaviour else {}
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web", "namespace": self.namespace},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": {"app": "web"}},
                "template": {
                    "metadata": {"labels": {"app": "web"}, "annotations": annotations},
                    "spec": {"containers": [{"name": "web", "image": image, "ports": [{"containerPort": 8080}]}]},
                },
            },
        }

    def service(self, name: str = "web") -> Object:
        ports = [{"name": "http", "port": 80, "targetPort": 8080}]
        return {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {"selector": {"app": "web"}, "ports": ports},
        }

    def route(self) -> Object:
        rule = {"name": "main", "backendRefs": [{"name": "web", "port": 80}]}
        return {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "HTTPRoute",
            "metadata": {"name": "web", "namespace": self.namespace},
            "spec": {
                "parentRefs": [{"name": "contour", "namespace": "projectcontour"}],
                "hostnames": [f"{self.namespace}.example"],
                "rules": [rule],
            },
        }

    def canary(self, analysis: Object | None = None, **spec: Any) -> Object:
        """Two weights, a second each: as quick as it can be and still be seen."""
        whole = {
            "targetRef": {"name": "web"},
            "traffic": {"provider": "GatewayAPI", "config": {"route": "web", "rule": "main"}},
            "initialTraffic": 10,
            "increments": [50, 100],
            "stepDuration": "2s",
            "monitoringMetrics": [{"name": "errorRate"}],
            "promotionCriteria": [{"metric": "errorRate", "threshold": "1%"}],
            "rollbackThresholds": {"errorRate": "5%"},
            # About the release, not about statistics: a window and a limit are quick.
            "analysis": {"mode": "Threshold", "interval": "1s", "minimumRequests": 20, **(analysis or {})},
            **spec,
        }
        return {
            "apiVersion": names.API_VERSION,
            "kind": "CanaryDeployment",
            "metadata": {"name": "web", "namespace": self.namespace},
            "spec": whole,
        }

    def open(self, **spec: Any) -> None:
        """Everything as Git has it, and the release controller has adopted it."""
        for made in (self.deployment(), self.service(), self.route()):
            self.apply(made)
        self.wait_rolled()
        self.apply(self.canary(**spec))
        self.traffic.flow(self.namespace, "web", rate=50)
        self.wait_phase("Idle")
        waiting.until(lambda: self.label() == names.ENABLED, "the target to be adopted", limit=LIMIT)

    def apply(self, manifest: Object, *more: str) -> None:
        """As `kubectl apply` does."""
        self.cluster.kubectl("apply", *more, "-n", self.namespace, "-f", "-", input=json.dumps(manifest))

    def release(self, image: str, *, bad: float = 0.0, rate: float = 50, behaviour: str = "") -> None:
        """A new template, and what its canary will answer."""
        self.traffic.flow(self.namespace, "web-canary", rate=rate, bad=bad)
        self.apply(self.deployment(image, behaviour=behaviour))

    def command(self, verb: str, reason: str = "") -> None:
        """As the CLI does."""
        more = [f"{names.COMMAND_REASON_ANNOTATION}={reason}"] if reason else []
        self.kubectl("annotate", "--overwrite", "cdep/web", f"{names.COMMAND_ANNOTATION}={verb}", *more)

    def kubectl(self, *args: str, check: bool = True) -> str:
        """Its output."""
        return self.cluster.kubectl(*args, "-n", self.namespace, check=check).stdout

    def find(self, kind: str, name: str) -> Object | None:
        """An object, None when it is not there."""
        text = self.kubectl("get", kind, name, "--ignore-not-found", "--show-managed-fields", "-o", "json")
        found: Object | None = json.loads(text) if text.strip() else None
        return found

    def live(self, kind: str, name: str = "web") -> Object:
        """An object that must be there."""
        found = self.find(kind, name)
        assert found is not None, f"{kind} {name} is not there"
        return found

    def all(self, kind: str, *selector: str) -> list[Object]:
        """All of the namespace."""
        items: list[Object] = json.loads(self.kubectl("get", kind, *selector, "-o", "json"))["items"]
        return items

    def status(self) -> Object:
        """Of the CanaryDeployment."""
        found: Object = self.live("cdep").get("status") or {}
        return found

    def label(self) -> str | None:
        """How the target is taken on."""
        value: str | None = (self.live("deployment")["metadata"].get("labels") or {}).get(names.CANARY_LABEL)
        return value

    def backends(self) -> list[tuple[str, int | None]]:
        """Of the route's rule: name and weight."""
        refs = self.live("httproute")["spec"]["rules"][0]["backendRefs"]
        return [(ref["name"], ref.get("weight")) for ref in refs]

    def share(self) -> float:
        """Percent of the requests that the route gives the canary."""
        weights = {name: 1 if weight is None else weight for name, weight in self.backends()}
        return 100 * weights.get("web-canary", 0) / sum(weights.values())

    def events(self) -> list[tuple[str, str]]:
        """Reason and note of what was told about the CanaryDeployment, oldest first."""
        found = self.all("events.events.k8s.io")
        ours = [e for e in found if e.get("reportingController") == "truststream.dev/operator"]
        ours = [e for e in ours if e["regarding"]["kind"] == "CanaryDeployment"]
        return [(e["reason"], e["note"]) for e in sorted(ours, key=lambda e: str(e["eventTime"]))]

    def wait_phase(self, *phases: str, limit: float = LIMIT) -> Object:
        """The status when it is in one of these phases."""
        waiting.until(lambda: self.status().get("phase") in phases, f"phase {' or '.join(phases)}", limit=limit)
        return self.status()

    def wait_weight(self, weight: float, limit: float = LIMIT) -> Object:
        """The status when the canary gets so much."""
        waiting.until(lambda: self.status().get("weight") == weight, f"weight {weight}", limit=limit)
        return self.status()

    def wait_rolled(self, limit: float = LIMIT) -> None:
        """The Deployment's own rollout."""
        self.kubectl("rollout", "status", "deployment/web", f"--timeout={limit:.0f}s")

    def wait_gone(self, kind: str, name: str, limit: float = LIMIT) -> None:
        """Until an object is not there."""
        waiting.until(lambda: self.find(kind, name) is None, f"{kind} {name} to be gone", limit=limit)

    def assert_as_applied(self) -> None:
        """Nothing of ours is left but the label, which the caller looks at."""
        assert self.find("deployment", "web-canary") is None
        assert self.find("service", "web-canary") is None
        assert self.live("service")["spec"]["selector"] == {"app": "web"}
        assert names.PIN_ANNOTATION not in (self.live("service")["metadata"].get("annotations") or {})
        assert self.live("httproute")["spec"]["rules"][0]["backendRefs"] == _defaulted(self.route())
        assert names.RULE_ANNOTATION not in (self.live("httproute")["metadata"].get("annotations") or {})


def _defaulted(route: Object) -> list[Object]:
    refs = route["spec"]["rules"][0]["backendRefs"]
    return [{"group": "", "kind": "Service", "weight": 1, **ref} for ref in refs]
