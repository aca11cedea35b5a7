"""What we know of the cluster: the newest version seen of each object, from watches and from our own writes.

Every answer to a write goes in at once, so that no decision rests on a state that an earlier one already changed.
Objects in here are shared: who reads them must not change them.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from truststream.cluster.kinds import KINDS, Manifest
from truststream.cluster.trim import trim

_REMEMBERED_DEATHS: Final = 20_000


def version_of(obj: Mapping[str, Any]) -> int:
    """The resourceVersion as a number; the API server promises that newer is greater."""
    return int(obj["metadata"].get("resourceVersion") or 0)


class Cache:
    """Newest wins, by resourceVersion; what was deleted does not come back by a late event."""

    def __init__(self) -> None:
        self._objects: dict[str, dict[str, dict[str, Manifest]]] = defaultdict(lambda: defaultdict(dict))
        self._index: dict[tuple[str, str, str], set[str]] = defaultdict(set)
        self._dead: OrderedDict[str, None] = OrderedDict()  # uids

    def put(self, kind: str, obj: Mapping[str, Any]) -> bool:
        """Whether this was news."""
        metadata = obj["metadata"]
        if metadata.get("uid") in self._dead:
            return False
        old = self.get(kind, metadata.get("namespace") or "", metadata["name"])
        if old is not None and version_of(old) >= version_of(obj):
            return False
        if old is not None:
            self._drop(kind, old)
        self._keep(kind, trim(kind, obj))
        return True

    def remove(self, kind: str, obj: Mapping[str, Any]) -> bool:
        """Forget an object that is gone; its successor of the same name stays. Whether it was known."""
        metadata = obj["metadata"]
        if not (kind in KINDS and KINDS[kind].selector):
            self._bury(str(metadata.get("uid", "")))
        old = self.get(kind, metadata.get("namespace") or "", metadata["name"])
        if old is None or old["metadata"].get("uid") != metadata.get("uid"):
            return False
        self._drop(kind, old)
        return True

    def forget(self, kind: str, namespace: str, name: str) -> None:
        """A request found nothing there."""
        if (old := self.get(kind, namespace, name)) is not None:
            self.remove(kind, old)

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """The object, None when it is not there; cluster-wide kinds have the namespace ``""``."""
        return self._objects[kind][namespace].get(name)

    def list(self, kind: str, namespace: str = "") -> Sequence[Manifest]:
        """All of a namespace."""
        return list(self._objects[kind][namespace].values())

    def everywhere(self, kind: str) -> Sequence[Manifest]:
        """All of the cluster."""
        return [obj for names in self._objects[kind].values() for obj in names.values()]

    def indexed(self, kind: str, namespace: str, key: str) -> Sequence[Manifest]:
        """Those whose kind's index says `key`, e.g. the pods of a ReplicaSet's uid; by name."""
        names = sorted(self._index.get((kind, namespace, key), ()))
        return [self._objects[kind][namespace][name] for name in names]

    def _keep(self, kind: str, obj: Manifest) -> None:
        namespace, name = obj["metadata"].get("namespace") or "", obj["metadata"]["name"]
        self._objects[kind][namespace][name] = obj
        if key := self._index_key(kind, obj):
            self._index[kind, namespace, key].add(name)

    def _drop(self, kind: str, obj: Manifest) -> None:
        namespace, name = obj["metadata"].get("namespace") or "", obj["metadata"]["name"]
        del self._objects[kind][namespace][name]
        key = (kind, namespace, self._index_key(kind, obj))
        self._index[key].discard(name)
        if not self._index[key]:
            del self._index[key]

    @staticmethod
    def _index_key(kind: str, obj: Manifest) -> str:
        index = KINDS[kind].index if kind in KINDS else None
        return index(obj) if index else ""

    def _bury(self, uid: str) -> None:
        if not uid:
            return
        self._dead[uid] = None
        while len(self._dead) > _REMEMBERED_DEATHS:
            self._dead.popitem(last=False)
