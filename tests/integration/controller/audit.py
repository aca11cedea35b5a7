"""What the operator asked of the API server, from the API server's own audit log."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import Cluster
from tests.integration.installation import OPERATOR

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})


@dataclass(frozen=True)
class Request:
    """One line of the log. `resource` is the plural, with the subresource after a slash."""

    verb: str
    resource: str
    namespace: str
    name: str
    code: int
    time: str
    agent: str

    @property
    def is_write(self) -> bool:
        return self.verb in WRITES


class Audit:
    """The log from a mark on. `user` is whom the requests were made as."""

    def __init__(self, cluster: Cluster, user: str = OPERATOR) -> None:
        assert cluster.audit_log is not None, "this cluster keeps no audit log"
        self._file: Path = cluster.audit_log
        self._user = user
        self._from = 0
        self.mark()

    def mark(self) -> None:
        """Only what comes from now on counts."""
        self._from = self._file.stat().st_size

    def requests(self, namespace: str | None = None) -> list[Request]:
        """In the order of their answers, without watches and the Lease."""
        with self._file.open("rb") as file:
            file.seek(self._from)
            lines = [json.loads(line) for line in file if line.endswith(b"\n")]
        found = [_request(line) for line in lines if _user(line) == self._user]
        return [
            one
            for one in found
            if one.verb != "watch" and one.resource != "leases" and namespace in (None, one.namespace)
        ]

    def writes(self, namespace: str | None = None) -> list[Request]:
        """Those that change something, events included."""
        return [one for one in self.requests(namespace) if one.is_write]

    def count(self, namespace: str | None = None) -> Counter[str]:
        """How often each thing was asked: ``patch httproutes`` -> 1."""
        return Counter(f"{one.verb} {one.resource}" for one in self.requests(namespace))


def _user(line: dict[str, dict[str, str]]) -> str:
    return str((line.get("impersonatedUser") or line["user"]).get("username", ""))


def _request(line: dict[str, dict[str, str]]) -> Request:
    ref = line.get("objectRef") or {}
    sub = f"/{ref['subresource']}" if "subresource" in ref else ""
    return Request(
        verb=str(line["verb"]),
        resource=f"{ref.get('resource', line['requestURI'])}{sub}",
        namespace=ref.get("namespace", ""),
        name=ref.get("name", ""),
        code=int((line.get("responseStatus") or {}).get("code", 0)),
        time=str(line["requestReceivedTimestamp"]),
        agent=str(line.get("userAgent", "")),
    )
