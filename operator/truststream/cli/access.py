"""The command line's way to the cluster: the options that choose it, and what the verbs may ask of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Final, Protocol, TypeVar

import typer

from truststream.cli.kubeconfig import namespace_of
from truststream.errors import Missing, SpecError

KIND: Final = "CanaryDeployment"
Manifest = dict[str, Any]
T = TypeVar("T")

NamespaceOption = Annotated[
    str | None, typer.Option("-n", "--namespace", help="Namespace; by default that of the kubeconfig's context.")
]
AllOption = Annotated[bool, typer.Option("-A", "--all-namespaces", help="In all namespaces.")]
KubeconfigOption = Annotated[str | None, typer.Option("--kubeconfig", help="Path of the kubeconfig.")]
ContextOption = Annotated[str | None, typer.Option("--context", help="Context of the kubeconfig.")]
KubeContextOption = Annotated[str | None, typer.Option("--kube-context", help="Context of the kubeconfig.")]
"""Where `--context` is an evaluation's."""


class Resources(Protocol):
    """What verbs need of `truststream.cluster.client.Client`."""

    async def get(self, kind: str, namespace: str, name: str) -> Manifest:
        """One object."""

    async def list(self, kind: str, namespace: str | None = None, *, labels: str = "") -> Sequence[Manifest]:
        """All of a namespace, or of the cluster, whose labels match the selector."""

    async def merge_patch(self, kind: str, namespace: str, name: str, patch: Mapping[str, Any]) -> Manifest:
        """RFC 7386."""


@asynccontextmanager
async def open_cluster(kubeconfig: str | None, context: str | None) -> AsyncIterator[Resources]:
    """A client as the person of the kubeconfig; tests put a cluster in memory here."""
    # Here, not above: the Kubernetes client takes longer to import than `lint` and `version` to run.
    from truststream.cluster.client import Client  # noqa: PLC0415
    from truststream.cluster.connection import connect  # noqa: PLC0415

    client = Client(await connect(kubeconfig, user="", context=context))
    try:
        yield client
    finally:
        await client.close()


@dataclass(frozen=True, slots=True)
class Access:
    """Which cluster and which namespace."""

    kubeconfig: str | None = None
    context: str | None = None
    given: str | None = None

    @property
    def namespace(self) -> str:
        """The namespace that is meant."""
        return self.given or namespace_of(self.kubeconfig, self.context)

    def run(self, work: Callable[[Resources], Coroutine[Any, Any, T]]) -> T:
        """Do something with an open client."""
        return asyncio.run(self._with_client(work))

    async def _with_client(self, work: Callable[[Resources], Coroutine[Any, Any, T]]) -> T:
        async with open_cluster(self.kubeconfig, self.context) as resources:
            return await work(resources)


async def find(resources: Resources, namespace: str, name: str) -> Manifest:
    """One CanaryDeployment.

    Raises:
        SpecError: there is none of that name; the message lists those that are there.
    """
    try:
        return await resources.get(KIND, namespace, name)
    except Missing as missing:
        found = [str(one["metadata"]["name"]) for one in await resources.list(KIND, namespace)]
        there = f"there are: {', '.join(sorted(found))}" if found else "there is none; look with -A"
        raise SpecError(f"no CanaryDeployment {name} in namespace {namespace}; {there}") from missing
