"""`version`: which version this is."""

from __future__ import annotations

from importlib.metadata import version as installed_version
from typing import Annotated

import typer

from truststream.api.names import API_VERSION
from truststream.cli.documents import Format, to_text


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("version")(version)


def version(
    output: Annotated[Format | None, typer.Option("-o", "--output", help="json or yaml instead of a line.")] = None,
) -> None:
    """Print the version and the API that it speaks."""
    number = installed_version("truststream")
    if output:
        typer.echo(to_text({"version": number, "apiVersion": API_VERSION}, output), nl=False)
    else:
        typer.echo(f"truststream {number} ({API_VERSION})")
