"""Events of watches: who is told what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from truststream.cluster import kinds
from truststream.cluster.cache import Cache
from truststream.handlers.desk import Desk
from truststream.handlers.interest import Interests
from truststream.handlers.kopf_app import Watches
from truststream.handlers.resource import Parser


class Queue:
    """Remembers what it was asked."""

    def __init__(self) -> None:
        self.keys: list[tuple[str, str]] = []

    def add(self, key: tuple[str, str]) -> None:
        self.keys.append(key)


def cdep(name: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop", "uid": f"uid-{name}", "resourceVersion": "5"}
    return {"kind": kinds.CANARY_DEPLOYMENT, "metadata": metadata, "spec": {"targetRef": {"name": "web"}}}


async def test_the_end_of_what_we_let_go_ourselves_is_told_to_its_rivals() -> None:
    cache, queue = Cache(), Queue()
    objects: Any = type("Objects", (), {"get": cache.get, "list": cache.list})()
    desk = Desk(Interests(cache, Parser(objects)), queue)  # type: ignore[arg-type]
    watches = Watches(cache, (desk,), None)  # type: ignore[arg-type]
    for name in ("first", "second"):
        watches.seen(kinds.CANARY_DEPLOYMENT, cdep(name))
        watches.happened(kinds.CANARY_DEPLOYMENT, {"type": "ADDED", "object": cdep(name)})
    queue.keys.clear()
    cache.forget(kinds.CANARY_DEPLOYMENT, "shop", "first")  # the answer to the removal of our finalizer
    watches.happened(kinds.CANARY_DEPLOYMENT, {"type": "DELETED", "object": cdep("first")})
    assert ("shop", "second") in queue.keys


async def test_our_own_write_of_a_flag_is_told_to_every_desk() -> None:
    told: list[tuple[str, str]] = []

    class Interested:
        def of(self, kind: str, obj: Mapping[str, Any], *, deleted: bool = False) -> set[tuple[str, str]]:
            return {("shop", f"{kind} {obj['metadata']['name']}")} if not deleted else set()

    queue = Queue()
    queue.keys = told
    desks = [Desk(Interested(), queue) for _ in range(2)]  # type: ignore[arg-type]
    watches = Watches(Cache(), desks, None)  # type: ignore[arg-type]
    watches.wrote(kinds.FEATURE_FLAG, {"metadata": {"name": "beta", "namespace": "shop"}})
    watches.wrote(kinds.CANARY_DEPLOYMENT, cdep("web"))
    assert told == [("shop", "FeatureFlag beta")] * 2, "of other kinds whoever wrote runs again by itself"
