"""The cache key of a build, and the versions read from go.mod."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cluster import parts, paths, toolchain
from tests.cluster.errors import HarnessError


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy = tmp_path / "go"
    shutil.copytree(paths.GO_SOURCES, copy)
    monkeypatch.setattr(paths, "GO_SOURCES", copy)
    return copy


@pytest.mark.parametrize("file", ["go.mod", "go.sum", "tools.go"])
def test_a_changed_source_changes_the_key(sources: Path, file: str) -> None:
    part = parts.PARTS["prometheus"]
    before = part.key

    with (sources / "prometheus" / file).open("a") as handle:
        handle.write("// changed\n")

    assert part.key != before


def test_changed_tags_change_the_key() -> None:
    part = parts.PARTS["prometheus"]

    assert replace(part, tags="").key != part.key


def test_the_key_does_not_depend_on_where_the_checkout_lies(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = parts.PARTS["etcd"].key
    monkeypatch.undo()

    assert parts.PARTS["etcd"].key == there


def test_kubernetes_is_linked_with_its_version() -> None:
    part = parts.PARTS["kubectl"]

    assert f"gitVersion={part.version} " in part.link_flags
    assert "gitMinor=36" in part.link_flags


def test_every_part_has_a_version_and_a_checksum_file() -> None:
    for part in parts.PARTS.values():
        assert part.version == "dev" or part.version.startswith("v")
        assert part.version == "dev" or (part.directory / "go.sum").exists()


def test_a_module_that_is_not_required_is_named(tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text("module x\n\ngo 1.26.0\n")

    with pytest.raises(HarnessError, match="does not require example"):
        parts.module_version(tmp_path / "go.mod", "example")


@pytest.mark.parametrize("size", ["control-plane", "node"])
def test_every_size_is_made_of_known_parts(size: str) -> None:
    assert set(parts.names_for("local", size, ("contour", "prometheus"))) <= set(parts.PARTS)


@pytest.mark.parametrize(
    ("text", "version"),
    [("go version go1.26.8 linux/amd64", (1, 26, 8)), ("go 1.26.0", (1, 26, 0)), ("go version go1.27 x", (1, 27, 0))],
)
def test_go_versions(text: str, version: tuple[int, ...]) -> None:
    assert toolchain.parse_version(text) == version
