"""`truststream eject`: hand everything back, with or without a running controller."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from truststream.errors import ConfigurationError
from truststream.handlers.eject import Scope
from truststream.handlers.eject import eject as hand_back
from truststream.handlers.logs import LogFormat, configure


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("eject")(eject)


def eject(
    name: Annotated[str | None, typer.Argument(help="The CanaryDeployment; none with --all.")] = None,
    namespace: Annotated[str | None, typer.Option("--namespace", "-n", help="Its namespace.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="All of the namespace, or of the cluster without one.")] = False,
    config: Annotated[Path | None, typer.Option(help="The operator's configuration file.")] = None,
    kubeconfig: Annotated[str | None, typer.Option(help="By default the pod's account, else $KUBECONFIG.")] = None,
    user: Annotated[str | None, typer.Option("--as", help="Whom to impersonate; see `run`.")] = None,
    timeout: Annotated[float, typer.Option(help="Seconds until it gives up.")] = 120.0,
) -> None:
    """Hand route, Services, label and finalizers back. A template without a good verdict stays paused."""
    if all_ == (name is not None):
        raise typer.BadParameter("give a name, or --all")
    configure(LogFormat.TEXT, verbose=False)
    scope = Scope(namespace or (None if all_ else "default"), name)
    try:
        work = hand_back(scope, typer.echo, config=config, connection=(kubeconfig, user), patience=timeout)
        outcomes = asyncio.run(work)
    except ConfigurationError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    for left in outcomes:
        if left.problem:
            typer.echo(f"{'/'.join(left.key)}: NOT handed back: {left.problem}", err=True)
    if not outcomes:
        typer.echo("no CanaryDeployments")
    raise typer.Exit(1 if any(left.problem for left in outcomes) else 0)
