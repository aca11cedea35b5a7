"""Who signs tokens of ServiceAccounts, as an API server does, and what it tells of its keys."""

from __future__ import annotations

import json
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

ISSUER = "https://kubernetes.default.svc.cluster.local"
AUDIENCE = "truststream"
GROUPS = ("system:serviceaccounts", "system:serviceaccounts:shop", "system:authenticated")
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class Issuer:
    """One key: RSA, or on a curve where `algorithm` is ES256."""

    def __init__(self, key_id: str = "first", algorithm: str = "RS256") -> None:
        self.key_id = key_id
        self.algorithm = algorithm
        self.key: PrivateKey = (
            rsa.generate_private_key(65537, 2048) if algorithm == "RS256" else ec.generate_private_key(ec.SECP256R1())
        )

    @property
    def public(self) -> bytes:
        """As PEM, which anybody may know."""
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def told(self) -> dict[str, Any]:
        """Its entry in `/openid/v1/jwks`."""
        public = self.key.public_key()
        text = (
            RSAAlgorithm.to_jwk(public) if isinstance(public, rsa.RSAPublicKey) else ECAlgorithm.to_jwk(public)
        )  # fmt: skip
        entry = {**json.loads(text), "use": "sig", "kid": self.key_id, "alg": self.algorithm}
        entry.pop("key_ops", None)
        return entry

    def token(self, **changed: Any) -> str:
        """For the account web of the namespace shop, but for what is changed; a claim that is None is left out."""
        return self.sign(claims(**changed))

    def sign(self, document: dict[str, Any], **headers: Any) -> str:
        """Any claims at all."""
        return jwt.encode(document, self.key, self.algorithm, {"kid": self.key_id, **headers})


def claims(**changed: Any) -> dict[str, Any]:
    """Those of a bound token, with a lifetime of an hour."""
    now = int(time.time())
    bound = {"namespace": "shop", "serviceaccount": {"name": "web", "uid": "uid-web"}, "pod": {"name": "web-0"}}
    usual = {
        "aud": [AUDIENCE], "iss": ISSUER, "sub": "system:serviceaccount:shop:web", "jti": "one",
        "iat": now, "nbf": now, "exp": now + 3600, "kubernetes.io": bound,
    }  # fmt: skip
    return {name: value for name, value in {**usual, **changed}.items() if value is not None}
