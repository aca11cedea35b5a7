"""`truststream run`: the controller."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from truststream.errors import ConfigurationError
from truststream.handlers.logs import LogFormat, configure
from truststream.handlers.wiring import Options
from truststream.handlers.wiring import run as run_controller


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("run")(run)


def run(
    config: Annotated[Path | None, typer.Option(help="The operator's configuration file.")] = None,
    kubeconfig: Annotated[str | None, typer.Option(help="By default the pod's account, else $KUBECONFIG.")] = None,
    user: Annotated[
        str | None,
        typer.Option("--as", help="Whom to impersonate; outside a cluster by default the operator's ServiceAccount."),
    ] = None,
    namespace: Annotated[str | None, typer.Option(help="Namespace of the Lease and of the Secrets.")] = None,
    leader_election: Annotated[bool, typer.Option(help="Without it two operators would act at the same time.")] = True,
    metrics_port: Annotated[int, typer.Option(help="/metrics, /healthz and /readyz; 0: none.")] = 8080,
    log_format: Annotated[LogFormat, typer.Option(help="json for machines.")] = LogFormat.TEXT,
    verbose: Annotated[bool, typer.Option(help="A line for each action, too.")] = False,
) -> None:
    """Run the controller until it is told to stop."""
    configure(log_format, verbose=verbose)
    options = Options(config, kubeconfig, user, namespace, leader_election, metrics_port)
    try:
        code = asyncio.run(run_controller(options))
    except ConfigurationError as error:
        typer.echo(str(error), err=True)
        code = 2
    raise typer.Exit(code)
