"""The Prometheus of all scenarios: counters by namespace, and outages of one namespace alone."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

from tests.contract.metrics.fake import Reply, serve
from tests.fakes.prometheus import Traffic

Twist = Callable[[str, list[Any]], list[Any]]
"""From a query and the series of its answer to those that are given instead."""

_CLUSTER = re.compile(r'envoy_cluster_name="(?P<namespace>[^_"]+)_(?P<service>[^_"]+)_')


class Source(Traffic):
    """Asked by several threads at a time."""

    def __init__(self) -> None:
        super().__init__()
        self._turn = threading.RLock()
        self._strange: dict[str, Callable[[str], Reply | None]] = {}
        self._twists: dict[str, Twist] = {}

    def flow(self, namespace: str, service: str, *, rate: float, bad: float = 0.0, port: int = 80) -> None:
        with self._turn:
            super().flow(namespace, service, rate=rate, bad=bad, port=port)

    def strange(self, namespace: str, reply: Callable[[str], Reply | None]) -> None:
        """From now on questions about this namespace are answered so."""
        self._strange[namespace] = reply

    def twist(self, namespace: str, change: Twist) -> None:
        """From now on the series of answers about this namespace are changed so."""
        self._twists[namespace] = change

    def well(self, namespace: str) -> None:
        """Counters again."""
        self._strange.pop(namespace, None)
        self._twists.pop(namespace, None)

    def forget(self, namespace: str) -> None:
        """Nobody asks any more."""
        with self._turn:
            for key in [key for key in self._arms if key[0] == namespace]:
                del self._arms[key]

    def answer(self, query: str, at: float) -> Reply:
        found = _CLUSTER.search(query)
        strange = self._strange.get(found["namespace"]) if found else None
        if strange is not None and (reply := strange(query)) is not None:
            return reply
        with self._turn:
            reply = super().answer(query, at)
        twist = self._twists.get(found["namespace"]) if found else None
        return reply if twist is None else _twisted(reply, lambda series: twist(query, series))


def _twisted(reply: Reply, change: Callable[[list[Any]], list[Any]]) -> Reply:
    status, headers, body = reply
    document = json.loads(body)
    document["data"]["result"] = change(document["data"]["result"])
    return status, headers, json.dumps(document).encode()


def service_of(query: str) -> str:
    """The Service that a question is about."""
    found = _CLUSTER.search(query)
    return found["service"] if found else ""


def matrix(*series: list[tuple[float, str]]) -> Reply:
    """An answer with these series, which differ in one label only."""
    result = [
        {"metric": {"__name__": "envoy_cluster_upstream_rq_xx", "instance": f"envoy-{number}"}, "values": values}
        for number, values in enumerate(series)
    ]
    body = {"status": "success", "data": {"resultType": "matrix", "result": result}}
    return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()


@contextlib.contextmanager
def source() -> Iterator[tuple[Source, str]]:
    """A running one and its address."""
    made = Source()
    with serve(made) as address:
        yield made, address
