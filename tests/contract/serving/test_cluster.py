"""The running server of a cluster: flags by watch, callers by review, usage for the controller, an API server away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.contract.serving.process import ONE, Process, wait_for
from tests.fakes.issuer import Issuer
from tests.fakes.kube_http import KubeHttp
from tests.fakes.serving_world import manifest
from truststream.cluster.client import Client
from truststream.cluster.connection import connect
from truststream.cluster.reviews import Reviews
from truststream.cluster.signatures import Signatures

ACCOUNT = "system:serviceaccount:shop:web"
CONTROLLER = "system:serviceaccount:truststream-system:truststream"


def bearer(token: str, selector: str = "") -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", **({"Flagd-Selector": selector} if selector else {})}


async def test_a_server_of_a_cluster(tmp_path: Path) -> None:
    kube = KubeHttp()
    kube.put("featureflags", manifest("new"))
    kube.put("featureflags", manifest("new", "bank"))
    kube.tokens = {
        "web": (ACCOUNT, ["truststream"]),
        "elsewhere": (ACCOUNT, ["https://kubernetes.default.svc"]),
        "controller": (CONTROLLER, ["truststream"]),
    }
    kube.rights = {(CONTROLLER, "report", ""), (CONTROLLER, "clear", "")}
    await kube.start()
    config = str(kube.kubeconfig(tmp_path))
    process = await asyncio.to_thread(Process, tmp_path, {}, "--kubeconfig", config, "--as", "")
    try:
        await _story(process, kube)
        assert await asyncio.to_thread(process.stop) == 0
        assert "Traceback" not in process.log
        assert not any(f"Bearer {token}" in process.log for token in kube.tokens)
    finally:
        process.end()
        await kube.stop()


async def _story(process: Process, kube: KubeHttp) -> None:
    async def ask(method: str, path: str, headers: dict[str, str]) -> tuple[int, Any]:
        return await asyncio.to_thread(process.ask, method, path, "{}" if method == "POST" else "", headers)

    assert (await ask("POST", ONE, bearer("web")))[1]["value"] is False
    assert (await ask("POST", ONE, {}))[0] == 401
    status, answer = await ask("POST", ONE, bearer("elsewhere"))
    assert (status, "audience" in answer["errorDetails"]) == (401, True)
    assert (await ask("POST", ONE, bearer("web", "flagSetId=bank")))[0] == 403
    reviews = kube.requests.count("tokenreview")
    for _ in range(20):
        assert (await ask("POST", ONE, bearer("web")))[0] == 200
    assert kube.requests.count("tokenreview") == reviews

    kube.put("featureflags", manifest("new", defaultVariant="on"))
    await _until(lambda: process.post(ONE, headers=bearer("web"))[1]["value"] is True)

    assert (await ask("GET", "/v1/usage", bearer("web")))[0] == 403
    status, usage = await ask("GET", "/v1/usage", bearer("controller"))
    (counted,) = usage["flags"]
    assert (status, counted["namespace"], set(counted["variants"])) == (200, "shop", {"on", "off"})
    assert counted["variants"]["off"]["evaluations"] >= 21

    await kube.stop()
    await _until(lambda: "[!] watch: lost" in _ready(process)[1])
    assert (await asyncio.to_thread(_ready, process))[0] == 200
    for _ in range(20):
        assert (await ask("POST", ONE, bearer("web")))[0] == 200
    status, answer = await ask("POST", ONE, bearer("never seen"))
    assert (status, "API server" in answer["errorDetails"]) == (503, True)

    kube.put("featureflags", manifest("new"))
    await kube.start()
    await _until(lambda: process.post(ONE, headers=bearer("web"))[1]["value"] is False)
    assert (await ask("POST", "/v1/cache/clear", bearer("controller")))[1] == {"cleared": True}
    del kube.tokens["web"]
    assert (await ask("POST", ONE, bearer("web")))[0] == 401


async def test_a_review_and_a_signature_say_the_same(tmp_path: Path) -> None:
    kube = KubeHttp()
    kube.issuers, kube.accounts = [Issuer("rsa"), Issuer("ec", "ES256")], {ACCOUNT}
    await kube.start()
    client = Client(await connect(str(kube.kubeconfig(tmp_path)), ""))
    reviews, signatures = Reviews(client, "truststream"), Signatures(client, "truststream")
    try:
        await signatures.refresh()
        for issuer in kube.issuers:
            reviewed, judged = await reviews.who(issuer.token()), signatures.who(issuer.token())
            assert reviewed is not None
            assert judged == replace(reviewed, by_signature=True)
            for changed in ({"aud": ["other"]}, {"exp": 1}, {"sub": "system:serviceaccount:shop:other"}):
                bad = issuer.token(**changed)
                assert (await reviews.who(bad), signatures.who(bad)) == (None, None)
    finally:
        await client.close()
        await kube.stop()


async def test_an_api_server_that_hangs_costs_no_evaluation(tmp_path: Path) -> None:
    """Frozen, not gone: it takes connections and says nothing."""
    kube, old, new = KubeHttp(), Issuer("old", "ES256"), Issuer("new", "ES256")
    kube.put("featureflags", manifest("new"))
    kube.issuers, kube.accounts = [old], {ACCOUNT}
    await kube.start()
    config = str(kube.kubeconfig(tmp_path))
    process = await asyncio.to_thread(Process, tmp_path, {}, "--kubeconfig", config, "--as", "")

    async def ask(token: str) -> int:
        return (await asyncio.to_thread(process.post, ONE, None, bearer(token)))[0]

    try:
        await _until(lambda: kube.requests.count("keys") == 1)
        assert await ask(old.token()) == 200
        kube.issuers = [old, new]
        assert await ask(new.token()) == 200
        await _until(lambda: kube.requests.count("keys") == 2)
        kube.frozen = True
        for token in (old.token(jti="two"), *(new.token(jti=str(number)) for number in range(20))):
            assert await ask(token) == 200
        assert await ask(new.token(exp=1)) == 401
        assert await ask(Issuer("new", "ES256").token()) == 401
        assert "[!] tokens: TokenReview gives no answer" in _ready(process)[1]
        kube.frozen, kube.accounts = False, set()
        await _until(lambda: process.post(ONE, None, bearer(new.token()))[0] == 401)
        assert await asyncio.to_thread(process.stop) == 0
        assert "Traceback" not in process.log
        assert new.token().partition(".")[0] not in process.log
    finally:
        process.end()
        await kube.stop()


def _ready(process: Process) -> tuple[int, Any]:
    return process.ask("GET", "/readyz", port=process.health)


async def _until(condition: Callable[[], bool]) -> None:
    """Asked from a thread, for the API server is served by this loop."""
    await asyncio.to_thread(wait_for, condition, "in a minute")
