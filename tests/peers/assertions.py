"""Assertions as the gateway signs them, for tests that speak to Node-RED without a gateway in between."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

ISSUER = "http://localhost:8080"
AUDIENCE = "an-instance"
HEADER = "X-Flowward-Assertion"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A key of its own, and what makes an instance trust it."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def settings_module(self, folder: Path) -> Path:
        """A CommonJS file with the `flowward` and `adminAuth` settings, as a snippet of the gateway has them."""
        jwk = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key()))
        trust = {"issuer": ISSUER, "audience": AUDIENCE, "jwks": {"keys": [{**jwk, "kid": "test", "alg": "ES256"}]}}
        module = folder / "flowward.settings.js"
        module.write_text(
            f"const flowward = {json.dumps(trust)}\n"
            "module.exports = { flowward,"
            " adminAuth: require('node-red-dashboard-2-flowward/admin-auth')(flowward) }\n"
        )
        return module

    def assertion(self, username: str, **claims: object) -> str:
        """A signed assertion about `username`, good for a minute; `claims` add to the usual ones or replace them."""
        now = int(time.time())
        usual = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": f"u-{username}",
            "username": username,
            "name": username.title(),
            "role": "member",
            "provider": "local",
            "session": f"s-{username}",
            "use": "http",
            "iat": now,
            "exp": now + 60,
        }
        return jwt.encode({**usual, **claims}, self.key, algorithm="ES256", headers={"kid": "test"})
