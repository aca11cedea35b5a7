"""`truststream run`: the controller."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from truststream.cluster.connection import own_namespace
from truststream.errors import ConfigurationError
from truststream.handlers.logs import LogFormat, configure
from truststream.handlers.usage import TOKEN, Servers
from truststream.handlers.usage_keeper import Pace
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
    server: Annotated[bool, typer.Option("--server", help="Answer for FeatureFlags too, as `server` does.")] = False,
    server_health_port: Annotated[int, typer.Option(help="With --server: its /metrics, /healthz and /readyz.")] = 8081,
    server_service: Annotated[
        str, typer.Option(help="NAMESPACE/NAME of the Service whose servers are asked what they counted.")
    ] = "",
    server_url: Annotated[
        list[str] | None, typer.Option(help="A server to ask, instead of those behind the Service; may be repeated.")
    ] = None,
    server_token: Annotated[Path, typer.Option(help="A file with a token of audience truststream for them.")] = TOKEN,
    server_ca: Annotated[Path | None, typer.Option(help="PEM of who signed their certificates.")] = None,
    usage_interval: Annotated[float, typer.Option(help="Seconds between two questions to them.")] = 60.0,
    usage_write_interval: Annotated[float, typer.Option(help="Seconds between two writes of a flag's usage.")] = 600.0,
    log_format: Annotated[LogFormat, typer.Option(help="json for machines.")] = LogFormat.TEXT,
    verbose: Annotated[bool, typer.Option(help="A line for each action, too.")] = False,
) -> None:
    """Run the controller until it is told to stop."""
    configure(log_format, verbose=verbose)
    home, _, service = (server_service or f"{namespace or own_namespace()}/truststream-server").partition("/")
    servers = Servers(home, service, tuple(server_url or ()), server_token, server_ca)
    pace = Pace(usage_interval, usage_write_interval)
    options = Options(config, kubeconfig, user, namespace, leader_election, metrics_port, servers, pace)
    try:
        work: Coroutine[Any, Any, int] = run_controller(options)
        if server:  # imported only here: the controller alone needs none of it
            work = import_module("truststream.cli.server").beside(work, options, server_health_port)
        code = asyncio.run(work)
    except ConfigurationError as error:
        typer.echo(str(error), err=True)
        code = 2
    raise typer.Exit(code)
