"""`flags evaluate`: what a flag gives for a context, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from truststream.cli.access import Access, KubeconfigOption, KubeContextOption, NamespaceOption
from truststream.cli.documents import Format, to_text
from truststream.cli.flag_contexts import context_of
from truststream.cli.flag_room import AtOption, EnvironmentOption, flag_in, live_room, now_or, room_in
from truststream.cli.flag_tables import show, value_text
from truststream.flags.evaluation import Evaluation


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("evaluate")(evaluate)


def evaluate(
    name: Annotated[str, typer.Argument(help="The FeatureFlag, or its key.")],
    given: Annotated[
        str, typer.Option("--context", "-c", help='JSON such as {"targetingKey": "u1"}, or @FILE.')
    ] = "{}",
    file: Annotated[
        Path | None, typer.Option("-f", "--file", help="A file with flags and segments; by default the cluster's.")
    ] = None,
    environment: EnvironmentOption = "",
    at: AtOption = "",
    output: Annotated[Format | None, typer.Option("-o", "--output", help="json or yaml instead of a table.")] = None,
    namespace: NamespaceOption = None,
    kubeconfig: KubeconfigOption = None,
    kube_context: KubeContextOption = None,
) -> None:
    """Show what a flag gives for a context: variant, value, reason and rule. Evaluated here, as the server would."""
    context, now = context_of(given), now_or(at)
    access = Access(kubeconfig, kube_context, namespace)
    room = room_in(file) if file else access.run(lambda resources: live_room(resources, access.namespace))
    resource = room.name_of(name)
    found = flag_in(room.compile(environment, now), room, resource).decide(context, now)
    if output:
        typer.echo(to_text(_document(found), output), nl=False)
        return
    row = [found.key, found.variant, found.reason.value, found.rule, value_text(found.value)]
    show(["FLAG", "VARIANT", "REASON", "RULE", "VALUE"], [row])
    if found.unit_missing:
        typer.echo("A percentage was asked for a unit, and the context has none: it is in no percentage.", err=True)


def _document(found: Evaluation) -> dict[str, Any]:
    told: dict[str, Any] = {"key": found.key, "variant": found.variant, "value": found.value}
    told |= {"reason": found.reason.value} | ({"rule": found.rule} if found.rule else {})
    return told | ({"unitMissing": True} if found.unit_missing else {})
