"""The API server over plain HTTP, as people and GitOps tools use it: no code of the operator's own client."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import requests

from truststream.cluster.kinds import KINDS, Kind

Object = dict[str, Any]
_QUOTA: Final = Kind("ResourceQuota", "", "v1", "resourcequotas")
_PATCHES: Final = {
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "apply": "application/apply-patch+yaml",
}


class Refused(Exception):
    """An answer that is none."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Api:
    """Speaks as the kubeconfig's current user; a session for each thread."""

    def __init__(self, kubeconfig: Path) -> None:
        document = json.loads(kubeconfig.read_text())
        cluster, user = document["clusters"][0]["cluster"], document["users"][0]["user"]
        self._server = cluster["server"]
        self._token = user["token"]
        self._authority = kubeconfig.with_name("scenarios-ca.crt")
        self._authority.write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
        self._local = threading.local()

    def find(self, kind: str, namespace: str, name: str) -> Object | None:
        """None when it is not there."""
        try:
            return self._call("GET", _path(kind, namespace, name))
        except Refused as refused:
            if refused.code == 404:
                return None
            raise

    def get(self, kind: str, namespace: str, name: str) -> Object:
        """An object that must be there."""
        found = self.find(kind, namespace, name)
        assert found is not None, f"{kind} {namespace}/{name} is not there"
        return found

    def list(self, kind: str, namespace: str, labels: str = "") -> list[Object]:
        """All of a namespace."""
        query = {"labelSelector": labels} if labels else {}
        items: list[Object] = self._call("GET", _path(kind, namespace), query=query)["items"]
        return items

    def create(self, obj: Object) -> Object:
        """A new object."""
        return self._call("POST", _path(obj["kind"], obj["metadata"].get("namespace", "")), body=obj)

    def apply(self, obj: Object, *, manager: str = "git", force: bool = False) -> Object:
        """Server-side apply."""
        meta = obj["metadata"]
        query = {"fieldManager": manager, "force": str(force).lower()}
        return self.patch(obj["kind"], meta.get("namespace", ""), meta["name"], obj, how="apply", query=query)

    def patch(
        self,
        kind: str,
        namespace: str,
        name: str,
        patch: object,
        *,
        how: str = "merge",
        query: Mapping[str, str] | None = None,
    ) -> Object:
        """Of the object, by `kubectl edit` unless the query says otherwise."""
        where, manager = _path(kind, namespace, name), {"fieldManager": "kubectl-edit"}
        return self._call("PATCH", where, body=patch, query=query or manager, content=_PATCHES[how])

    def patch_status(self, kind: str, namespace: str, name: str, patch: object) -> Object:
        """As `kubectl edit --subresource=status` does."""
        where = f"{_path(kind, namespace, name)}/status"
        return self._call("PATCH", where, body=patch, content=_PATCHES["merge"])

    def scale(self, kind: str, namespace: str, name: str, replicas: int) -> None:
        """As `kubectl scale` does."""
        body = {"spec": {"replicas": replicas}}
        self._call("PATCH", f"{_path(kind, namespace, name)}/scale", body=body, content=_PATCHES["merge"])

    def delete(self, kind: str, namespace: str, name: str) -> None:
        """In the background, as kubectl does."""
        self._call("DELETE", _path(kind, namespace, name), body={"propagationPolicy": "Background"})

    def watch(self, kind: str, namespace: str, name: str, since: str, limit: float) -> Iterator[Object]:
        """Every version after `since`, until the limit; a deleted object ends it with its last version."""
        end = time.monotonic() + limit
        while (left := end - time.monotonic()) > 0:
            query = {"watch": "true", "fieldSelector": f"metadata.name={name}", "resourceVersion": since}
            query["timeoutSeconds"] = str(max(1, round(left)))
            url = self._server + _path(kind, namespace)
            with self._session().get(url, params=query, stream=True, timeout=(10, left + 10)) as answer:
                for line in answer.iter_lines(chunk_size=None):
                    event = json.loads(line)
                    since = event["object"]["metadata"]["resourceVersion"]
                    yield event["object"]
                    if event["type"] == "DELETED":
                        return

    def _call(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        query: Mapping[str, str] | None = None,
        content: str = "application/json",
    ) -> Object:
        data = None if body is None else json.dumps(body)
        headers = {"Content-Type": content}
        answer = self._session().request(
            method, self._server + path, data=data, params=query, headers=headers, timeout=30
        )
        document: Object = answer.json()
        if not answer.ok:
            raise Refused(answer.status_code, str(document.get("message", document)))
        return document

    def _session(self) -> requests.Session:
        made: requests.Session | None = getattr(self._local, "session", None)
        if made is None:
            made = self._local.session = requests.Session()
            made.headers["Authorization"] = f"Bearer {self._token}"
            made.verify = str(self._authority)
            made.trust_env = False
        return made


def _path(kind: str, namespace: str, name: str | None = None) -> str:
    known = _QUOTA if kind == _QUOTA.name else KINDS[kind]
    return known.path(namespace, name)
