"""The command line against a real API server: what the in-memory cluster of the unit tests cannot show."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.cluster import Cluster
from tests.unit.api.bad_specs import GOOD, manifest

TRUSTSTREAM = str(Path(sys.executable).with_name("truststream"))


@pytest.fixture(scope="module")
def canary(cluster: Cluster, namespace: str) -> str:
    """A CanaryDeployment that has been looked at."""
    cluster.kubectl("apply", "-n", namespace, "-f", "-", input=json.dumps(manifest(GOOD, "shop")))
    status = {"observedGeneration": 1, "phase": "Progressing", "weight": 25, "step": "3/5", "message": "25 %"}
    patch = json.dumps({"status": status})
    cluster.kubectl("patch", "cdep", "shop", "-n", namespace, "--subresource=status", "--type=merge", "-p", patch)
    return "shop"


def _call(cluster: Cluster, *arguments: str) -> CompletedProcess[str]:
    return cluster.run(TRUSTSTREAM, *arguments, check=False)


def test_status_reads_the_cluster(cluster: Cluster, namespace: str, canary: str) -> None:
    shown = json.loads(_call(cluster, "status", canary, "-n", namespace, "-o", "json").stdout)
    assert (shown["phase"], shown["weight"], shown["step"]) == ("Progressing", 25, "3/5")
    assert shown["weights"] == [5, 10, 25, 50, 100]
    listed = [line.split()[:2] for line in _call(cluster, "status", "-A").stdout.splitlines()]
    assert [namespace, "shop"] in listed  # columns are as wide as what other tests have made


def test_a_command_reaches_the_object_and_names_who_asked(cluster: Cluster, namespace: str, canary: str) -> None:
    asked = _call(cluster, "rollback", canary, "-n", namespace, "--reason", "tickets", "--wait", "--timeout", "1")
    assert asked.returncode == 1
    assert "the operator seems to be away" in asked.stderr
    stored = json.loads(cluster.kubectl("get", "cdep", canary, "-n", namespace, "-o", "json").stdout)
    annotations = stored["metadata"]["annotations"]
    assert annotations["truststream.dev/command"] == "rollback"
    assert annotations["truststream.dev/command-reason"] == "tickets"
    assert annotations["truststream.dev/command-by"]  # stamped by the API server


def test_errors_are_one_line(cluster: Cluster, namespace: str, canary: str) -> None:
    missing = _call(cluster, "status", "nobody", "-n", namespace)
    assert missing.returncode == 1
    assert missing.stderr == f"error: no CanaryDeployment nobody in namespace {namespace}; there are: shop\n"
    refused = _call(cluster, "status", "-n", namespace, "--context", "nonsense")
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: ")
    assert "Traceback" not in refused.stderr


def test_it_is_a_plugin_of_kubectl(cluster: Cluster, namespace: str, canary: str) -> None:
    folder = Path(TRUSTSTREAM).parent
    assert (folder / "kubectl-truststream").exists()
    shown = cluster.run("sh", "-c", f'PATH="$PATH:{folder}" kubectl truststream status -n {namespace}')
    assert shown.stdout.splitlines()[1].startswith("shop")
