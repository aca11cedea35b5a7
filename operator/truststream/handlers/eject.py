"""Hand everything back without a running controller: the same observe, decide and apply, until nothing of ours is left.

A CanaryDeployment that is ejected carries an annotation, so that a controller that runs does not take it on again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from truststream.api.names import EJECTED_ANNOTATION, FINALIZER
from truststream.canary import actions
from truststream.canary.actions import Action
from truststream.cluster import kinds
from truststream.cluster.cache import Cache
from truststream.cluster.client import Client
from truststream.cluster.connection import connect, own_namespace
from truststream.cluster.kinds import Manifest, kind_of
from truststream.cluster.objects import Objects
from truststream.cluster.queue import Key
from truststream.errors import Missing, TrustStreamError
from truststream.handlers.reconcile import Reconciler
from truststream.handlers.settings import Settings
from truststream.handlers.telemetry import Telemetry
from truststream.handlers.wiring import settings_for, watched_kinds

log = logging.getLogger(__name__)

_PAUSE: Final = 0.5
_SENTENCES: Final[Mapping[type[Action], str]] = {
    actions.SetWeight: "everything goes to stable",
    actions.RestoreRoute: "what splits the traffic is the user's own again",
    actions.DropOverlay: "the flag gives what Git says",
    actions.DeleteCanaryDeployment: "the canary's pods go",
    actions.DeleteCanaryService: "the canary's Service is gone",
    actions.ReleaseHold: "the hold is lifted: the template is the one that serves",
    actions.SetTargetLabel: "label and marker are off the Deployment",
    actions.RemoveFinalizer: "nothing of ours is left",
}


@dataclass(frozen=True, slots=True)
class Left:
    """What became of one CanaryDeployment; an empty `problem` is success."""

    key: Key
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which to eject: one by name, those of a namespace, or all."""

    namespace: str | None = None
    name: str | None = None


Say = Callable[[str], None]


async def eject(
    scope: Scope, say: Say, *, config: Path | None, connection: tuple[str | None, str | None], patience: float
) -> Sequence[Left]:
    """Hand back; the outcome of each."""
    reached = await connect(*connection)
    client = Client(reached)
    settings = settings_for(config, client, own_namespace())
    try:
        await settings.start()
        found = await _chosen(client, scope)
        work = (_namespace(client, settings, space, names, say, patience) for space, names in found.items())
        return [left for several in await asyncio.gather(*work) for left in several]
    finally:
        await settings.close()
        await client.close()


async def _chosen(client: Client, scope: Scope) -> Mapping[str, Sequence[str]]:
    """Namespace to names.

    Raises:
        Missing: the one that was named is not there.
    """
    if scope.name is not None:
        await client.get(kinds.CANARY_DEPLOYMENT, scope.namespace or "", scope.name)
        return {scope.namespace or "": [scope.name]}
    found: dict[str, list[str]] = defaultdict(list)
    for obj in await _listed(client, kinds.CANARY_DEPLOYMENT, scope.namespace):
        found[obj["metadata"]["namespace"]].append(obj["metadata"]["name"])
    return found


async def _namespace(
    client: Client, settings: Settings, namespace: str, names: Sequence[str], say: Say, patience: float
) -> Sequence[Left]:
    """One namespace, whose objects are read once for all of its CanaryDeployments."""
    open_keys, problems = {(namespace, name) for name in names}, dict[Key, str]()
    for key in open_keys:
        await _mark(client, key)
    deadline = asyncio.get_running_loop().time() + patience
    while open_keys and asyncio.get_running_loop().time() < deadline:
        objects = Objects(client, await _read(client, namespace))
        reconciler = Reconciler(objects, settings, Telemetry(), on_action=lambda key, action: _report(say, key, action))
        for key in sorted(open_keys):
            problems[key] = await _step(reconciler, key)
            if _handed_back(objects.get(kinds.CANARY_DEPLOYMENT, *key)):
                open_keys.discard(key)
                problems.pop(key)
        await asyncio.sleep(_PAUSE if open_keys else 0)
    return [Left((namespace, name), _problem(open_keys, problems, (namespace, name))) for name in names]


def _problem(open_keys: Iterable[Key], problems: Mapping[Key, str], key: Key) -> str:
    return (problems.get(key) or "it took too long; run it again") if key in open_keys else ""


async def _step(reconciler: Reconciler, key: Key) -> str:
    """One run; what kept it from its end."""
    try:
        await reconciler.run(key)
    except TrustStreamError as error:
        return str(error)
    return ""


def _handed_back(obj: Manifest | None) -> bool:
    if obj is None:
        return True
    finalizers = obj["metadata"].get("finalizers") or ()
    return FINALIZER not in finalizers and not (obj.get("status") or {}).get("release")


async def _mark(client: Client, key: Key) -> None:
    try:
        patch = {"metadata": {"annotations": {EJECTED_ANNOTATION: "true"}}}
        await client.merge_patch(kinds.CANARY_DEPLOYMENT, *key, patch)
    except Missing:
        log.debug("%s went by itself", "/".join(key))


async def _read(client: Client, namespace: str) -> Cache:
    """What the watches would have brought."""
    cache = Cache()
    for name in watched_kinds():
        for obj in await _listed(client, name, namespace if kind_of(name).namespaced else None):
            cache.put(name, obj)
    return cache


async def _listed(client: Client, kind: str, namespace: str | None) -> Sequence[Manifest]:
    try:
        return await client.list(kind, namespace, labels=kind_of(kind).selector)
    except Missing:
        return ()  # this cluster does not serve the kind


def _report(say: Say, key: Key, action: Action) -> None:
    sentence = _SENTENCES.get(type(action))
    if isinstance(action, actions.UnpinService):
        sentence = f"Service {action.name} is the user's own again"
    if sentence:
        say(f"{'/'.join(key)}: {sentence}")
