"""`flags`: evaluate, compare, approve, export and import feature flags; one module for each."""

from __future__ import annotations

from importlib import import_module
from typing import Final

import typer

_VERBS: Final = ("flag_evaluate", "flag_who_moves", "flag_approve", "flag_export", "flag_import")


def register(app: typer.Typer) -> None:
    """Add the verb with its own verbs."""
    group = typer.Typer(help="Evaluate, compare, approve, export and import feature flags.", no_args_is_help=True)
    for verb in _VERBS:
        import_module(f"truststream.cli.{verb}").register(group)
    app.add_typer(group, name="flags")
