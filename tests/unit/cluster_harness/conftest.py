"""Every test gets a cache directory of its own: none of them sees a cluster of this machine."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "cache with a space"
    monkeypatch.setenv("TRUSTSTREAM_CACHE", str(root))
    monkeypatch.delenv("CLUSTER", raising=False)
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.delenv("KIND_NODE_IMAGE", raising=False)
    return root
