"""`status`: where every canary stands, or all about one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from truststream.cli.access import (
    KIND,
    Access,
    AllOption,
    ContextOption,
    KubeconfigOption,
    Manifest,
    NamespaceOption,
    Resources,
    find,
)
from truststream.cli.documents import Format, to_text
from truststream.cli.render import console, detail, listing
from truststream.cli.view import view_of


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("status")(status)


def status(
    name: Annotated[str | None, typer.Argument(help="The CanaryDeployment; without it all are listed.")] = None,
    namespace: NamespaceOption = None,
    all_namespaces: AllOption = False,
    output: Annotated[Format | None, typer.Option("-o", "--output", help="json or yaml instead of a table.")] = None,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
) -> None:
    """Show where a release stands: weight, step, verdict, counts of both arms, and what to do next."""
    if name and all_namespaces:
        raise typer.BadParameter("a NAME is looked up in one namespace; leave out -A or the NAME")
    access = Access(kubeconfig, context, namespace)
    where = None if all_namespaces else access.namespace
    if name:
        _show_one(access, name, output)
    else:
        _show_all(access, where, output)


def _show_one(access: Access, name: str, output: Format | None) -> None:
    async def read(resources: Resources) -> Manifest:
        return await find(resources, access.namespace, name)

    view = view_of(access.run(read))
    if output:
        typer.echo(to_text(view.as_document(), output), nl=False)
    else:
        console().print(detail(view))


def _show_all(access: Access, namespace: str | None, output: Format | None) -> None:
    async def read(resources: Resources) -> Sequence[Manifest]:
        return await resources.list(KIND, namespace)

    views = sorted(map(view_of, access.run(read)), key=lambda view: (view.namespace, view.name))
    if output:
        typer.echo(to_text([view.as_document() for view in views], output), nl=False)
    elif views:
        console().print(listing(views, namespaces=namespace is None))
    else:
        typer.echo(_nothing(namespace), err=True)


def _nothing(namespace: str | None) -> str:
    if namespace is None:
        return "No CanaryDeployment in the cluster."
    return f"No CanaryDeployment in namespace {namespace}; look in all with -A."
