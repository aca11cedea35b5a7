"""Who gave a command is what the API server says."""

from __future__ import annotations

import json

import pytest

from tests.cluster import Cluster
from tests.integration.installation import OPERATOR
from truststream.api import names


class Canary:
    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace

    def create(self, annotations: dict[str, str], user: str | None = None) -> None:
        document = {
            "apiVersion": names.API_VERSION,
            "kind": "CanaryDeployment",
            "metadata": {"name": "web", "namespace": self.namespace, "annotations": annotations},
            "spec": {"targetRef": {"name": "web"}},
        }
        self.cluster.kubectl("create", "-f", "-", input=json.dumps(document), user=user)

    def annotate(self, *arguments: str, user: str | None = None, more: tuple[str, ...] = ()) -> None:
        self.cluster.kubectl("annotate", "--overwrite", "cdep/web", *arguments, *more, "-n", self.namespace, user=user)

    def by(self) -> str | None:
        metadata = self.cluster.get("cdep", "web", "-n", self.namespace)["metadata"]
        assert isinstance(metadata, dict)
        found = metadata.get("annotations", {}).get(names.COMMAND_BY_ANNOTATION)
        return str(found) if found is not None else None


@pytest.fixture
def canary(chart: Cluster, namespace: str) -> Canary:
    return Canary(chart, namespace)


def test_a_command_is_stamped(canary: Canary) -> None:
    canary.create({})
    canary.annotate(f"{names.COMMAND_ANNOTATION}=promote", user="developer")
    assert canary.by() == "developer"


def test_a_forged_author_is_overwritten(canary: Canary) -> None:
    canary.create({})
    canary.annotate(f"{names.COMMAND_ANNOTATION}=promote", f"{names.COMMAND_BY_ANNOTATION}=sre", user="developer")
    assert canary.by() == "developer"


def test_a_command_in_a_new_resource_is_stamped(canary: Canary) -> None:
    canary.create({names.COMMAND_ANNOTATION: "pause", names.COMMAND_BY_ANNOTATION: "admin"}, user="developer")
    assert canary.by() == "developer"


@pytest.mark.parametrize("forgery", [f"{names.COMMAND_BY_ANNOTATION}=sre", f"{names.COMMAND_BY_ANNOTATION}-"])
def test_a_standing_command_keeps_its_author(canary: Canary, forgery: str) -> None:
    canary.create({})
    canary.annotate(f"{names.COMMAND_ANNOTATION}=promote", user="developer")
    canary.annotate(forgery, user="sre")
    canary.annotate("note=1", user="sre")
    assert canary.by() == "developer"


def test_another_command_has_another_author(canary: Canary) -> None:
    canary.create({})
    canary.annotate(f"{names.COMMAND_ANNOTATION}=promote", user="developer")
    canary.annotate(f"{names.COMMAND_ANNOTATION}=rollback", user="sre")
    assert canary.by() == "sre"


def test_without_a_command_there_is_no_author(canary: Canary) -> None:
    canary.create({names.COMMAND_BY_ANNOTATION: "sre"})
    assert canary.by() is None
    canary.annotate(f"{names.COMMAND_BY_ANNOTATION}=sre", user="developer")
    assert canary.by() is None


def test_the_operator_removes_a_command_that_is_done(canary: Canary) -> None:
    canary.create({names.COMMAND_ANNOTATION: "pause", names.COMMAND_REASON_ANNOTATION: "lunch"}, user="developer")
    canary.annotate(f"{names.COMMAND_ANNOTATION}-", f"{names.COMMAND_REASON_ANNOTATION}-", more=("--as", OPERATOR))
    assert canary.by() is None
