"""`flags export`: the flags of a namespace in flagd's JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from truststream.cli.access import Access, ContextOption, KubeconfigOption, NamespaceOption
from truststream.cli.flag_room import AtOption, EnvironmentOption, live_room, now_or, room_in
from truststream.flags.flagd import document


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("export")(export)


def export(
    file: Annotated[
        Path | None, typer.Option("-f", "--file", help="A file with flags and segments; by default the cluster's.")
    ] = None,
    environment: EnvironmentOption = "",
    at: AtOption = "",
    namespace: NamespaceOption = None,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
) -> None:
    """Print flags in flagd's JSON, as in-process clients are sent them. What flagd cannot express is told on stderr.

    Exit code 0: all flags are there; 1: some are left out.
    """
    now, access = now_or(at), Access(kubeconfig, context, namespace)
    room = room_in(file) if file else access.run(lambda resources: live_room(resources, access.namespace))
    flags = room.compile(environment, now)
    typer.echo(json.dumps(json.loads(document(flags)), indent=2, ensure_ascii=False))
    left = 0
    for key, flag in flags.flags.items():
        if flag.flagd is None:
            left += 1
            typer.echo(f"{key}: left out: {'; '.join(flag.undeliverable)}", err=True)
    for name, problems in flags.problems.items():
        left += 1
        typer.echo(f"{name}: not served as it is: {problems[0]}", err=True)
    if left:
        raise typer.Exit(1)
