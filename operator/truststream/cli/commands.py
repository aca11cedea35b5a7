"""Commands to the operator: an annotation that it takes, answers in status, and removes. Shared by the verbs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from truststream.api.names import COMMAND_ANNOTATION, COMMAND_REASON_ANNOTATION
from truststream.cli.access import (
    KIND,
    Access,
    ContextOption,
    KubeconfigOption,
    Manifest,
    NamespaceOption,
    Resources,
    find,
)

_PERIOD: Final = 0.5
_AWAY: Final = "the operator seems to be away; the command stays on the object and is taken when it is back"

NameArgument = Annotated[str, typer.Argument(help="The CanaryDeployment.")]
ReasonOption = Annotated[str | None, typer.Option("--reason", help="Why; it is kept in status and events.")]
WaitOption = Annotated[bool, typer.Option("--wait", help="Wait for the operator's answer and show it.")]
TimeoutOption = Annotated[float, typer.Option("--timeout", min=1, help="Seconds that --wait waits at most.")]


def add(app: typer.Typer, verb: str, description: str) -> None:
    """Register a verb that is nothing but a command to the operator."""

    def command(
        name: NameArgument,
        namespace: NamespaceOption = None,
        reason: ReasonOption = None,
        wait: WaitOption = False,
        timeout: TimeoutOption = 30.0,
        kubeconfig: KubeconfigOption = None,
        context: ContextOption = None,
    ) -> None:
        access = Access(kubeconfig, context, namespace)
        accepted, answer = access.run(
            lambda resources: send(resources, access.namespace, name, verb, reason, timeout if wait else None)
        )
        typer.echo(f"{access.namespace}/{name}: {answer}", err=not accepted)
        if not accepted:
            raise typer.Exit(1)

    app.command(verb, help=description)(command)


async def send(
    resources: Resources, namespace: str, name: str, verb: str, reason: str | None, patience: float | None
) -> tuple[bool, str]:
    """Ask the operator; with patience (seconds) also for its answer. Whether it is fine, and what to tell."""
    before = await find(resources, namespace, name)
    waiting = (before["metadata"].get("annotations") or {}).get(COMMAND_ANNOTATION)
    annotations = {COMMAND_ANNOTATION: verb, COMMAND_REASON_ANNOTATION: reason}
    await resources.merge_patch(KIND, namespace, name, {"metadata": {"annotations": annotations}})
    if patience is None:
        replaced = f" (instead of {waiting}, which nobody has taken)" if waiting and waiting != verb else ""
        return True, f"asked to {verb}{replaced}; see `kubectl truststream status {name} -n {namespace}`"
    return await _answer(resources, before, verb, patience)


async def _answer(resources: Resources, before: Manifest, verb: str, patience: float) -> tuple[bool, str]:
    namespace, name = before["metadata"]["namespace"], before["metadata"]["name"]
    until = time.monotonic() + patience
    while time.monotonic() < until:
        last = _last_command(await resources.get(KIND, namespace, name))
        if last.get("at") != _last_command(before).get("at") and last.get("command") == verb:
            word = "accepted" if last.get("accepted") else "refused"
            return bool(last.get("accepted")), f"{verb} {word}: {last.get('message') or 'no message'}"
        await asyncio.sleep(_PERIOD)
    return False, f"{verb}: no answer in {patience:g} s: {_AWAY}"


def _last_command(manifest: Manifest) -> Mapping[str, Any]:
    return (manifest.get("status") or {}).get("lastCommand") or {}
