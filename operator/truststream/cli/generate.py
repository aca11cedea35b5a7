"""`generate` (hidden): the files of the repository that are made from the code; `--check` for CI."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from truststream.api import flagpolicy
from truststream.api.crd import crd
from truststream.api.kinds import KINDS
from truststream.cli.documents import to_yaml
from truststream.cli.reference import command_line_page, configuration_page, resource_page

_HEADER: Final = "# Made by `make crds` from operator/truststream/api; changes here are lost.\n"


class Part(StrEnum):
    """What is generated."""

    CRDS = "crds"
    DOCS = "docs"


def register(app: typer.Typer) -> None:
    """Add the verb."""

    def generate(
        part: Annotated[Part, typer.Argument(help="crds or docs.")],
        root: Annotated[Path, typer.Option("--root", help="The repository.")] = Path(),
        check: Annotated[bool, typer.Option("--check", help="Write nothing; fail when a file is not as made.")] = False,
    ) -> None:
        """Write the files of the repository that are made from the code."""
        files = made(part, app)
        stale = [name for name, text in files.items() if _read(root / name) != text]
        if check:
            _refuse(part, stale)
        for name in [] if check else stale:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(files[name], encoding="utf-8")
            typer.echo(f"wrote {name}")

    app.command("generate", hidden=True)(generate)


def made(part: Part, app: typer.Typer) -> Mapping[str, str]:
    """Path in the repository -> content, as it has to be."""
    return _MAKERS[part](app)


def _crds(_app: typer.Typer) -> dict[str, str]:
    texts = {kind.file_name: _HEADER + to_yaml(crd(kind)) for kind in KINDS}
    # The chart carries its own copies: a packaged chart cannot reach outside its folder.
    folders = ("crds", "charts/truststream/files/crds")
    definitions = {f"{folder}/{name}": text for folder in folders for name, text in texts.items()}
    policy = _HEADER + to_yaml(flagpolicy.flag_values_policy())
    return definitions | {f"charts/truststream/files/policies/{flagpolicy.FILE_NAME}": policy}


def _docs(app: typer.Typer) -> dict[str, str]:
    return {
        **{f"docs/reference/{kind.name.lower()}.md": resource_page(kind) for kind in KINDS},
        "docs/reference/configuration.md": configuration_page(),
        "docs/reference/cli.md": command_line_page(app),
    }


_MAKERS: Final[Mapping[Part, Callable[[Any], dict[str, str]]]] = {Part.CRDS: _crds, Part.DOCS: _docs}


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def _refuse(part: Part, stale: list[str]) -> None:
    if stale:
        typer.echo(f"error: not as the code makes them: {', '.join(stale)}; run `make {part}`", err=True)
        raise typer.Exit(1)
