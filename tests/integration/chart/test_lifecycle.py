"""Install, upgrade and uninstall, on a cluster of its own: other tests need the policies to stay."""

from __future__ import annotations

import base64
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster import Cluster, waiting
from tests.integration import installation
from tests.integration.installation import CHART, NAMESPACE, RELEASE
from tests.integration.policies.target import Target
from tests.integration.sharing import alone, shared
from truststream.api import names

_POLICIES = (
    "mutatingadmissionpolicies,mutatingadmissionpolicybindings,validatingadmissionpolicies,"
    "validatingadmissionpolicybindings,clusterroles,clusterrolebindings"
)


@pytest.fixture(scope="module")
def own() -> Iterator[Cluster]:
    name = os.environ.get("TRUSTSTREAM_TEST_CLUSTER", "integration")
    with shared(f"{name}-chart", ()) as running:
        yield running


@pytest.fixture(autouse=True)
def _clean(own: Cluster) -> Iterator[None]:
    """One at a time, also where several processes test; each begins without the chart, whatever became of the last."""
    with alone(own.name, "lifecycle"):
        yield
        own.helm("uninstall", RELEASE, "-n", NAMESPACE, "--no-hooks", "--ignore-not-found")


def _ours(own: Cluster) -> list[str]:
    found = own.kubectl("get", _POLICIES, "-l", "app.kubernetes.io/name=truststream", "-o", "name")
    return found.stdout.split()


def _held(own: Cluster, namespace: str) -> Target:
    """A held Deployment, and a CanaryDeployment beside it."""
    own.kubectl("create", "namespace", namespace)
    target = Target(own, namespace)
    target.create()
    target.adopt()
    canary = {"apiVersion": names.API_VERSION, "kind": "CanaryDeployment", "metadata": {"name": "web"}}
    target.kubectl("create", "-f", "-", stdin={**canary, "spec": {"targetRef": {"name": "web"}}})
    target.set_image("web:2")
    target.assert_held()
    return target


def _short_names(own: Cluster) -> object:
    spec = own.get("crd", "canarydeployments.truststream.dev")["spec"]
    assert isinstance(spec, dict)
    return spec["names"]["shortNames"]


def _stream_key(own: Cluster) -> str:
    data: Any = own.get("secret", "truststream-server-stream-key", "-n", NAMESPACE)["data"]
    key = base64.b64decode(data["key"]).decode()
    assert len(key) == 48
    return key


def _earlier(directory: Path) -> Path:
    """The chart as it might have been, with another CRD."""
    chart = directory / "truststream"
    shutil.copytree(CHART, chart)
    (crd,) = (chart / "files" / "crds").glob("*canarydeployments.yaml")
    document = yaml.safe_load(crd.read_text())
    document["spec"]["names"]["shortNames"] = ["earlier"]
    crd.write_text(yaml.safe_dump(document))
    return chart


def test_upgrade_and_uninstall(own: Cluster, tmp_path: Path) -> None:
    """The CRD is upgraded and kept; what was held stays paused, and is its user's from then on."""
    installation.install(own, chart=_earlier(tmp_path))
    assert _short_names(own) == ["earlier"]
    target = _held(own, "uninstalled")
    key = _stream_key(own)
    installation.install(own)
    assert _short_names(own) == ["cdep"]
    assert _stream_key(own) == key  # open event streams outlive an upgrade
    target.assert_held()

    own.helm("uninstall", RELEASE, "-n", NAMESPACE, "--no-hooks")
    waiting.until(lambda: _ours(own) == [], "the policies and roles to be gone")
    assert target.kubectl("get", "cdep", "web", "-o", "name").stdout.strip() == "canarydeployment.truststream.dev/web"
    assert target.live()["spec"]["paused"] is True
    waiting.until(lambda: _resumes(target), "a resume that nothing holds any more")
    target.assert_rolls()

    installation.install(own)  # the kept CRD is taken over again


def _resumes(target: Target) -> bool:
    """The API server takes a moment to forget a policy."""
    target.kubectl("rollout", "resume", "deployment/web", check=False)
    return not target.live()["spec"].get("paused")


def _uninstall(own: Cluster, behaviour: str) -> tuple[int, float]:
    """With the hook, its fake container behaving like this; how it ended and how long it took."""
    annotation = f"podAnnotations.pod\\.truststream\\.test/behaviour={behaviour}"
    installation.install(own, "eject.enabled=true", "eject.timeoutSeconds=10", annotation)
    started = time.monotonic()
    ended = own.helm("uninstall", RELEASE, "-n", NAMESPACE, "--timeout", "180s", check=False)
    return ended.returncode, time.monotonic() - started


def _jobs(own: Cluster) -> list[str]:
    return own.kubectl("get", "jobs", "-n", NAMESPACE, "-o", "name").stdout.split()


def test_an_uninstall_whose_hook_cannot_run_ends(own: Cluster) -> None:
    """Bounded; the policies hold on, and the hook leaves nothing behind."""
    code, seconds = _uninstall(own, "not-ready")
    assert code != 0
    assert seconds < 170  # the Job ended, not the patience of Helm
    assert len(_ours(own)) > 10
    assert _jobs(own) == []
    own.helm("uninstall", RELEASE, "-n", NAMESPACE, "--no-hooks")  # the way out that NOTES names
    assert _ours(own) == []


def test_an_uninstall_with_its_hook(own: Cluster) -> None:
    code, _ = _uninstall(own, "ready")
    assert code == 0
    assert _ours(own) == []
    assert _jobs(own) == []


def test_a_second_release_is_refused(own: Cluster) -> None:
    """Two operators would fight about the same Deployments."""
    installation.install(own)
    refused = own.helm("install", "second", str(CHART), "-n", "elsewhere", "--create-namespace", check=False)
    assert refused.returncode != 0
    assert "truststream" in refused.stderr


def test_every_object_is_accepted(own: Cluster) -> None:
    """With everything on, the API server finds no fault with what it knows."""
    server = ("server.replicas=1", "server.store.type=sqlite", "server.networkPolicy.enabled=true")
    flagd = ("flagd.enabled=true", "flagd.namespaces={default}", "server.anonymous={default}", "flagd.replicas=1")
    values = ("replicas=2", "podDisruptionBudget.enabled=true", "holdRoutes=true", *server, *flagd)
    installation.install(own, *values)
    budget = own.get("poddisruptionbudget", RELEASE, "-n", NAMESPACE)
    assert budget["spec"]["maxUnavailable"] == 1  # type: ignore[index]
    own.kubectl("label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted", "--overwrite")
    waiting.until(lambda: _pods(own) == 2, "two operator pods under restricted Pod Security")
    own.kubectl("delete", "pods", "-n", NAMESPACE, "--all", "--wait=false")
    waiting.until(lambda: _pods(own) == 2, "two new ones")


def _pods(own: Cluster) -> int:
    """Those that are not going."""
    pods = own.get("pods", "-n", NAMESPACE, "-l", "app.kubernetes.io/name=truststream")["items"]
    assert isinstance(pods, list)
    return sum("deletionTimestamp" not in pod["metadata"] for pod in pods)
