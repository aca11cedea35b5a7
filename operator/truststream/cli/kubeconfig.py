"""Which namespace is meant when none is given: the one of the kubeconfig's context, as kubectl has it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def namespace_of(kubeconfig: str | None, context: str | None) -> str:
    """Namespace of the context (by default the current one), of the pod we run in, or `default`."""
    files = list(_files(kubeconfig))
    # As kubectl merges files: the first that says something counts.
    wanted = context or next((str(name) for file in files if (name := file.get("current-context"))), "")
    for file in files:
        for entry in file.get("contexts") or ():
            if entry.get("name") == wanted:
                return str((entry.get("context") or {}).get("namespace") or "default")
    return _ACCOUNT.read_text(encoding="utf-8").strip() if not files and _ACCOUNT.exists() else "default"


def _files(kubeconfig: str | None) -> Iterator[dict[str, Any]]:
    listed = kubeconfig or os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    for name in [listed] if kubeconfig else listed.split(os.pathsep):
        path = Path(name)
        if name and path.is_file():
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
            if isinstance(content, dict):
                yield content
