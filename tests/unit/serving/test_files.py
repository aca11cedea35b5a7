"""Flags from a directory: found, followed, and kept when a file is broken."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from truststream.errors import ConfigurationError
from truststream.flags.build import build
from truststream.serving.base import Scope
from truststream.serving.catalog import FlagCatalog
from truststream.serving.files import FlagFiles

FLAG = """
apiVersion: truststream.dev/v1alpha1
kind: FeatureFlag
metadata: {{name: {name}}}
spec: {{type: Boolean, variants: {{"on": true, "off": false}}, defaultVariant: "{default}"}}
"""
PEOPLE = """
kind: ConfigMap
metadata: {name: people, namespace: shop, labels: {truststream.dev/segments: ""}}
data: {staff: "included: [ann]"}
---
kind: FeatureFlag
metadata: {name: staff, namespace: shop}
spec:
  type: Boolean
  variants: {"on": true, "off": false}
  defaultVariant: "off"
  expiresAt: 2030-01-01T00:00:00Z
  rules: [{name: staff, conditions: [{operator: InSegment, value: staff}], variant: "on"}]
"""


async def test_files_are_served_and_followed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "a.yaml").write_text(FLAG.format(name="new", default="off"))
    (tmp_path / "below" / "b.yml").write_text(PEOPLE)
    (tmp_path / ".hidden.yaml").write_text("{")
    (tmp_path / "notes.txt").write_text("{")
    (tmp_path / "other.yaml").write_text("kind: Deployment\nmetadata: {name: web}\n---\n---\n[1]\n")
    catalog = FlagCatalog(build)
    source = FlagFiles(tmp_path, catalog)
    source.start()
    assert catalog.ready
    assert list(catalog.flags(Scope("default")).flags) == ["new"]
    assert catalog.flags(Scope("shop")).evaluate("staff", {"targetingKey": "ann"}, 0.0).value is True

    def looked() -> str:
        source.refresh()
        catalog.flush()
        return catalog.flags(Scope("default")).evaluate("new", {}, 0.0).variant

    (tmp_path / "a.yaml").write_text(FLAG.format(name="new", default="on") + "# longer\n")
    assert looked() == "on"
    (tmp_path / "a.yaml").write_text("{ this is no YAML")
    assert looked() == "on"
    assert catalog.stale_since is not None
    assert "what it said before holds" in caplog.text
    (tmp_path / "a.yaml").write_text('{"kind": "List", "items": [' + "]}")
    assert looked() == ""
    assert catalog.stale_since is None
    (tmp_path / "below" / "b.yml").unlink()
    looked()
    assert not catalog.flags(Scope("shop")).flags
    (tmp_path / "a.yaml").write_text(FLAG.format(name="new", default="on"))
    assert looked() == "on"
    moved = tmp_path.with_name("moved")
    os.rename(tmp_path, moved)
    assert (looked(), looked(), catalog.stale_since is not None) == ("on", "on", True)
    os.rename(moved, tmp_path)
    assert (looked(), catalog.stale_since) == ("on", None)
    catalog.close()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "no YAML"),
        ("kind: FeatureFlag\nspec: {}\n", "metadata.name"),
        ("kind: FeatureFlag\nmetadata: {name: a}\nspec: [1]\n", "spec must be a mapping"),
        ("kind: FeatureFlag\nmetadata: {name: a}\nspec: {x: !!set {a}}\n", "JSON cannot say"),
    ],
)
def test_a_broken_file_is_an_error_at_the_start(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match=said.replace(".", "[.]")):
        FlagFiles(tmp_path, FlagCatalog(build)).start()


def test_a_missing_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such directory"):
        FlagFiles(tmp_path / "none", FlagCatalog(build)).start()
