"""One CanaryDeployment out of a file, ready to be played; and times as people write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from truststream.api.configuration import Configuration
from truststream.api.quantities import parse_duration
from truststream.cli.config import load_file
from truststream.cli.documents import read
from truststream.cluster import kinds
from truststream.errors import TrustStreamError
from truststream.handlers.resource import Parser, Resource

NAMESPACE: Final = "default"
USAGE: Final = 2
"""Exit code of a command that was not understood."""


class UsageError(TrustStreamError):
    """Options or a file that make no sense together; the sentence says what to write instead."""


@dataclass(frozen=True, slots=True)
class NoCluster:
    """What providers and looks read of a cluster: here nothing but the port of every Service."""

    port: int | None = None

    def get(self, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
        """Only Services."""
        if kind != kinds.SERVICE or self.port is None:
            return None
        return {"metadata": {"name": name, "namespace": namespace}, "spec": {"ports": [{"port": self.port}]}}

    def list(self, kind: str, namespace: str) -> Sequence[dict[str, Any]]:  # noqa: ARG002 - the protocol's signature
        """Nothing."""
        return ()

    async def json_patch(
        self,
        kind: str,
        namespace: str,
        name: str,
        ops: Sequence[Mapping[str, Any]],
        *,
        subresource: str | None = None,
    ) -> dict[str, Any]:
        """A replay writes nothing."""
        raise AssertionError(f"a replay patches no {kind} {namespace}/{name} {subresource or ''}: {len(ops)}")

    async def scale(self, kind: str, namespace: str, name: str, replicas: int) -> None:
        """A replay writes nothing."""
        raise AssertionError(f"a replay scales no {kind} {namespace}/{name} to {replicas}")


def configuration_of(file: Path | None) -> Configuration:
    """The operator's, or one that sets nothing."""
    return load_file(file) if file else Configuration()


def resource_in(file: Path, name: str, objects: NoCluster, configuration: Configuration, namespace: str) -> Resource:
    """The CanaryDeployment of a file; `name` chooses one of several.

    Raises:
        UsageError: the file cannot be read, or has none, or several.
        SpecError: the operator would refuse it.
    """
    found = [one for one in _manifests(file) if not name or (one.get("metadata") or {}).get("name") == name]
    if len(found) != 1:
        names = ", ".join(str((one.get("metadata") or {}).get("name")) for one in _manifests(file)) or "none"
        wanted = f"called {name}" if name else "exactly one, or --name"
        raise UsageError(f"{file}: needs a CanaryDeployment {wanted}; it has {names}")
    metadata = {"name": "release", "namespace": NAMESPACE, **(found[0].get("metadata") or {})}
    if namespace:
        metadata["namespace"] = namespace
    resource = Parser(objects).parse({**found[0], "metadata": metadata, "status": {}}, configuration)
    if resource.problem is not None:
        raise resource.problem
    return resource


def _manifests(file: Path) -> list[dict[str, Any]]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{file}: cannot be read ({error})") from error
    documents = [document.content for document in read(text, str(file))]
    return [one for one in documents if isinstance(one, dict) and one.get("kind") == kinds.CANARY_DEPLOYMENT]


def time_of(text: str, option: str, now: datetime) -> datetime:
    """RFC 3339, or how long ago.

    Raises:
        UsageError: neither.
    """
    try:
        return now - timedelta(seconds=parse_duration(text))
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        wanted = "write 2026-01-31T12:00:00Z, or how long ago: 90m"
        raise UsageError(f"{option}: {text!r} is no time; {wanted}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
