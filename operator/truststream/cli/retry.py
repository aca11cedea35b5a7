"""`retry`: try a rejected revision again."""

from __future__ import annotations

import typer

from truststream.cli.commands import add


def register(app: typer.Typer) -> None:
    """Add the verb."""
    add(app, "retry", "Try the rejected revision again that the target still carries.")
