"""The operator's image, quickly: its Dockerfile is built once for a set of dependencies, our code then goes on top.

A build takes a minute or two, most of it for packages that hardly ever change. What comes out has the same files.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.cluster import Cluster, HarnessError, build, command, images, loading, paths
from tests.cluster.progress import step

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "operator" / "truststream"
NAME = "truststream"
_BUILT_FROM = (
    "operator/Dockerfile",
    "operator/wheels.sh",
    "requirements.lock",
    "pyproject.toml",
    "README.md",
    "LICENSE",
)
_OPAQUE = ".wh..wh..opq"  # hides what the layers below have in this directory


def load(cluster: Cluster) -> str:
    """Into the cluster, unless it is there; returns the tag."""
    tag = f"dev-{_digest([*_parts(), *_sources()])}"
    known = _known(cluster)
    if known.exists() and known.read_text() == tag:
        return tag
    if cluster.maker == "kind":
        loading.load_operator(cluster, f"{NAME}:{tag}")
    else:
        archive = cluster.directory / "operator-image.tar"
        _put_on_top(_dependencies(), archive, f"{NAME}:{tag}")
        with step(f"loading {NAME}:{tag}"):
            loading.load_archive(cluster, archive)
        archive.unlink()
    known.write_text(tag)
    return tag


def loaded_tag(cluster: Cluster) -> str:
    """Of the image that `load` has put there, whatever the sources have become since."""
    return _known(cluster).read_text()


def _known(cluster: Cluster) -> Path:
    return cluster.directory / "operator-image.tag"


def _dependencies() -> Path:
    """The image as its Dockerfile builds it, of the day when the dependencies last changed."""
    target = paths.images_root() / f"operator-{_digest(_parts())}.tar"
    with build.lock(paths.cache_root() / "operator-image.lock", "another run that is building the operator's image"):
        if not target.exists():
            unfinished = target.with_name(f".{target.name}.{os.getpid()}.tar")
            wheels = str(images.OPERATOR_DOCKERFILE.with_name("wheels.sh"))
            command.run(["bash", wheels, sys.executable, images.BASE_PYTHON])
            images.build_archive(f"{NAME}:dependencies", images.OPERATOR_DOCKERFILE, ROOT, unfinished)
            unfinished.rename(target)
    return target


def _parts() -> list[Path]:
    return [ROOT / name for name in _BUILT_FROM]


def _sources() -> list[Path]:
    return sorted(file for file in PACKAGE.rglob("*") if file.is_file() and "__pycache__" not in file.parts)


def _digest(files: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for file in files:
        total.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes() + b"\0")
    return total.hexdigest()[:12]


def _put_on_top(below: Path, target: Path, name: str) -> None:
    """A docker-archive with one layer more: the package as it is now."""
    with tarfile.open(below) as old, tarfile.open(target, "w") as new:
        (entry,) = json.load(_file(old, "manifest.json"))
        configuration: dict[str, Any] = json.load(_file(old, entry["Config"]))
        layer = _layer(_place(old, entry["Layers"]))
        digest = hashlib.sha256(layer).hexdigest()
        for layer_name in dict.fromkeys(entry["Layers"]):
            member = old.getmember(layer_name)
            new.addfile(member, _file(old, layer_name) if member.isfile() else None)
        configuration["rootfs"]["diff_ids"].append(f"sha256:{digest}")
        configuration.setdefault("history", []).append({"created_by": "tests.product"})
        written = json.dumps(configuration).encode()
        config_name = f"{hashlib.sha256(written).hexdigest()}.json"
        manifest = [{"Config": config_name, "RepoTags": [name], "Layers": [*entry["Layers"], f"{digest}.tar"]}]
        content = {f"{digest}.tar": layer, config_name: written, "manifest.json": json.dumps(manifest).encode()}
        for member_name, data in content.items():
            new.addfile(_entry(member_name, len(data)), io.BytesIO(data))


def _place(archive: tarfile.TarFile, layers: list[str]) -> str:
    """The directory of the installed package in the image."""
    for layer in reversed(layers):
        with tarfile.open(fileobj=_file(archive, layer)) as files:
            for name in files.getnames():
                if name.endswith(f"site-packages/{NAME}/__init__.py"):
                    return str(Path(name).parent)
    raise HarnessError(f"the operator's image has no installed package {NAME}; look at operator/Dockerfile")


def _layer(place: str) -> bytes:
    """The package; what the layers below have of it is hidden."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as layer:
        folders = {PACKAGE, *(parent for file in _sources() for parent in file.parents if PACKAGE in parent.parents)}
        for folder in sorted(folders):
            entry = tarfile.TarInfo(_inside(place, folder))
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            layer.addfile(entry)
        layer.addfile(_entry(f"{place}/{_OPAQUE}", 0), io.BytesIO())
        for file in _sources():
            data = file.read_bytes()
            layer.addfile(_entry(_inside(place, file), len(data)), io.BytesIO(data))
    return buffer.getvalue()


def _inside(place: str, path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return f"{place}/{relative}" if relative.parts else place


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o644
    return entry


def _file(archive: tarfile.TarFile, name: str) -> Any:
    found = archive.extractfile(name)
    if found is None:
        raise HarnessError(f"the archive of the operator's image has no {name}")
    return found
