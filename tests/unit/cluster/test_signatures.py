"""Tokens by their signature: what is taken for whose, what is refused, and what is not judged."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any, cast

import jwt
import pytest

from tests.fakes.issuer import AUDIENCE, GROUPS, ISSUER, Issuer, claims
from truststream.cluster.client import Client
from truststream.cluster.reviews import Identity
from truststream.cluster.signatures import CONFIGURATION, KEYS, Signatures
from truststream.errors import ClusterError, Forbidden, Unavailable

RSA, EC = Issuer("rsa"), Issuer("ec", "ES256")
WEB = Identity("system:serviceaccount:shop:web", "uid-web", GROUPS, by_signature=True)
TIMES = ("exp", "nbf", "iat")


class FakeClient:
    """Tells issuer and keys, or what is wrong."""

    def __init__(self, *issuers: Issuer) -> None:
        self.documents: dict[str, Any] = {}
        self.problem: ClusterError | None = None
        self.asked = 0
        self.rotate(*issuers)

    def rotate(self, *issuers: Issuer) -> None:
        self.documents = {CONFIGURATION: {"issuer": ISSUER}, KEYS: {"keys": [one.told() for one in issuers]}}

    async def document(self, path: str) -> Mapping[str, Any]:
        self.asked += path == KEYS
        if self.problem:
            raise self.problem
        return cast(Mapping[str, Any], self.documents[path])


def signatures(client: FakeClient) -> Signatures:
    return Signatures(cast(Client, client), AUDIENCE)


@pytest.fixture
async def known() -> Signatures:
    made = signatures(FakeClient(RSA, EC))
    await made.refresh()
    return made


def from_now(**changed: Any) -> dict[str, Any]:
    """Claims whose times are seconds from now: the modules of a long run are read long before their tests."""
    now = int(time.time())
    return {name: now + value if name in TIMES and value is not None else value for name, value in changed.items()}


@pytest.mark.parametrize("issuer", [RSA, EC], ids=["RSA", "EC"])
async def test_a_good_token_says_whose_it_is(known: Signatures, issuer: Issuer) -> None:
    assert known.who(issuer.token()) == WEB
    assert known.who(issuer.token(aud=["other", AUDIENCE])) == WEB
    assert known.who(issuer.token(**from_now(exp=-15))) == WEB, "clocks differ by half a minute"
    assert known.who(issuer.token(**from_now(nbf=25, iat=25))) == WEB


REFUSED: dict[str, dict[str, Any]] = {
    "expired": {"exp": -60},
    "without an end": {"exp": None},
    "not yet valid": {"nbf": 300},
    "without a beginning": {"nbf": None},
    "issued in the future": {"iat": 300},
    "without an hour of issue": {"iat": None},
    "for somebody else": {"aud": ["https://kubernetes.default.svc"]},
    "for nobody": {"aud": None},
    "by nobody": {"iss": None},
    "of another account": {"sub": "system:serviceaccount:shop:admin"},
    "of another namespace": {"sub": "system:serviceaccount:bank:web"},
    "of a person": {"sub": "ann@example"},
    "without an account": {"kubernetes.io": None},
    "with claims of another shape": {"kubernetes.io": ["shop", "web"]},
    "with an account of another shape": {"kubernetes.io": {"namespace": "shop", "serviceaccount": "web"}},
    "of no name": {"sub": "system:serviceaccount:shop:", "kubernetes.io": {"namespace": "shop", "serviceaccount": {}}},
}


@pytest.mark.parametrize("changed", REFUSED.values(), ids=REFUSED)
async def test_tokens_that_are_not_good_are_nobodys(known: Signatures, changed: dict[str, Any]) -> None:
    assert known.who(EC.token(**from_now(**changed))) is None


def encoded(document: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize("issuer", [RSA, EC], ids=["RSA", "EC"])
async def test_forged_tokens_are_nobodys(known: Signatures, issuer: Issuer) -> None:
    head, body, signature = issuer.token().split(".")
    admin = claims(sub="system:serviceaccount:kube-system:admin")
    assert known.who(f"{head}.{encoded(admin)}.{signature}") is None, "tampered"
    assert known.who(f"{head}.{body}.{signature[:-8]}AAAAAAAA") is None
    for algorithm in ("none", "None", "HS256", "HS512", "PS256", "made up", ""):
        text = f"{encoded({'alg': algorithm, 'kid': issuer.key_id})}.{body}"
        mac = hmac.digest(issuer.public, text.encode(), hashlib.sha256)
        for end in ("", signature, base64.urlsafe_b64encode(mac).rstrip(b"=").decode()):
            assert known.who(f"{text}.{end}") is None, algorithm
    other = Issuer(issuer.key_id, issuer.algorithm)
    assert known.who(other.token()) is None, "signed by another key under the same id"
    mixed = EC if issuer is RSA else RSA
    assert known.who(issuer.sign(claims(), kid=mixed.key_id)) is None, "another key's id"


UNJUDGED = ("", "text", "a.b.c", "\udcff.\udcff.x", "e30.e30.", f"{encoded({'alg': 'RS256', 'kid': ['rsa']})}.e30.AA")


@pytest.mark.parametrize("token", UNJUDGED)
async def test_what_is_no_token_of_ours_is_not_judged(known: Signatures, token: str) -> None:
    with pytest.raises(Unavailable):
        known.who(token)


async def test_other_keys_and_issuers_are_not_judged(known: Signatures) -> None:
    """The API server may know them: people's tokens, or those of an issuer of before."""
    demanding = EC.sign(claims(), crit=["unknown"], unknown=1)
    for token in (Issuer("elsewhere", "ES256").token(), EC.token(iss="https://before.example"), demanding):
        with pytest.raises(Unavailable) as caught:
            known.who(token)
        assert token not in str(caught.value)


