"""Which CanaryDeployments an event of another object concerns: only those are looked at again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from truststream.api.configuration import Configuration
from truststream.api.names import canary_name
from truststream.cluster import kinds
from truststream.cluster.cache import Cache
from truststream.cluster.queue import Key
from truststream.cluster.selectors import matches, matches_map
from truststream.errors import StateError
from truststream.handlers.observe import claimed, pod_labels
from truststream.handlers.resource import Parser
from truststream.traffic.base import Split, TrafficProvider


@dataclass(frozen=True, slots=True)
class _Watched:
    """What one CanaryDeployment rests on, by kind and name, in its namespace."""

    names: frozenset[tuple[str, str]]
    target: str
    split: Split | None = None
    traffic: TrafficProvider | None = None


class Interests:
    """Kept up to date with the CanaryDeployments themselves."""

    def __init__(self, cache: Cache, parser: Parser) -> None:
        self._cache = cache
        self._parser = parser
        self._watched: dict[str, dict[str, _Watched]] = defaultdict(dict)  # namespace -> name

    def of(self, kind: str, obj: Mapping[str, Any], *, deleted: bool = False) -> set[Key]:
        """The CanaryDeployments to look at after an event of this object."""
        metadata = obj["metadata"]
        namespace, name = str(metadata.get("namespace") or ""), str(metadata["name"])
        if kind == kinds.CANARY_DEPLOYMENT:
            return self._own(namespace, name, obj, deleted=deleted)
        if kind == kinds.NAMESPACE:
            return {(name, one) for one in self._watched.get(name, {})} if "deletionTimestamp" in metadata else set()
        if kind in (kinds.MUTATING_POLICY, kinds.MUTATING_BINDING):
            return {(space, one) for space, names in self._watched.items() for one in names}
        return set(self._concerned(kind, namespace, name, obj))

    def _own(self, namespace: str, name: str, obj: Mapping[str, Any], *, deleted: bool) -> set[Key]:
        """Itself, and the others with the same target: the oldest one releases it."""
        watched = self._watch(obj)
        if deleted:
            self._watched[namespace].pop(name, None)
        else:
            self._watched[namespace][name] = watched
        rivals = {(namespace, one) for one, other in self._watched[namespace].items() if other.names & watched.names}
        return {(namespace, name)} | rivals

    def _watch(self, obj: Mapping[str, Any]) -> _Watched:
        names = claimed(obj)
        target = next((name for kind, name in names if kind == kinds.DEPLOYMENT), "")
        if target:
            names |= {(kinds.DEPLOYMENT, canary_name(target)), (kinds.SERVICE, canary_name(target))}
        try:
            resource = self._parser.parse(dict(obj), Configuration())
        except StateError:
            return _Watched(frozenset(names), target)
        return _Watched(frozenset(names), target, resource.split, resource.traffic)

    def _concerned(self, kind: str, namespace: str, name: str, obj: Mapping[str, Any]) -> Iterator[Key]:
        subject = _subject(kind, name, obj)
        for one, watched in self._watched.get(namespace, {}).items():
            if subject in watched.names or self._selects(kind, namespace, watched, obj):
                yield namespace, one
        for space, names in self._watched.items():
            for one, watched in names.items():
                if watched.traffic is None or watched.split is None or kind not in watched.traffic.watches:
                    continue
                if watched.traffic.concerns(watched.split, kind, namespace, name):
                    yield space, one

    def _selects(self, kind: str, namespace: str, watched: _Watched, obj: Mapping[str, Any]) -> bool:
        """Services and budgets find pods by labels, not by names."""
        if kind not in (kinds.SERVICE, kinds.DISRUPTION_BUDGET) or not watched.target:
            return False
        labels = pod_labels(self._cache.get(kinds.DEPLOYMENT, namespace, watched.target))
        selector = (obj.get("spec") or {}).get("selector") or {}
        return matches_map(selector, labels) if kind == kinds.SERVICE else matches(selector, labels)


def _subject(kind: str, name: str, obj: Mapping[str, Any]) -> tuple[str, str]:
    """The Deployment or Service that an object belongs to, else itself."""
    match kind:
        case kinds.REPLICA_SET:
            return kinds.DEPLOYMENT, _controller(obj)
        case kinds.POD:
            # A ReplicaSet is called like its Deployment with a hash after it.
            return kinds.DEPLOYMENT, _controller(obj).rpartition("-")[0]
        case kinds.ENDPOINT_SLICE:
            return kinds.SERVICE, str((obj["metadata"].get("labels") or {}).get("kubernetes.io/service-name", ""))
        case kinds.AUTOSCALER:
            return kinds.DEPLOYMENT, str(((obj.get("spec") or {}).get("scaleTargetRef") or {}).get("name", ""))
    return kind, name


def _controller(obj: Mapping[str, Any]) -> str:
    owners = obj["metadata"].get("ownerReferences") or ()
    return next((str(owner.get("name", "")) for owner in owners if owner.get("controller")), "")
