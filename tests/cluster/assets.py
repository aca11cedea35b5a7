"""The binaries of a cluster: built ones, or those of KUBEBUILDER_ASSETS where that may serve."""

import os
import re
from pathlib import Path

from . import build, parts
from .command import run
from .errors import HarnessError
from .progress import say

OLDEST = (1, 36)
_NAMES = {"kube-apiserver": ["--version"], "kubectl": ["version", "--client"], "etcd": ["--version"]}


def minor_version(text: str) -> tuple[int, int] | None:
    found = re.search(r"v(\d+)\.(\d+)\.", text)
    return (int(found.group(1)), int(found.group(2))) if found else None


def kubebuilder(directory: Path) -> dict[str, Path]:
    """kube-apiserver, etcd and kubectl of KUBEBUILDER_ASSETS, each one run to see what it is."""
    for name, arguments in _NAMES.items():
        binary = directory / name
        if not os.access(binary, os.X_OK):
            raise HarnessError(
                f"KUBEBUILDER_ASSETS={directory} has no executable {name}; unset it, or point it at a full set."
            )
        answer = run([str(binary), *arguments], check=False)
        if answer.returncode != 0:
            raise HarnessError(
                f"KUBEBUILDER_ASSETS={directory}: {name} does not run here: {answer.stderr.strip()[:200]}"
            )
        found = minor_version(answer.stdout)
        if name != "etcd" and (found is None or found < OLDEST):
            shown = ".".join(map(str, found)) if found else "of unknown version"
            raise HarnessError(
                f"KUBEBUILDER_ASSETS={directory}: {name} is {shown}, 1.36 or newer is needed "
                "(MutatingAdmissionPolicy is v1 from there); unset it and the harness builds its own."
            )
    return {name: directory / name for name in _NAMES}


def binaries(names: tuple[str, ...], size: str) -> dict[str, Path]:
    """Paths by name; what is not there yet is built."""
    chosen = os.environ.get("KUBEBUILDER_ASSETS")
    given: dict[str, Path] = {}
    if chosen and size == "control-plane":
        given = kubebuilder(Path(chosen))
        say(f"taking {', '.join(given)} from KUBEBUILDER_ASSETS={chosen}")
    built = [name for name in names if name not in given]
    build.ensure(built)
    return {**{name: parts.PARTS[name].binary for name in built}, **given}
