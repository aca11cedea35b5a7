"""Running the command line in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.unit.cli.fakes import FakeResources
from truststream.cli import access
from truststream.cli.main import VERBS, build

WHOLE = build(VERBS)
Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """`run("status", "-n", "shop", cluster=FakeResources(...))`."""
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        "current-context: a\ncontexts:\n- {name: a, context: {namespace: shop}}\n- {name: b, context: {}}\n"
    )
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    monkeypatch.setenv("COLUMNS", "160")

    def invoke(*arguments: str, cluster: FakeResources | None = None, stdin: str | None = None) -> Result:
        with monkeypatch.context() as patched:
            patched.setattr(access, "open_cluster", (cluster or FakeResources()).opened)
            return CliRunner().invoke(WHOLE, list(arguments), input=stdin)

    return invoke
