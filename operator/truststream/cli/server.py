"""`truststream server`: flags over OFREP and flagd's gRPC, exposures in."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
import uvloop
import yaml

from truststream.api.configuration import FILE, Configuration, load
from truststream.cluster.connection import runs_in_cluster
from truststream.errors import ConfigurationError
from truststream.handlers.logs import LogFormat, configure
from truststream.serving.options import Ports, ServerOptions
from truststream.serving.process import run as serve

if TYPE_CHECKING:  # a server imports nothing of the controller
    from truststream.handlers.wiring import Options

USER: Final = "system:serviceaccount:truststream-system:truststream-server"

HttpPort = Annotated[int, typer.Option(help="OFREP, /v1 and event streams; 0: a free one.")]
EvaluationPort = Annotated[int, typer.Option(help="flagd.evaluation over gRPC; 0: a free one.")]
SyncPort = Annotated[int, typer.Option(help="flagd.sync over gRPC; 0: a free one.")]
StreamKey = Annotated[
    Path | None, typer.Option(help="File with the key that signs the URLs of event streams; replicas share it.")
]
Flags = Annotated[
    Path | None, typer.Option(help="Directory of FeatureFlags and segments to serve instead of the cluster's.")
]
Host = Annotated[str, typer.Option(help="Address to listen on; all by default.")]
Namespaces = Annotated[
    list[str] | None, typer.Option("--namespaces", help="Only the flags of this namespace; may be given again.")
]
Drain = Annotated[float, typer.Option(help="Seconds in which clients are sent elsewhere before the end.")]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("server")(server)


def server(
    config: Annotated[Path | None, typer.Option(help="The operator's configuration file; its part `server`.")] = None,
    flags: Flags = None,
    namespaces: Namespaces = None,
    kubeconfig: Annotated[str | None, typer.Option(help="By default the pod's account, else $KUBECONFIG.")] = None,
    user: Annotated[
        str | None,
        typer.Option("--as", help="Whom to impersonate; outside a cluster by default the server's ServiceAccount."),
    ] = None,
    host: Host = "",
    http_port: HttpPort = 8016,
    evaluation_port: EvaluationPort = 8013,
    sync_port: SyncPort = 8015,
    health_port: Annotated[int, typer.Option(help="/metrics, /healthz and /readyz; 0: a free one.")] = 8080,
    stream_key: StreamKey = None,
    drain: Drain = 5.0,
    log_format: Annotated[LogFormat, typer.Option(help="json for machines.")] = LogFormat.TEXT,
    verbose: Annotated[bool, typer.Option(help="More lines, too.")] = False,
) -> None:
    """Answer with the flags of the cluster, or of a directory, until told to stop."""
    configure(log_format, verbose=verbose)
    try:
        options = ServerOptions(
            configuration=read_configuration(config).server,
            flags=flags,
            kubeconfig=kubeconfig,
            user=impersonated(user, kubeconfig),
            namespaces=tuple(namespaces or ()),
            host=host,
            ports=Ports(http_port, evaluation_port, sync_port, health_port),
            stream_key=stream_key,
            drain=drain,
        )
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            code = runner.run(_until_signal(options))
    except ConfigurationError as error:
        typer.echo(str(error), err=True)
        code = 2
    raise typer.Exit(code)


def impersonated(user: str | None, kubeconfig: str | None) -> str | None:
    """Whom the server stands in for: nobody in a cluster, where it has an account of its own."""
    if user is not None or (kubeconfig is None and runs_in_cluster()):
        return user
    return USER


def read_configuration(file: Path | None) -> Configuration:
    """The configuration in a file, or in the ConfigMap that the file is; without a file one that sets nothing.

    Raises:
        ConfigurationError: it cannot be read, or something in it is wrong.
    """
    if file is None:
        return Configuration()
    try:
        text = file.read_text(encoding="utf-8")
        document = yaml.safe_load(text)
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}") from error
    except yaml.YAMLError:
        document = None  # `load` says what is wrong with it
    if isinstance(document, dict) and document.get("kind") == "ConfigMap":
        text = str((document.get("data") or {}).get(FILE, ""))
    return load(text, str(file))


async def beside(controller: Coroutine[Any, Any, int], options: Options, health_port: int) -> int:
    """Both roles in one process; the exit code is that of the one that ended first."""
    stop = asyncio.Event()
    try:
        configuration = read_configuration(options.config).server
        ports = Ports(health=health_port)
        serving = ServerOptions(configuration, kubeconfig=options.kubeconfig, user=options.user, ports=ports)
    except ConfigurationError:
        controller.close()
        raise
    server = asyncio.create_task(serve(serving, stop), name="server")
    controlling = asyncio.create_task(controller, name="controller")
    await asyncio.wait({server, controlling}, return_when=asyncio.FIRST_COMPLETED)
    if controlling.done():
        stop.set()
    else:
        # The controller listens to signals, and ends what it does in order.
        signal.raise_signal(signal.SIGTERM)
    codes = await asyncio.gather(controlling, server, return_exceptions=True)
    for code in codes:
        if isinstance(code, BaseException):
            raise code
    return max(code for code in codes if isinstance(code, int))


async def _until_signal(options: ServerOptions) -> int:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # Requests make no cycles; looking for some among all compiled flags is what a request would have to wait for.
    gc.set_threshold(50_000, 50, 100)
    return await serve(options, stop)
