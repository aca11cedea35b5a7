"""`skip`: leave this weight at once."""

from __future__ import annotations

import typer

from truststream.cli.commands import add


def register(app: typer.Typer) -> None:
    """Add the verb."""
    add(app, "skip", "Leave this weight without waiting for its time and its requests.")
