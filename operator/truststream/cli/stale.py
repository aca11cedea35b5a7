"""`stale`: flags that should be removed, and whom to ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from truststream.cli.access import (
    Access,
    AllOption,
    ContextOption,
    KubeconfigOption,
    Manifest,
    NamespaceOption,
    Resources,
)
from truststream.cli.documents import Format, to_text
from truststream.cli.flag_room import FLAG
from truststream.cli.flag_tables import show


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("stale")(stale)


def stale(
    namespace: NamespaceOption = None,
    all_namespaces: AllOption = False,
    output: Annotated[Format | None, typer.Option("-o", "--output", help="json or yaml instead of a table.")] = None,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
) -> None:
    """List feature flags that should be removed: why, who answers for them, and when they were asked for last."""
    access = Access(kubeconfig, context, namespace)
    where = None if all_namespaces else access.namespace

    async def read(resources: Resources) -> Sequence[Manifest]:
        return await resources.list(FLAG, where)

    flags = access.run(read)
    found = sorted(
        (_row(one) for one in flags if (one.get("status") or {}).get("stale")),
        key=lambda row: (row["namespace"], row["name"]),
    )
    if output:
        typer.echo(to_text(found, output), nl=False)
    elif found:
        _show(found, namespaces=all_namespaces)
    else:
        scope = "the cluster" if all_namespaces else f"namespace {where}"
        typer.echo(f"None of {len(flags)} FeatureFlags in {scope} is stale.", err=True)


def _show(found: list[dict[str, str]], *, namespaces: bool) -> None:
    headers = (["NAMESPACE"] if namespaces else []) + ["NAME", "REASON", "OWNER", "LAST USED", "MESSAGE"]
    names = (["namespace"] if namespaces else []) + ["name", "reason", "owner", "lastUsed", "message"]
    show(headers, [[row[name] for name in names] for row in found])


def _row(manifest: Manifest) -> dict[str, str]:
    metadata, spec, status = manifest["metadata"], manifest.get("spec") or {}, manifest["status"]
    usage = status.get("usage") or {}
    return {
        "namespace": str(metadata["namespace"]),
        "name": str(metadata["name"]),
        "key": str(spec.get("key") or metadata["name"]),
        "reason": str(status["stale"]),
        "owner": str(spec.get("owner") or ""),
        "lastUsed": max(str(usage.get(name) or "") for name in ("lastEvaluated", "lastSynced")),
        "message": _message(status),
    }


def _message(status: Mapping[str, Any]) -> str:
    conditions = [one for one in status.get("conditions") or () if one.get("type") == "Stale"]
    return str(conditions[0].get("message") or "") if conditions else ""
