"""An issuer of tokens that does as a test says: it signs whatever it is told, and answers well or badly."""

import asyncio
import base64
import hashlib
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from urllib.parse import parse_qsl

import jwt
from aiohttp import ClientSession, DummyCookieJar, web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from auth_plugins import Kit
from auth_plugins.testkit import Time, kit
from proxy.web.outside import Outside
from tests.peers.ports import free_port

CLIENT = "flowward"
SECRET = "a secret: of the client%"
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def key(name: str, kind: str = "RS256") -> Key:
    """A private key that stays the same under its name for as long as the tests run."""
    return _key(name, kind)


@cache
def _key(name: str, kind: str) -> Key:
    match kind[:2]:
        case "ES":
            curve = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}[kind]
            return ec.generate_private_key(curve)
        case "Ed":
            return ed25519.Ed25519PrivateKey.generate()
        case _:
            return rsa.generate_private_key(65537, 1024 if name == "weak" else 2048)


def public(name: str, kind: str = "RS256", **more: object) -> dict[str, object]:
    """Its public half as a JWK."""
    half = key(name, kind).public_key()
    match half:
        case rsa.RSAPublicKey():
            described = RSAAlgorithm.to_jwk(half, as_dict=True)
        case ec.EllipticCurvePublicKey():
            described = ECAlgorithm.to_jwk(half, as_dict=True)
        case _:
            described = OKPAlgorithm.to_jwk(half, as_dict=True)
    return {**described, "kid": name, "use": "sig", **more}


def pem(name: str) -> bytes:
    return key(name).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def encoded(part: bytes | str | Mapping[str, object]) -> str:
    """One part of a token."""
    text = part if isinstance(part, bytes | str) else json.dumps(part)
    return base64.urlsafe_b64encode(text.encode() if isinstance(text, str) else text).rstrip(b"=").decode()


def half_hash(token: str) -> str:
    """`at_hash` of an access token beside RS256 or ES256."""
    return encoded(hashlib.sha256(token.encode()).digest()[:16])


@dataclass(kw_only=True)
class Issuer:
    """What it says can be changed at any time; `asked` counts the requests to each path."""

    port: int = field(default_factory=free_port)
    clock: Time = field(default_factory=lambda: Time(float(int(time.time()))))
    """Of the issuer and of the plugin that a test builds."""
    keys: list[dict[str, object]] = field(default_factory=lambda: [public("one")])
    metadata: dict[str, object] = field(default_factory=dict)
    """Over what discovery would say; None leaves out."""
    claims: dict[str, object] = field(default_factory=dict)
    """Over what the id token would say; None leaves out."""
    userinfo: dict[str, object] = field(default_factory=lambda: {"sub": "u1", "groups": ["engineers"]})
    granted: dict[str, object] = field(default_factory=dict)
    """Over what the token endpoint would answer; None leaves out."""
    status: int = 200
    """Of the token endpoint."""
    answers: dict[str, Callable[[], web.StreamResponse]] = field(default_factory=dict)
    """Answers in the place of what is at a path."""
    silent: set[str] = field(default_factory=set)
    """Paths that are never answered."""
    asked: dict[str, int] = field(default_factory=dict)
    heard: list[dict[str, str]] = field(default_factory=list)
    """Forms posted to the token endpoint, with the Authorization that came along."""
    nonce: str = ""

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def document(self) -> dict[str, object]:
        said: dict[str, object] = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/auth",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "end_session_endpoint": f"{self.url}/end",
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            "backchannel_logout_supported": True,
        }
        return present({**said, **self.metadata})

    def id_claims(self) -> dict[str, object]:
        """What an id token says of a sound login."""
        now = int(self.clock.now)
        said: dict[str, object] = {
            "iss": self.url,
            "sub": "u1",
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": self.nonce,
            "sid": "s1",
            "preferred_username": "ada",
            "email": "ada@acme.example",
            "email_verified": True,
        }
        return present({**said, **self.claims})

    def token(self, claims: Mapping[str, object], name: str = "one", kind: str = "RS256", **header: object) -> str:
        """A token signed by one of its keys."""
        said = {"kid": name, **header}
        return jwt.encode(dict(claims), key(name, kind), algorithm=kind, headers=present(said))  # type: ignore[arg-type]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        self.asked[path] = self.asked.get(path, 0) + 1
        if path in self.silent:
            await asyncio.Event().wait()
        if path in self.answers:
            return self.answers[path]()
        if path == "/token":
            form = dict(parse_qsl(await request.text(), keep_blank_values=True))
            self.heard.append({**form, "authorization": request.headers.get("Authorization", "")})
            return web.json_response(self._grant(), status=self.status)
        known = {
            "/.well-known/openid-configuration": self.document(),
            "/jwks": {"keys": self.keys},
            "/userinfo": self.userinfo,
        }
        return web.json_response(known[path]) if path in known else web.Response(status=404)

    def _grant(self) -> dict[str, object]:
        if self.status != 200:
            return self.granted
        said = {"access_token": "an access token", "token_type": "Bearer", "id_token": self.token(self.id_claims())}
        return present({**said, **self.granted})


def present(values: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


@asynccontextmanager
async def running(issuer: Issuer) -> AsyncIterator[Issuer]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", issuer.answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", issuer.port).start()
        yield issuer
    finally:
        await runner.cleanup()


@asynccontextmanager
async def outside(issuer: Issuer) -> AsyncIterator[Kit]:
    """A plugin's kit whose requests go out as the gateway's do, and whose clock is the issuer's."""
    async with ClientSession(cookie_jar=DummyCookieJar()) as session:
        yield replace(kit(now=issuer.clock, fetch=Outside(session)), offload=asyncio.to_thread)
