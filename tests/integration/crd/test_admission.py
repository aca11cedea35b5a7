"""The API server refuses what `parse_spec` refuses, with the same sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cluster import Cluster
from tests.unit.api.bad_specs import BAD, GOOD, PAIR, Bad, manifest

REFUSED = [bad for bad in BAD if not bad.admitted]


@pytest.fixture(scope="module")
def answers(cluster: Cluster, namespace: str) -> dict[str, str]:
    """What the API server says to each bad input; one kubectl asks for all."""
    objects = [{**bad.manifest, "metadata": {"name": bad.id}} for bad in BAD]
    everything = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    # Without kubectl's own look at the types: the API server is asked.
    said = cluster.kubectl(
        "create", "-n", namespace, "--dry-run=server", "--validate=false", "-f", "-", input=everything, check=False
    ).stderr
    parts = [part.partition('"') for part in said.split('CanaryDeployment.truststream.dev "')[1:]]
    return {name: sentence for name, _, sentence in parts}


@pytest.mark.parametrize("bad", REFUSED, ids=lambda bad: bad.id)
def test_a_bad_input_is_refused_with_its_path(bad: Bad, answers: dict[str, str]) -> None:
    assert f"{bad.path}: " in answers[bad.id] or f'"{bad.path}"' in answers[bad.id]
    assert (bad.server or bad.said) in answers[bad.id]


def test_what_no_schema_can_say_is_admitted(answers: dict[str, str]) -> None:
    assert not {bad.id for bad in BAD if bad.admitted} & answers.keys()


def _apply(cluster: Cluster, namespace: str, name: str, spec: dict[str, Any]) -> str:
    text = json.dumps(manifest(spec, name))
    return cluster.kubectl("apply", "-n", namespace, "-f", "-", input=text, check=False).stderr


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("other-name", GOOD, {"targetRef": {"name": "other"}}),
        ("other-kind", GOOD, {"targetRef": PAIR}),
        ("other-service", {"targetRef": PAIR}, {"targetRef": {**PAIR, "canary": "red"}}),
    ],
)
def test_the_target_cannot_be_changed(
    name: str, before: dict[str, Any], after: dict[str, Any], cluster: Cluster, namespace: str
) -> None:
    assert _apply(cluster, namespace, name, before) == ""
    assert "make a new CanaryDeployment" in _apply(cluster, namespace, name, after)


def test_the_provider_stays_while_a_release_runs(cluster: Cluster, namespace: str) -> None:
    other = {**GOOD, "traffic": {"provider": "GatewayAPI", "config": {"route": "web"}}}
    assert _apply(cluster, namespace, "provider", GOOD) == ""
    release = {"revision": "2", "startedAt": "2026-01-01T00:00:00Z"}
    _set_status(cluster, namespace, "provider", {"release": release})
    assert "cannot be changed while a release runs" in _apply(cluster, namespace, "provider", other)
    _set_status(cluster, namespace, "provider", {"release": None})
    assert _apply(cluster, namespace, "provider", other) == ""


def _set_status(cluster: Cluster, namespace: str, name: str, status: dict[str, Any]) -> None:
    patch = json.dumps({"status": status})
    cluster.kubectl("patch", "cdep", name, "-n", namespace, "--subresource=status", "--type=merge", "-p", patch)


def test_a_new_revision_is_no_other_target(cluster: Cluster, namespace: str) -> None:
    assert _apply(cluster, namespace, "revision", {"targetRef": PAIR}) == ""
    assert _apply(cluster, namespace, "revision", {"targetRef": {**PAIR, "revision": "2"}}) == ""


def test_a_name_that_fits_no_label_is_refused(cluster: Cluster, namespace: str) -> None:
    assert "metadata.name is too long" in _apply(cluster, namespace, "x" * 64, GOOD)
