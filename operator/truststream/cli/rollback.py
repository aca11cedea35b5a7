"""`rollback`: take the traffic back."""

from __future__ import annotations

import typer

from truststream.cli.commands import add


def register(app: typer.Typer) -> None:
    """Add the verb."""
    add(app, "rollback", "Take all traffic back to stable and reject this revision.")
