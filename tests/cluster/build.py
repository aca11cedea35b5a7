"""Builds what a cluster needs, once for every version, into the user's cache directory."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from . import parts, paths, toolchain
from .command import run
from .parts import Files, Part
from .progress import say, step


@contextmanager
def lock(file: Path, waiting_for: str) -> Iterator[None]:
    """Held by one process at a time, released by the kernel when that process dies."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for {waiting_for}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _environment(part: Part) -> dict[str, str]:
    # GOTOOLCHAIN=local: the toolchain was chosen by looking, nothing else may be fetched.
    environment = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false -mod=readonly"}
    return {**environment, "GOOS": "linux"} if part.in_image else environment


def _go_build(go: str, part: Part) -> None:
    target = part.binary
    unfinished = target.parent.with_name(f".{target.parent.name}.{os.getpid()}")
    unfinished.mkdir(parents=True, exist_ok=True)
    jobs = str(min(2, os.cpu_count() or 1))
    argv = [go, "build", "-trimpath", "-p", jobs, "-tags", part.tags, "-ldflags", part.link_flags]
    nice = [shutil.which("nice") or "nice", "-n", "5"]
    output = str(unfinished / part.name)
    run([*nice, *argv, "-o", output, part.package], cwd=part.directory, environment=_environment(part))
    _publish(unfinished, target.parent)


def _publish(unfinished: Path, target: Path) -> None:
    """A directory under its final name is always complete."""
    if target.exists():
        shutil.rmtree(target)
    unfinished.rename(target)


def _go_files(go: str, files: Files) -> None:
    argv = [go, "mod", "download", "-json", f"{files.module}@{files.version}"]
    answer = json.loads(run(argv, cwd=files.directory, environment={"GOTOOLCHAIN": "local"}).stdout)
    texts = [source.read_text() for source in sorted(Path(answer["Dir"]).glob(files.pattern))]
    unfinished = files.file.parent.with_name(f".{files.file.parent.name}.{os.getpid()}")
    unfinished.mkdir(parents=True, exist_ok=True)
    (unfinished / files.file.name).write_text("\n---\n".join(texts))
    _publish(unfinished, files.file.parent)


def _reason(part: Part) -> str:
    others = sorted(paths.binaries_root().glob(f"{part.name}-v*")) + sorted(
        paths.binaries_root().glob(f"{part.name}-dev*")
    )
    return f"its sources changed since {others[-1].name}" if others else "not in the cache"


def ensure(names: Sequence[str], files: Sequence[str] = tuple(parts.FILES)) -> None:
    """Builds what the cache does not hold."""
    if not _missing(names, files):
        return
    with lock(paths.cache_root() / "build.lock", "another run of the harness that is building"):
        missing_parts, missing_files = _missing(names, files) or ([], [])
        if not missing_parts and not missing_files:
            return
        go = toolchain.find()
        for one in missing_files:
            _go_files(go, one)
        for number, part in enumerate(missing_parts, 1):
            with step(f"[{number}/{len(missing_parts)}] {part.name} {part.version} ({_reason(part)})"):
                _go_build(go, part)


def _missing(names: Sequence[str], files: Sequence[str]) -> tuple[list[Part], list[Files]] | None:
    chosen = [parts.PARTS[name] for name in names]
    missing_parts = [part for part in chosen if not part.binary.exists()]
    missing_files = [parts.FILES[name] for name in files if not parts.FILES[name].file.exists()]
    return (missing_parts, missing_files) if missing_parts or missing_files else None
