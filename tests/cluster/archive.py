"""Container images without an engine: a docker-archive, written with the standard library, byte for byte repeatable."""

import hashlib
import io
import json
import os
import platform
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class Image:
    """One layer of files, and how to run them."""

    name: str
    files: Mapping[str, Path]
    entrypoint: tuple[str, ...]
    environment: tuple[str, ...] = ()
    user: str = "65534:65534"
    directories: tuple[str, ...] = field(default=("tmp",))


def _entry(name: str, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mode = mode
    return entry


def _layer(image: Image, target: Path) -> str:
    """Writes the layer and returns its digest, which is its name in the archive."""
    parents = {str(parent) for name in image.files for parent in Path(name).parents} - {"."}
    with tarfile.open(target, "w") as layer:
        for name in sorted(parents | set(image.directories)):
            directory = _entry(name, 0o1777 if name == "tmp" else 0o755)
            directory.type = tarfile.DIRTYPE
            layer.addfile(directory)
        for name, source in sorted(image.files.items()):
            entry = _entry(name, 0o755)
            entry.size = source.stat().st_size
            with source.open("rb") as content:
                layer.addfile(entry, content)
    with target.open("rb") as written:
        return hashlib.file_digest(written, "sha256").hexdigest()


def _configuration(image: Image, digest: str) -> bytes:
    run = {
        "Entrypoint": list(image.entrypoint),
        "Env": ["PATH=/usr/local/bin:/usr/bin:/bin", *image.environment],
        "User": image.user,
        "WorkingDir": "/",
    }
    document = {
        "architecture": ARCHITECTURES[platform.machine()],
        "os": "linux",
        "config": run,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        "history": [{"created_by": "tests.cluster"}],
    }
    return json.dumps(document, sort_keys=True).encode()


def _add_bytes(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = _entry(name, 0o644)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


def write(images: Sequence[Image], target: Path) -> None:
    """All images in one archive; a layer that two of them share is stored once."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    layer_file = unfinished.with_suffix(".layer")
    manifest, stored = [], set()
    with tarfile.open(unfinished, "w") as archive:
        for image in images:
            digest = _layer(image, layer_file)
            if digest not in stored:
                archive.add(layer_file, arcname=f"{digest}.tar", filter=_plain)
                stored.add(digest)
            configuration = _configuration(image, digest)
            config_name = f"{hashlib.sha256(configuration).hexdigest()}.json"
            _add_bytes(archive, config_name, configuration)
            manifest.append({"Config": config_name, "RepoTags": [image.name], "Layers": [f"{digest}.tar"]})
        _add_bytes(archive, "manifest.json", json.dumps(manifest).encode())
    layer_file.unlink()
    unfinished.rename(target)


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.mtime = entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry
