"""`promote`: let a waiting weight pass, or promote at once."""

from __future__ import annotations

import typer

from truststream.cli.commands import add


def register(app: typer.Typer) -> None:
    """Add the verb."""
    add(
        app,
        "promote",
        "Let the weight that waits at a gate pass; where none waits, promote at once without further proof.",
    )
