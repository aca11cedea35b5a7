"""An API server on loopback, as far as the flag server needs one: lists, watches, reviews of tokens and rights,
and the keys by which its tokens are signed.

It may be stopped and started again on its port, forget old versions (410), and lose or delay watches.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import jwt
from aiohttp import web

from tests.fakes.issuer import ISSUER, Issuer

Manifest = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_FLAGS = "/apis/truststream.dev/v1alpha1"


class KubeHttp:
    """`objects` are by plural, namespace and name."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], Manifest] = {}
        self.tokens: dict[str, tuple[str, list[str]]] = {}  # user and audiences
        self.issuers: list[Issuer] = []  # whose tokens are good as long as their account is in `accounts`
        self.accounts: set[str] = set()
        self.rights: set[tuple[str, str, str]] = set()
        self.requests: list[str] = []
        self.page = 500
        self.port = 0
        self.frozen = False  # takes requests and answers none
        self._version = 10
        self._events: list[tuple[int, str, str, Manifest]] = []  # version, plural, type
        self._oldest = 0
        self._news = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._watching: set[web.StreamResponse] = set()

    async def start(self) -> None:
        app = web.Application(middlewares=[self._freeze])
        for where in ("", "/namespaces/{namespace}"):
            app.router.add_get(f"{_FLAGS}{where}/{{plural:featureflags}}", self._get)
            app.router.add_get(f"/api/v1{where}/{{plural:configmaps}}", self._get)
        app.router.add_post("/apis/authentication.k8s.io/v1/tokenreviews", self._token)
        app.router.add_post("/apis/authorization.k8s.io/v1/subjectaccessreviews", self._access)
        app.router.add_get("/.well-known/openid-configuration", self._configuration)
        app.router.add_get("/openid/v1/jwks", self._keys)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """As when it restarts: every connection ends, and nobody listens."""
        if self._runner is not None:
            runner, self._runner = self._runner, None
            self._news.set()
            await runner.cleanup()

    def kubeconfig(self, folder: Path) -> Path:
        """Whose user has a token of its own."""
        path = folder / "kubeconfig"
        named: Manifest = {"name": "it"}
        path.write_text(
            json.dumps(
                {
                    "current-context": "it",
                    "clusters": [{**named, "cluster": {"server": f"http://127.0.0.1:{self.port}"}}],
                    "users": [{**named, "user": {"token": "server"}}],
                    "contexts": [{**named, "context": {"cluster": "it", "user": "it"}}],
                }
            )
        )
        return path

    def put(self, plural: str, manifest: Mapping[str, Any]) -> None:
        made = json.loads(json.dumps(manifest))
        key = (plural, made["metadata"]["namespace"], made["metadata"]["name"])
        self._tell(plural, "MODIFIED" if key in self.objects else "ADDED", made)
        self.objects[key] = made

    def remove(self, plural: str, namespace: str, name: str, *, silently: bool = False) -> None:
        gone = self.objects.pop((plural, namespace, name))
        self._version += 1
        if not silently:
            self._tell(plural, "DELETED", gone)

    def forget(self) -> None:
        """As compaction does: what happened so far can be followed no more, and watches end."""
        self._version += 1
        self._oldest = self._version
        self._events.clear()

    def bookmark(self) -> None:
        """To all watches."""
        for plural in ("featureflags", "configmaps"):
            self._tell(plural, "BOOKMARK", {"metadata": {}})

    def end_watches(self) -> None:
        """As an API server does now and then."""
        self._events.append((self._version, "", "END", {}))
        self._ring()

    def _tell(self, plural: str, what: str, obj: Manifest) -> None:
        self._version += 1
        obj["metadata"]["resourceVersion"] = str(self._version)
        self._events.append((self._version, plural, what, json.loads(json.dumps(obj))))
        self._ring()

    def _ring(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def _get(self, request: web.Request) -> web.StreamResponse:
        plural, namespace = request.match_info["plural"], request.match_info.get("namespace", "")
        self.requests.append(f"{'watch' if 'watch' in request.query else 'list'} {plural} {namespace}".strip())
        if plural == "configmaps":
            assert request.query["labelSelector"] == "truststream.dev/segments"
        if "watch" in request.query:
            return await self._watch(request, plural, namespace)
        found = [one for key, one in sorted(self.objects.items()) if key[0] == plural and namespace in ("", key[1])]
        begin = int(request.query.get("continue") or 0)
        end = begin + min(self.page, int(request.query["limit"]))
        more = {"continue": str(end)} if end < len(found) else {}
        metadata = {"resourceVersion": str(self._version), **more}
        return web.json_response({"metadata": metadata, "items": found[begin:end]})

    async def _watch(self, request: web.Request, plural: str, namespace: str) -> web.StreamResponse:
        since = int(request.query["resourceVersion"])
        if since < self._oldest:
            return web.json_response({"code": 410, "message": "too old resource version"}, status=410)
        response = web.StreamResponse()
        await response.prepare(request)
        runner, place = self._runner, len(self._events)
        ended = [event for event in self._events if event[0] > since and event[2] != "END"]
        while self._runner is runner and runner is not None:
            for version, kind, what, obj in ended:
                if what == "END":
                    return response
                if (
                    kind == plural
                    and version > since
                    and namespace in ("", obj["metadata"].get("namespace", namespace))
                ):
                    await response.write(json.dumps({"type": what, "object": obj}).encode() + b"\n")
            news = self._news
            if place >= len(self._events):
                await news.wait()
            if place > len(self._events):  # compacted
                status = {"type": "ERROR", "object": {"code": 410, "message": "too old"}}
                await response.write(json.dumps(status).encode() + b"\n")
                return response
            ended, place = self._events[place:], len(self._events)
        return response

    async def _token(self, request: web.Request) -> web.Response:
        self.requests.append("tokenreview")
        spec = (await request.json())["spec"]
        user, audiences = self._account(spec["token"])
        common = [one for one in spec["audiences"] if one in audiences]
        status: Manifest = {"authenticated": False, "error": "invalid bearer token"}
        if common:
            status = {"authenticated": True, "audiences": common, "user": user}
        return web.json_response({"status": status}, status=201)

    def _account(self, token: str) -> tuple[Manifest, list[str]]:
        """Of a name for a token, or of a real one; and the audiences that it is for."""
        user, audiences = self.tokens.get(token, ("", []))
        for issuer in self.issuers:
            try:
                claims = jwt.decode(
                    token, issuer.key.public_key(), [issuer.algorithm], options={"verify_aud": False}, issuer=ISSUER
                )
            except jwt.PyJWTError:
                continue
            if claims["sub"] in self.accounts:
                user, audiences = claims["sub"], claims["aud"]
        _, _, namespace, _ = user.split(":") if user else [""] * 4
        groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"]
        return {"username": user, "uid": f"uid-{user.rpartition(':')[2]}", "groups": groups}, audiences

    async def _configuration(self, _request: web.Request) -> web.Response:
        keys = f"http://127.0.0.1:{self.port}/openid/v1/jwks"
        return web.json_response({"issuer": ISSUER, "jwks_uri": keys})

    async def _keys(self, request: web.Request) -> web.Response:
        """Only to who takes the type of a key set, as the real one."""
        self.requests.append("keys")
        kind = "application/jwk-set+json"
        if kind not in request.headers.get("Accept", ""):
            return web.Response(status=406)
        return web.json_response({"keys": [one.told() for one in self.issuers]}, content_type=kind)

    @web.middleware
    async def _freeze(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        while self.frozen:  # noqa: ASYNC110 - set by hand
            await asyncio.sleep(0.05)
        return await handler(request)

    async def _access(self, request: web.Request) -> web.Response:
        self.requests.append("accessreview")
        spec = (await request.json())["spec"]
        wanted = spec["resourceAttributes"]
        assert (wanted["group"], wanted["resource"]) == ("truststream.dev", "featureflags")
        allowed = (spec["user"], wanted["verb"], wanted["namespace"]) in self.rights
        return web.json_response({"status": {"allowed": allowed}}, status=201)
