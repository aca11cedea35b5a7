"""`lint`: find mistakes in manifests before they reach a cluster; needs none."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from truststream.api.configuration import Configuration
from truststream.cli.config import load_file
from truststream.cli.documents import Document, Format, UnreadableError, read, to_text
from truststream.cli.findings import Finding, Level, concerns, findings
from truststream.cli.flag_lint import Files, flag_findings, gather, is_flag, is_segments, segment_findings

_STDIN = "-"


@dataclass(frozen=True, slots=True)
class Place:
    """A manifest and where it stands; `root` leads to it inside a List."""

    file: str
    document: Document
    manifest: dict[str, Any]
    root: str


@dataclass(frozen=True, slots=True)
class Line:
    """A finding and where it stands."""

    file: str
    line: int
    level: str
    object: str
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.level}: {self.object}: {self.path}: {self.message}"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("lint")(lint)


def lint(
    files: Annotated[list[str], typer.Argument(help="Files or folders of YAML; - reads standard input.")],
    config: Annotated[
        Path | None, typer.Option("--config", help="The operator's configuration, for the metrics that it names.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")] = False,
    output: Annotated[Format | None, typer.Option("-o", "--output", help="json or yaml instead of lines.")] = None,
) -> None:
    """Check CanaryDeployments, FeatureFlags and segments in files as the operator would, and warn of what is rare.

    Other kinds are ignored. Flags are checked together: prerequisites and segments may be in any of the files.

    Exit code 0: nothing but warnings; 1: errors (with --strict also warnings); 2: a file cannot be read.
    """
    configuration = load_file(config) if config else None
    try:
        seen, lines = _look(list(_expand(files)), configuration)
    except (OSError, UnreadableError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error
    _tell(lines, seen, output)
    if any(line.level == Level.ERROR or strict for line in lines):
        raise typer.Exit(1)


def _expand(names: list[str]) -> Iterator[str]:
    for name in names:
        path = Path(name)
        if name != _STDIN and path.is_dir():
            yield from (str(file) for file in sorted(path.rglob("*")) if file.suffix in (".yaml", ".yml"))
        else:
            yield name


def _look(files: list[str], configuration: Configuration | None) -> tuple[int, list[Line]]:
    places = [place for file in files for place in _places(file)]
    together = gather((place.manifest for place in places), time.time())
    lines = [_line(place, found) for place in places for found in findings_of(place.manifest, configuration, together)]
    return len(places), lines


def _places(file: str) -> Iterator[Place]:
    text = sys.stdin.read() if file == _STDIN else Path(file).read_text(encoding="utf-8")
    for document in read(text, file):
        for manifest, root in _ours(document.content):
            yield Place(file, document, manifest, root)


def findings_of(manifest: dict[str, Any], configuration: Configuration | None, together: Files) -> list[Finding]:
    """All about one manifest of ours; `together` is what stands beside it."""
    if is_flag(manifest):
        return flag_findings(manifest, together)
    if is_segments(manifest):
        return segment_findings(manifest, together)
    return findings(manifest, configuration)


def _ours(content: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """Our manifests in a document, and where they stand in it: itself, or the items of a List."""
    if is_ours(content):
        yield content, ""
    elif isinstance(content, dict) and content.get("kind") == "List":
        items = content.get("items") or []
        yield from ((item, f"items[{index}].") for index, item in enumerate(items) if is_ours(item))


def is_ours(content: Any) -> bool:
    """Whether a document is one of our kinds, or holds segments."""
    return concerns(content) or is_segments(content)


def _line(place: Place, found: Finding) -> Line:
    name = (place.manifest.get("metadata") or {}).get("name") or "without a name"
    return Line(
        file=place.file,
        line=place.document.line(place.root + found.path),
        level=found.level.value,
        object=f"{place.manifest.get('kind')} {name}",
        path=found.path,
        message=found.message,
    )


def _tell(lines: list[Line], seen: int, output: Format | None) -> None:
    if output:
        typer.echo(to_text([asdict(line) for line in lines], output), nl=False)
        return
    for line in lines:
        typer.echo(str(line))
    errors = sum(line.level == Level.ERROR for line in lines)
    typer.echo(f"{seen} checked: {errors} errors, {len(lines) - errors} warnings", err=True)
