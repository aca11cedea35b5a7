"""A PostgreSQL in the cluster for the server's exposures, and ways to take it away."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.cluster import Cluster, images, kind_plan, loading, paths, waiting
from tests.cluster.progress import step
from tests.product.install import NAMESPACE as SYSTEM

NAMESPACE = "databases"
NAME = "postgresql"
SECRET = "store"
"""In the operator's namespace: the whole URL, under the key `url`."""

_STOP = ("pg_ctl", "stop", "--mode=fast", "--no-wait")
_CONTEXT = Path(__file__).with_name("postgresql")
_LABELS = {"app": NAME}


def install(cluster: Cluster) -> None:
    """Serving when it returns; the chart finds the URL in its Secret. A second call changes nothing."""
    image = _load(cluster)
    if cluster.kubectl("get", "namespace", NAMESPACE, check=False).returncode == 0:
        return
    password = secrets.token_urlsafe(24)
    url = f"postgresql://postgres:{password}@{NAME}.{NAMESPACE}.svc:5432/postgres"
    with step("PostgreSQL"):
        _apply(cluster, _namespace(NAMESPACE), _namespace(SYSTEM), _secret(NAMESPACE, NAME, {"password": password}))
        _apply(cluster, _secret(SYSTEM, SECRET, {"url": url}), _service(), _deployment(image))
        rolled = ("rollout", "status", f"deployment/{NAME}", "-n", NAMESPACE, "--timeout=120s")
        cluster.kubectl(*rolled)


def query(cluster: Cluster, statement: str) -> list[list[str]]:
    """Rows of text."""
    asked = ("psql", "-h", "/data", "-U", "postgres", "-At", "-F", "\t", "-c", statement)
    answer = cluster.kubectl("exec", "-n", NAMESPACE, f"deployment/{NAME}", "--", *asked)
    return [line.split("\t") for line in answer.stdout.splitlines()]


@contextmanager
def away(cluster: Cluster) -> Iterator[None]:
    """Nobody reaches it, and who was connected is cut off; its data stay."""
    _select(cluster, {"app": "nothing"})
    started = _restarts(cluster)
    cluster.kubectl("exec", "-n", NAMESPACE, f"deployment/{NAME}", "--", *_STOP)
    try:
        yield
    finally:
        waiting.until(lambda: _restarts(cluster) > started, "PostgreSQL to be started again", limit=90)
        _select(cluster, _LABELS)


def _load(cluster: Cluster) -> str:
    """Its image, from Debian's package; the tag is made of what it is built from."""
    sources = sorted(_CONTEXT.iterdir())
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in sources)).hexdigest()[:12]
    tag = f"{NAME}:{digest}"
    known = cluster.directory / "postgresql-image.tag"
    if known.exists() and known.read_text() == tag:
        return tag
    dockerfile = _CONTEXT / "Dockerfile"
    if cluster.maker == "kind":
        kind_plan.execute(kind_plan.build_and_load(cluster.record, tag, dockerfile, _CONTEXT))
    else:
        archive = paths.images_root() / f"{NAME}-{digest}.tar"
        if not archive.exists():
            images.build_archive(tag, dockerfile, _CONTEXT, archive)
        loading.load_archive(cluster, archive)
    known.write_text(tag)
    return tag


def _apply(cluster: Cluster, *manifests: dict[str, Any]) -> None:
    cluster.kubectl("apply", "-f", "-", input="\n---\n".join(json.dumps(one) for one in manifests))


def _select(cluster: Cluster, labels: dict[str, str]) -> None:
    patch = [{"op": "replace", "path": "/spec/selector", "value": labels}]
    cluster.kubectl("patch", "service", NAME, "-n", NAMESPACE, "--type=json", "-p", json.dumps(patch))


def _restarts(cluster: Cluster) -> int:
    """Counted once it serves again."""
    found: Any = cluster.get("pods", "-n", NAMESPACE, "-l", f"app={NAME}")
    status = found["items"][0]["status"]["containerStatuses"][0]
    return int(status["restartCount"]) if status["ready"] else -1


def _namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _secret(namespace: str, name: str, data: dict[str, str]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data}


def _service() -> dict[str, Any]:
    ports = [{"name": "postgresql", "port": 5432}]
    metadata = {"name": NAME, "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"selector": _LABELS, "ports": ports}}


def _deployment(image: str) -> dict[str, Any]:
    """One pod; its data outlive the container, not the pod."""
    container = {
        "name": NAME,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "ports": [{"containerPort": 5432}],
        "readinessProbe": {
            "exec": {"command": ["pg_isready", "-q", "-h", "/data", "-U", "postgres"]},
            "periodSeconds": 1,
        },
        "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}},
        "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": "password", "mountPath": "/password"}],
    }
    volumes = [{"name": "data", "emptyDir": {}}, {"name": "password", "secret": {"secretName": NAME}}]
    pod = {
        "enableServiceLinks": False,
        "automountServiceAccountToken": False,
        "securityContext": {"fsGroup": 65532},
        "terminationGracePeriodSeconds": 5,
        "containers": [container],
        "volumes": volumes,
    }
    template = {"metadata": {"labels": _LABELS}, "spec": pod}
    spec = {"replicas": 1, "selector": {"matchLabels": _LABELS}, "strategy": {"type": "Recreate"}, "template": template}
    metadata = {"name": NAME, "namespace": NAMESPACE}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
