"""`pause`: keep the weight."""

from __future__ import annotations

import typer

from truststream.cli.commands import add


def register(app: typer.Typer) -> None:
    """Add the verb."""
    add(app, "pause", "Keep the weight where it is until resume; a bad verdict still rolls back.")
