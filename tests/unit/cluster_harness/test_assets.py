"""KUBEBUILDER_ASSETS is taken after a look at what it holds, or refused with the reason."""

from pathlib import Path

import pytest

from tests.cluster import assets, build
from tests.cluster.errors import HarnessError

_GOOD = {
    "kube-apiserver": "echo Kubernetes v1.36.3",
    "kubectl": "echo Client Version: v1.37.0",
    "etcd": "echo etcd Version: 3.6.15",
}


def _programs(directory: Path, scripts: dict[str, str]) -> Path:
    directory.mkdir(exist_ok=True)
    for name, script in scripts.items():
        file = directory / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)
    return directory


def test_a_full_set_of_a_new_enough_version_is_taken(tmp_path: Path) -> None:
    directory = _programs(tmp_path / "bin", _GOOD)

    assert assets.kubebuilder(directory) == {name: directory / name for name in _GOOD}


@pytest.mark.parametrize(
    ("name", "script", "sentence"),
    [
        ("kube-apiserver", "echo Kubernetes v1.35.9", r"kube-apiserver is 1\.35, 1\.36 or newer is needed"),
        ("kubectl", "echo nonsense", "kubectl is of unknown version"),
        ("etcd", "exit 1", "etcd does not run here"),
    ],
)
def test_a_set_that_will_not_do_is_refused(tmp_path: Path, name: str, script: str, sentence: str) -> None:
    directory = _programs(tmp_path / "bin", {**_GOOD, name: script})

    with pytest.raises(HarnessError, match=sentence):
        assets.kubebuilder(directory)


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    directory = _programs(tmp_path / "bin", {"etcd": "true"})

    with pytest.raises(HarnessError, match="has no executable kube-apiserver"):
        assets.kubebuilder(directory)


def test_only_what_the_set_lacks_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = _programs(tmp_path / "bin", _GOOD)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(directory))
    built: list[str] = []
    monkeypatch.setattr(build, "ensure", built.extend)

    found = assets.binaries(("kube-apiserver", "etcd", "kubectl", "kwok"), "control-plane")

    assert built == ["kwok"]
    assert found["etcd"] == directory / "etcd"


def test_a_node_takes_its_own_binaries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path / "absent"))
    monkeypatch.setattr(build, "ensure", lambda names: None)

    assert "etcd" in assets.binaries(("etcd",), "node")
