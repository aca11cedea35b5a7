"""examples/01-canary as Git would apply it: the release before, the good one, the broken one, the revert."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import yaml

from tests.cluster import Cluster

SOURCE = Path(__file__).resolve().parents[2] / "examples" / "01-canary"
NAMESPACE = "podinfo"
NAME = "podinfo"
HOST = "podinfo.example"
BEFORE, GOOD, BROKEN = "6.9.0", "6.9.1", "6.9.2"
APPLICATION = "2-application.yaml"
_LABEL = "truststream.dev/canary"
_KINDS = ("deployments", "services", "httproutes")


def shortened(directory: Path) -> Path:
    """A copy with fewer and shorter steps."""
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(SOURCE, directory)
    file = directory / "4-canary.yaml"
    canary = yaml.safe_load(file.read_text())
    canary["spec"].update(initialTraffic=20, increments=[50, 100], stepDuration="5s")
    canary["spec"]["analysis"].update(interval="3s", minimumRequests=30)
    file.write_text(yaml.safe_dump(canary, sort_keys=False))
    return directory


class Example:
    """The manifests of one directory on one cluster."""

    def __init__(self, cluster: Cluster, directory: Path = SOURCE) -> None:
        self._cluster = cluster
        self._directory = directory
        self._before: dict[str, Any] = {}

    def apply_previous(self) -> None:
        """What Git said one release ago."""
        text = "\n---\n".join(file.read_text() for file in sorted(self._directory.glob("*.yaml")))
        self._cluster.kubectl("apply", "-f", "-", input=text.replace(f":{GOOD}", f":{BEFORE}"))

    def apply(self) -> None:
        """The file that changed, as Git has it: the good release, and again after the revert."""
        self._cluster.kubectl("apply", "-f", str(self._directory / APPLICATION))

    def apply_broken(self) -> None:
        """The commit that everybody regrets."""
        self._cluster.kubectl("apply", "-f", str(self._directory / "broken"))

    def delete(self) -> None:
        """Of an earlier run, if there was one."""
        self._cluster.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=90s")

    def deployment(self) -> dict[str, Any]:
        """As it is now."""
        return self._cluster.get("deployment", NAME, "-n", NAMESPACE)

    def leaving(self) -> bool:
        """Whether something is on its way out."""
        listed: Any = self._cluster.get(",".join(_KINDS), "-n", NAMESPACE)
        return any("deletionTimestamp" in one["metadata"] for one in listed["items"])

    def remember(self) -> None:
        """How the objects look before any release."""
        self._before = self._objects()

    def differences(self) -> str:
        """What is not as Git says or not as before: empty but for our label on the Deployment."""
        return "\n".join(filter(None, [self._diff(), *self._changes()]))

    def _diff(self) -> str:
        answer = self._cluster.kubectl("diff", "-f", str(self._directory), check=False)
        if answer.returncode == 0:
            return ""
        lines = [line for line in answer.stdout.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
        rest = [line for line in lines if _LABEL not in line and "generation:" not in line]
        return "\n".join(rest) if answer.returncode == 1 else answer.stderr

    def _changes(self) -> list[str]:
        """kubectl diff is blind to fields that the files do not name, and to objects that they do not have."""
        after, before = self._objects(), self._before
        came = [f"{name} is left over" for name in sorted(after.keys() - before.keys())]
        gone = [f"{name} is gone" for name in sorted(before.keys() - after.keys())]
        changed = [
            f"{name} was {json.dumps(before[name])}, is {json.dumps(after[name])}"
            for name in sorted(after.keys() & before.keys())
            if after[name] != before[name]
        ]
        return [*came, *gone, *changed]

    def _objects(self) -> dict[str, Any]:
        listed: Any = self._cluster.get(",".join(_KINDS), "-n", NAMESPACE)
        return {f"{one['kind']} {one['metadata']['name']}": _essence(one) for one in listed["items"]}


def _essence(manifest: dict[str, Any]) -> dict[str, Any]:
    """Spec, labels and our annotations; the image is the release, not a difference."""
    metadata = manifest["metadata"]
    labels = {key: value for key, value in metadata.get("labels", {}).items() if key != _LABEL}
    ours = {key: value for key, value in metadata.get("annotations", {}).items() if "truststream" in key.split("/")[0]}
    spec = json.loads(json.dumps(manifest["spec"]).replace(f":{BEFORE}", f":{GOOD}"))
    return {"spec": spec, "labels": labels, "annotations": ours}