async def test_only_public_keys_for_signatures_count() -> None:
    """A shared secret among the keys would make everybody who reads it a signer."""
    client, secret = FakeClient(EC), b"s" * 64
    odd = [
        {"kty": "oct", "kid": "shared", "alg": "HS256", "k": base64.urlsafe_b64encode(secret).decode()},
        {**RSA.told(), "kid": "for encryption", "use": "enc"},
        {**RSA.told(), "kid": "wrong kind", "alg": "HS256"},
        {"kty": "new", "kid": "new"},
        {},
        "text",
        {name: value for name, value in RSA.told().items() if name != "kid"},
    ]
    client.documents[KEYS]["keys"] += odd
    judge = signatures(client)
    await judge.refresh()
    assert judge.who(EC.token()) == WEB
    shared = jwt.encode(claims(), secret, "HS256", {"kid": "shared"})
    for token in (shared, RSA.sign(claims(), kid="for encryption"), RSA.sign(claims(), kid="wrong kind")):
        with pytest.raises(Unavailable):
            judge.who(token)


async def test_keys_stay_while_they_cannot_be_read_and_go_with_a_rotation() -> None:
    client, second = FakeClient(EC), Issuer("second", "ES256")
    judge = signatures(client)
    await judge.refresh()
    for problem in (Unavailable("no answer"), Forbidden("no")):
        client.problem = problem
        with pytest.raises(ClusterError):
            await judge.refresh()
    client.problem = None
    for nonsense in ({}, {"issuer": 7}, {"issuer": ""}):
        client.documents[CONFIGURATION] = nonsense
        with pytest.raises(ClusterError, match="no issuer"):
            await judge.refresh()
    assert judge.who(EC.token()) == WEB
    client.rotate(second)
    await judge.refresh()
    assert judge.who(second.token()) == WEB
    with pytest.raises(Unavailable):
        judge.who(EC.token())


async def _asked(client: FakeClient, times: int) -> None:
    async with asyncio.timeout(10):
        while client.asked < times:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)
    assert client.asked == times


async def test_a_key_that_is_not_known_is_looked_for_once() -> None:
    client, second, never = FakeClient(EC), Issuer("second", "ES256"), Issuer("never", "ES256")
    judge = signatures(client)
    keeping = asyncio.create_task(judge.run())
    await _asked(client, 1)
    judge.reviewed(EC.token())
    judge.reviewed("no token")
    await _asked(client, 1)
    client.rotate(EC, second)
    judge.reviewed(second.token())
    await _asked(client, 2)
    assert judge.who(second.token()) == WEB
    for asked in (3, 3):
        judge.reviewed(never.token())
        await _asked(client, asked)
    keeping.cancel()


async def test_keys_that_may_not_be_read_are_said_once(caplog: pytest.LogCaptureFixture) -> None:
    client = FakeClient(EC)
    client.problem = Forbidden("not yours")
    judge = signatures(client)
    keeping = asyncio.create_task(judge.run())
    await _asked(client, 0)
    for number in range(3):
        judge.reviewed(Issuer(str(number), "ES256").token())
        await asyncio.sleep(0.001)
    with pytest.raises(Unavailable):
        judge.who(EC.token())
    assert not keeping.done()
    keeping.cancel()
    assert "not yours" in caplog.text
    assert "system:service-account-issuer-discovery" in caplog.text
    assert len(caplog.records) == 1
