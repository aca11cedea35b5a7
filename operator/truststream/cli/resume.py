"""`resume`: go on after a pause."""

from __future__ import annotations

import typer

from truststream.cli.commands import add


def register(app: typer.Typer) -> None:
    """Add the verb."""
    add(app, "resume", "Go on after pause, or start over after a contested route.")
