"""The chart as `helm template` renders it, without a cluster."""

from __future__ import annotations

import copy
import json
import subprocess
from functools import cache
from typing import Any

import yaml

from tests.cluster import build, command, parts
from tests.integration.installation import CHART, NAMESPACE, RELEASE

Object = dict[str, Any]
MUTATING = "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy"


@cache
def _helm() -> str:
    build.ensure(["helm"], [])
    return str(parts.PARTS["helm"].binary)


def helm(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return command.run([_helm(), *arguments], check=check)


def attempt(values: Object) -> subprocess.CompletedProcess[str]:
    """For values that must be refused."""
    return helm("template", RELEASE, str(CHART), "-n", NAMESPACE, "--set-json", json.dumps(values), check=False)


def render(values: Object | None = None, *, mutating: bool = True, release: str = RELEASE) -> list[Object]:
    """Every document; `mutating`: as on a cluster that serves MutatingAdmissionPolicy."""
    served = ("--kube-version", "1.36.0", "--api-versions", MUTATING) if mutating else ("--kube-version", "1.35.0")
    given = ("--set-json", json.dumps(values)) if values else ()
    return copy.deepcopy(_rendered(release, *served, *given))


@cache
def _rendered(release: str, *more: str) -> list[Object]:
    text = helm("template", release, str(CHART), "-n", NAMESPACE, *more).stdout
    # The C parser: there are two CRDs in it, every time.
    return [document for document in yaml.load_all(text, Loader=yaml.CSafeLoader) if document]


def of_kind(documents: list[Object], kind: str) -> list[Object]:
    return [one for one in documents if one["kind"] == kind]


def one_of_kind(documents: list[Object], kind: str, name: str = RELEASE) -> Object:
    """The only one, or of several the one with the name."""
    found = of_kind(documents, kind)
    if len(found) > 1:
        found = [one for one in found if one["metadata"]["name"] == name]
    (only,) = found
    return only
