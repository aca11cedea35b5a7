"""`flags approve`: agree to a changed flag, having seen what would be served."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from truststream.api.names import APPROVE_ANNOTATION
from truststream.cli.access import Access, ContextOption, KubeconfigOption, Manifest, NamespaceOption, Resources
from truststream.cli.documents import to_yaml
from truststream.cli.flag_room import FLAG
from truststream.errors import Missing, SpecError
from truststream.flags.served import last_served, needs_approval
from truststream.flags.source import FlagSource, source_of


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("approve")(approve)


def approve(
    name: Annotated[str, typer.Argument(help="The FeatureFlag.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be approved.")] = False,
    namespace: NamespaceOption = None,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
) -> None:
    """Agree to the newest spec of a flag that asks for approval, and show what that changes.

    The consent names the generation that is shown: a spec that changes meanwhile is not approved by it. Who gave it is
    stamped by the cluster, and counts for members of the flag's approval groups other than the author.
    """
    access = Access(kubeconfig, context, namespace)
    typer.echo(access.run(lambda resources: _approve(resources, access.namespace, name, dry_run=dry_run)))


async def _approve(resources: Resources, namespace: str, name: str, *, dry_run: bool) -> str:
    source = source_of(await _find(resources, namespace, name))
    if not needs_approval(source):
        raise SpecError(f"{namespace}/{name}: nothing waits for approval: generation {source.generation} is served")
    shown = difference(source)
    if dry_run:
        return f"{shown}\n{namespace}/{name}: generation {source.generation} waits for approval; nothing was approved"
    patch = {"metadata": {"annotations": {APPROVE_ANNOTATION: str(source.generation)}}}
    await resources.merge_patch(FLAG, namespace, name, patch)
    asked = (source.spec.get("approval") or {}).get("required")
    needed = f"; it asks for {asked}" if asked else ""
    return f"{shown}\n{namespace}/{name}: you agreed to generation {source.generation}{needed}"


async def _find(resources: Resources, namespace: str, name: str) -> Manifest:
    try:
        return await resources.get(FLAG, namespace, name)
    except Missing as missing:
        found = sorted(str(one["metadata"]["name"]) for one in await resources.list(FLAG, namespace))
        there = f"there are: {', '.join(found)}" if found else "there is none"
        raise SpecError(f"no FeatureFlag {name} in namespace {namespace}; {there}") from missing


def difference(source: FlagSource) -> str:
    """What is served against what would be, line by line."""
    served = last_served(source)
    old, new = _lines(served), _lines(source.spec)
    label = f"served, generation {(source.served or {}).get('generation')}" if served is not None else "nothing served"
    lines = difflib.unified_diff(old, new, label, f"generation {source.generation}", lineterm="", n=2)
    return "\n".join(lines) or "The specs are the same but for their order."


def _lines(spec: Mapping[str, Any] | None) -> list[str]:
    return to_yaml(_sorted(spec)).splitlines() if spec else []


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value
