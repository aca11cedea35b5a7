"""What the chart renders: safe by default, least privilege, and a sentence for wrong values."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.integration.chart.render import attempt, helm, of_kind, one_of_kind, render
from tests.integration.installation import CHART, NAMESPACE, OPERATOR

Object = dict[str, Any]
_POLICIES = {"MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"}
_EVERYTHING: Object = {
    "replicas": 2,
    "holdRoutes": True,
    "imagePullSecrets": [{"name": "pull"}],
    "image": {"repository": "example/truststream", "digest": "sha256:" + "a" * 64, "pullPolicy": "Never"},
    "serviceAccount": {"name": "other", "annotations": {"a": "b"}},
    "podLabels": {"team": "a"},
    "podAnnotations": {"note": "b"},
    "nodeSelector": {"disk": "fast"},
    "tolerations": [{"operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}],
    "priorityClassName": "high",
    "podDisruptionBudget": {"enabled": True},
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
    "server": {
        "replicas": 3,
        "namespaces": ["shop", "blog"],
        "environment": "prod",
        "anonymous": ["shop", "blog"],
        "apiKeys": {"secretName": "keys"},
        "origins": ["https://shop.example"],
        "limits": {"body": 2048},
        "tls": {"secretName": "certificate"},
        "store": {"type": "postgresql", "postgresql": {"secretName": "database", "key": "dsn"}},
        "streamKey": {"secretName": "signing"},
        "networkPolicy": {"enabled": True, "from": [{"namespaceSelector": {}}]},
        "podAnnotations": {"note": "c"},
        "podLabels": {"team": "b"},
    },
    "flagd": {"enabled": True, "namespaces": ["shop", "blog"]},
}


@pytest.mark.parametrize("values", [{}, _EVERYTHING], ids=["defaults", "everything"])
def test_lint(values: Object) -> None:
    answer = helm("lint", "--strict", str(CHART), "--set-json", json.dumps(values or {"replicas": 1}))
    assert "0 chart(s) failed" in answer.stdout


def _pods(documents: list[Object]) -> list[Object]:
    return [one["spec"]["template"]["spec"] for one in documents if one["kind"] in {"Deployment", "Job"}]


@pytest.mark.parametrize("values", [None, _EVERYTHING], ids=["defaults", "everything"])
def test_every_pod_passes_restricted_pod_security(values: Object | None) -> None:
    pods = _pods(render(values))
    assert len(pods) == (3 if values is None else 5)
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]
        assert not any("hostPath" in volume for volume in pod.get("volumes", []))
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)


def test_the_operator_runs_with_its_configuration_and_probes() -> None:
    documents = render({"configuration": {"prometheus": {"address": "http://metrics:9090"}}})
    (container,) = one_of_kind(documents, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert container["command"] == [
        "truststream",
        "run",
        "--config=/etc/truststream/config.yaml",
        f"--server-service={NAMESPACE}/truststream-server",
    ]
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    text = one_of_kind(documents, "ConfigMap")["data"]["config.yaml"]
    assert yaml.safe_load(text)["prometheus"] == {"address": "http://metrics:9090"}


def test_another_configuration_restarts_the_operator() -> None:
    def annotations(address: str) -> Object:
        documents = render({"configuration": {"prometheus": {"address": address}}})
        found: Object = one_of_kind(documents, "Deployment")["spec"]["template"]["metadata"]["annotations"]
        return found

    assert annotations("http://a") != annotations("http://b")


def test_the_eject_hook_is_bounded_and_leaves_nothing() -> None:
    job = one_of_kind(render({"eject": {"timeoutSeconds": 42}}), "Job")
    annotations = job["metadata"]["annotations"]
    assert annotations["helm.sh/hook"] == "pre-delete"
    assert set(annotations["helm.sh/hook-delete-policy"].split(",")) == {
        "before-hook-creation",
        "hook-succeeded",
        "hook-failed",
    }
    assert job["spec"]["activeDeadlineSeconds"] == 42
    pod = job["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == "truststream"  # the policies let it through
    command = pod["containers"][0]["command"]
    assert command[:3] == ["truststream", "eject", "--all"]
    assert command[-1] == "--timeout=31"  # it gives up, and says so, before it is ended
    assert of_kind(render({"eject": {"enabled": False}}), "Job") == []


def _roles(documents: list[Object]) -> list[Object]:
    return [*of_kind(documents, "ClusterRole"), *of_kind(documents, "Role")]


def test_rbac_has_no_wildcard_and_no_secrets_of_the_cluster() -> None:
    documents = render()
    for role in _roles(documents):
        for rule in role["rules"]:
            assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
            assert not {"escalate", "bind", "impersonate"} & set(rule["verbs"])
            assert role["kind"] == "Role" or "secrets" not in rule["resources"]
    (role,) = of_kind(documents, "Role")
    assert not any("secrets" in rule["resources"] for one in of_kind(documents, "ClusterRole") for rule in one["rules"])
    assert role["metadata"]["namespace"] == NAMESPACE
    assert [rule["verbs"] for rule in role["rules"] if "secrets" in rule["resources"]] == [["get"]]


def test_the_operator_cannot_change_its_own_policies() -> None:
    (own,) = [one for one in of_kind(render(), "ClusterRole") if one["metadata"]["name"] == "truststream"]
    verbs = [rule["verbs"] for rule in own["rules"] if "admissionregistration.k8s.io" in rule["apiGroups"]]
    assert verbs == [["get", "list", "watch"]]


@pytest.mark.parametrize("verb", ["override", "evaluate"])
def test_a_verb_of_ours_is_nobodys_by_default(verb: str) -> None:
    holders = [
        role for role in of_kind(render(), "ClusterRole") if any(verb in rule["verbs"] for rule in role["rules"])
    ]
    (role,) = holders
    assert role["metadata"]["name"] == f"truststream-{verb}"
    assert not any(key.startswith("rbac.authorization.k8s.io/aggregate") for key in role["metadata"]["labels"])


def test_the_policies_exempt_the_operators_account_and_nobody_else() -> None:
    for values, user in ((None, OPERATOR), (_EVERYTHING, f"system:serviceaccount:{NAMESPACE}:other")):
        text = yaml.safe_dump([one for one in render(values) if one["kind"].endswith("AdmissionPolicy")], width=10**6)
        assert text.count("system:serviceaccount:") == text.count(user) + text.count(
            "system:serviceaccount:kube-system:"
        )
        assert user in text


def test_the_hold_fails_closed_and_the_role_label_open() -> None:
    policy = {one["metadata"]["name"]: one["spec"] for one in render() if one["kind"].endswith("AdmissionPolicy")}
    closed = {name for name, spec in policy.items() if spec["failurePolicy"] == "Fail"}
    flags = {"truststream-flag-stamps", "truststream-flag-approvals"}
    assert closed == {"truststream-hold", "truststream-guard", "truststream-pin", "truststream-commands", *flags}
    open_ = {"truststream-role", "truststream-warn", "truststream-label"}
    assert set(policy) - closed == {*open_, "truststream-flag-values", "truststream-flag-warn"}
    assert [name for name, spec in policy.items() if "paramKind" in spec] == ["truststream-role"]
    conditions = [condition["name"] for condition in policy["truststream-hold"]["matchConditions"]]
    assert conditions == ["not-the-operator"]  # a policy with further ones is not looked at again


def test_without_mutating_policies_the_chart_still_installs() -> None:
    kinds = {one["kind"] for one in render(mutating=False)}
    assert not kinds & _POLICIES
    assert {"Deployment", "ValidatingAdmissionPolicy"} <= kinds


def test_mutating_policies_can_be_forced_and_left_out() -> None:
    forced = {one["kind"] for one in render({"policies": {"mutating": "always"}}, mutating=False)}
    assert forced >= _POLICIES
    assert not {one["kind"] for one in render({"policies": {"mutating": "never"}})} & _POLICIES


def test_routes_are_held_only_when_asked() -> None:
    def names(values: Object | None) -> set[str]:
        return {one["metadata"]["name"] for one in of_kind(render(values), "MutatingAdmissionPolicy")}

    assert names({"holdRoutes": True}) - names(None) == {"truststream-route"}


def test_every_policy_is_bound() -> None:
    documents = render(_EVERYTHING)
    policies = {
        (one["kind"] + "Binding", one["metadata"]["name"])
        for one in documents
        if one["kind"].endswith("AdmissionPolicy")
    }
    bindings = {(one["kind"], one["spec"]["policyName"]) for one in documents if one["kind"].endswith("PolicyBinding")}
    assert policies == bindings


def test_crds_are_templates_and_kept() -> None:
    crds = of_kind(render(), "CustomResourceDefinition")
    plurals = {one["metadata"]["name"].partition(".")[0] for one in crds}
    assert plurals == {"canarydeployments", "featureflags"}
    for crd in crds:
        assert crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
        assert crd["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm"
    assert of_kind(render({"crds": {"install": False}}), "CustomResourceDefinition") == []


def test_crds_are_those_of_the_repository() -> None:
    repository = CHART.parents[1] / "crds"
    copies = CHART / "files" / "crds"
    assert {one.name: one.read_text() for one in copies.glob("*.yaml")} == {
        one.name: one.read_text() for one in repository.glob("*.yaml")
    }
    for crd in of_kind(render(), "CustomResourceDefinition"):
        source = yaml.safe_load((repository / f"truststream.dev_{crd['spec']['names']['plural']}.yaml").read_text())
        assert crd["spec"] == source["spec"]


def test_the_optional_objects_are_off() -> None:
    optional = {"ServiceMonitor", "PrometheusRule", "NetworkPolicy"}
    assert not {one["kind"] for one in render()} & optional
    assert {one["kind"] for one in render(_EVERYTHING)} >= optional
    budgets = [one["metadata"]["name"] for one in of_kind(render(), "PodDisruptionBudget")]
    assert budgets == ["truststream-server"]  # a caller waits for it, nobody waits for the operator


def test_the_hooks_pod_is_not_counted_as_an_operator() -> None:
    documents = render(_EVERYTHING)
    selector = one_of_kind(documents, "Service")["spec"]["selector"]
    labels = one_of_kind(documents, "Job")["spec"]["template"]["metadata"]["labels"]
    assert not selector.items() <= labels.items()
    running = one_of_kind(documents, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert selector.items() <= running.items()


_WRONG: list[tuple[Object, str]] = [
    ({"replica": 2}, "replica"),
    ({"replicas": -1}, "replicas"),
    ({"replicas": "two"}, "replicas"),
    ({"image": {"tags": "1"}}, "tags"),
    ({"image": {"digest": "latest"}}, "digest"),
    ({"policies": {"mutating": "yes"}}, "mutating"),
    ({"eject": {"timeoutSeconds": 3600}}, "timeoutSeconds"),
    ({"configuration": "prometheus"}, "configuration"),
    ({"serviceMonitor": {"interval": "often"}}, "interval"),
    ({"holdRoutes": "true"}, "holdRoutes"),
    ({"server": {"replica": 1}}, "replica"),
    ({"server": {"anonymous": ["Shop"]}}, "anonymous"),
    ({"server": {"store": {"type": "redis"}}}, "type"),
    ({"server": {"replicas": 2, "store": {"type": "sqlite"}}}, "set server.replicas=1 instead of 2"),
    ({"server": {"store": {"type": "postgresql"}}}, "needs server.store.postgresql.secretName"),
    ({"server": {"enabled": False}, "flagd": {"enabled": True, "namespaces": ["a"]}}, "set server.enabled=true"),
    ({"flagd": {"enabled": True, "namespaces": ["shop"]}}, "add shop to server.anonymous"),
]


@pytest.mark.parametrize(("values", "named"), _WRONG, ids=[f"{one[1]}-{i}" for i, one in enumerate(_WRONG)])
def test_wrong_values_are_refused_by_name(values: Object, named: str) -> None:
    answer = attempt(values)
    assert answer.returncode != 0
    assert named in answer.stderr


def test_an_old_cluster_is_refused() -> None:
    answer = helm("template", "truststream", str(CHART), "--kube-version", "1.29.0", check=False)
    assert answer.returncode != 0
    assert "incompatible with Kubernetes v1.29.0" in answer.stderr
