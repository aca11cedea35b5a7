"""What people see: defaults, `explain`, the columns of `get`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.cluster import Cluster
from tests.unit.api.bad_specs import GOOD, PAIR, manifest
from truststream.api.schema import walk
from truststream.api.validate import parse_spec

CRD = Path(__file__).parents[3] / "crds" / "truststream.dev_canarydeployments.yaml"
WIDEST = {
    "phase": "Progressing",
    "weight": 12.5,
    "step": "11/12",
    "verdict": "NotEnoughData",
    "samples": "1234567 / 12345678",
    "health": "Critical",
    "message": "Waiting for 300 requests.",
}


def _create(cluster: Cluster, namespace: str, name: str, spec: dict[str, Any]) -> None:
    cluster.kubectl("apply", "-n", namespace, "-f", "-", input=json.dumps(manifest(spec, name)))


def test_the_crd_installs_without_warnings(cluster: Cluster, namespace: str) -> None:
    answer = cluster.kubectl("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", str(CRD))
    assert answer.stderr == ""


def test_the_api_server_fills_in_the_defaults_of_the_models(cluster: Cluster, namespace: str) -> None:
    _create(cluster, namespace, "defaults", GOOD)
    stored = json.loads(cluster.kubectl("get", "cdep", "defaults", "-n", namespace, "-o", "json").stdout)
    assert stored["spec"]["increments"] == [10, 25, 50, 100]
    assert stored["spec"]["rollbackCriteria"]["deadline"] == "1h"
    assert "stepDuration" not in stored["spec"]  # the operator's configuration may have another default
    assert parse_spec(stored) == parse_spec(manifest(GOOD))


def test_every_field_is_explained(cluster: Cluster, namespace: str) -> None:
    document = json.loads(cluster.kubectl("get", "--raw", "/openapi/v3/apis/truststream.dev/v1alpha1").stdout)
    root = document["components"]["schemas"]["dev.truststream.v1alpha1.CanaryDeployment"]
    fields = dict(walk({"properties": {name: root["properties"][name] for name in ("spec", "status")}}))
    assert len(fields) > 80
    unexplained = [path for path, field in fields.items() if not field.get("description") and path[-1] not in "]}"]
    assert unexplained == []
    said = cluster.kubectl("explain", "canarydeployment.spec").stdout
    assert "<no description>" not in said
    assert "Percent of the requests that the canary gets first." in said


def test_get_reads_well_at_120_columns(cluster: Cluster, namespace: str) -> None:
    _create(cluster, namespace, "checkout-service", {"targetRef": PAIR})
    patch = json.dumps({"status": WIDEST})
    cluster.kubectl(
        "patch", "cdep", "checkout-service", "-n", namespace, "--subresource=status", "--type=merge", "-p", patch
    )
    header, *rows = cluster.kubectl("get", "cdep", "-n", namespace).stdout.splitlines()
    assert header.split() == ["NAME", "PHASE", "WEIGHT", "STEP", "VERDICT", "SAMPLES", "HEALTH", "AGE"]
    assert max(len(row) for row in rows) <= 120
    (row,) = (row for row in rows if row.startswith("checkout-service"))
    for shown in ("Progressing", "12.5", "11/12", "NotEnoughData", "1234567 / 12345678", "Critical"):
        assert shown in row


def test_the_message_is_in_the_wide_table(cluster: Cluster, namespace: str) -> None:
    _create(cluster, namespace, "wide", GOOD)
    header = cluster.kubectl("get", "cdep", "-n", namespace, "-o", "wide").stdout.splitlines()[0].split()
    assert header[-2:] == ["TARGET", "MESSAGE"]


def test_the_category_and_the_wait_for_a_condition_work(cluster: Cluster, namespace: str) -> None:
    _create(cluster, namespace, "waited", GOOD)
    condition = {
        "type": "Promoted",
        "status": "True",
        "reason": "Promoted",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    patch = json.dumps({"status": {"conditions": [condition]}})
    cluster.kubectl("patch", "cdep", "waited", "-n", namespace, "--subresource=status", "--type=merge", "-p", patch)
    cluster.kubectl("wait", "cdep/waited", "-n", namespace, "--for=condition=Promoted", "--timeout=10s")
    assert (
        "canarydeployment.truststream.dev/waited"
        in cluster.kubectl("get", "truststream", "-n", namespace, "-o", "name").stdout
    )
