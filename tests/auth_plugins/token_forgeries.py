"""Tokens that nobody may take: each with what is wrong in it, and the code it must be refused with."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Final

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.peers.issuer import CLIENT, Issuer, encoded, key, pem, present, public

Forgery = Callable[[Issuer], str]


def said(issuer: Issuer, **over: object) -> dict[str, object]:
    return present({**issuer.id_claims(), **over})


def signed(**over: object) -> Forgery:
    """By the right key, and wrong in what it says."""
    return lambda issuer: issuer.token(said(issuer, **over))


def after(seconds: float, claim: str) -> Forgery:
    return lambda issuer: issuer.token(said(issuer, **{claim: issuer.clock.now + seconds}))


def headed(**header: object) -> Forgery:
    """By the right key, with this in its header."""
    return lambda issuer: issuer.token(said(issuer), **header)


def foreign(kid: object = "one", **header: object) -> Forgery:
    """By somebody else's key."""
    return lambda issuer: jwt.encode(
        said(issuer), key("foreign"), algorithm="RS256", headers=present({"kid": kid, **header})
    )  # type: ignore[arg-type]


def signature(name: str, signing: str) -> bytes:
    by = key(name)
    assert isinstance(by, rsa.RSAPrivateKey)
    return by.sign(signing.encode(), padding.PKCS1v15(), hashes.SHA256())


def raw(header: bytes | str | Mapping[str, object], claims: bytes | str | None = None) -> Forgery:
    """Put together by hand and signed by the right key over what results."""

    def forge(issuer: Issuer) -> str:
        text = json.dumps(said(issuer)) if claims is None else claims
        signing = f"{encoded(header)}.{encoded(text)}"
        return f"{signing}.{encoded(signature('one', signing))}"

    return forge


RSA: Final = {"alg": "RS256", "kid": "one"}


def unsigned(alg: str) -> Forgery:
    return lambda issuer: f"{encoded({'alg': alg, 'kid': 'one'})}.{encoded(said(issuer))}."


def confused(secret: Callable[[Issuer], bytes], alg: str = "HS256") -> Forgery:
    """Signed with HMAC, with the public key for its secret (CVE-2015-9235)."""

    def forge(issuer: Issuer) -> str:
        signing = f"{encoded({'alg': alg, 'kid': 'one'})}.{encoded(said(issuer))}"
        return f"{signing}.{encoded(hmac.digest(secret(issuer), signing.encode(), 'sha256'))}"

    return forge


def null_signature(raw_signature: bytes) -> Forgery:
    """ECDSA with r and s of nothing, which some libraries took for any text (CVE-2022-21449)."""
    return lambda issuer: (
        f"{encoded({'alg': 'ES256', 'kid': 'curve'})}.{encoded(said(issuer))}.{encoded(raw_signature)}"
    )


def torn(change: Callable[[str], str]) -> Forgery:
    """A sound token, damaged."""
    return lambda issuer: change(issuer.token(said(issuer)))


def payload_swapped(token: str) -> str:
    header, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return f"{header}.{encoded({**claims, 'sub': 'root'})}.{signature}"


def bit_flipped(token: str) -> str:
    head, _, signature = token.rpartition(".")
    return f"{head}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"


def embedded(issuer: Issuer) -> str:
    """Its own public key in its header (CVE-2018-0114)."""
    return foreign(jwk=public("foreign"))(issuer)


def twice(claims: str) -> Forgery:
    """The same claim twice: the first is sound, the last is not, and readers differ."""
    return lambda issuer: raw(RSA, json.dumps(said(issuer))[:-1] + claims)(issuer)


FORGERIES: Final[Mapping[str, tuple[str, Forgery]]] = {
    "none": ("token_algorithm", unsigned("none")),
    "None": ("token_algorithm", unsigned("None")),
    "NONE": ("token_algorithm", unsigned("NONE")),
    "empty algorithm": ("token_algorithm", unsigned("")),
    "no algorithm": ("token_algorithm", raw({"kid": "one"})),
    "algorithm as a list": ("token_algorithm", raw({"alg": ["RS256"], "kid": "one"})),
    "algorithm of an allowed family but not allowed": ("token_algorithm", headed(alg="RS512")),
    "RS256 with the signature left out": ("token_signature", unsigned("RS256")),
    "HMAC with the public key as PEM": ("token_algorithm", confused(lambda _: pem("one"))),
    "HMAC with the public key as JWK": ("token_algorithm", confused(lambda _: json.dumps(public("one")).encode())),
    "HMAC with the client's secret": ("token_algorithm", confused(lambda _: b"a secret: of the client%")),
    "HMAC with nothing": ("token_algorithm", confused(lambda _: b"")),
    "HMAC that says RS256": ("token_signature", confused(lambda _: pem("one"), "RS256")),
    "another's key under the issuer's name for it": ("token_signature", foreign()),
    "another's key under its own name": ("token_key_unknown", foreign("foreign")),
    "another's key without a name": ("token_signature", foreign(None)),
    "key embedded": ("token_brings_key", embedded),
    "key at an address": ("token_brings_key", foreign(jku="http://localhost:1/jwks")),
    "key at the issuer's own address": ("token_brings_key", lambda issuer: headed(jku=f"{issuer.url}/jwks")(issuer)),
    "certificate at an address": ("token_brings_key", foreign(x5u="http://localhost:1/c.pem")),
    "certificate embedded": ("token_signature", foreign(x5c=["MIIB"])),
    "kid as a path": ("token_key_unknown", foreign("../../../../dev/null")),
    "kid as an absolute path": ("token_key_unknown", foreign("/proc/self/environ")),
    "kid as an address": ("token_key_unknown", foreign("http://localhost:1/key")),
    "kid as SQL": ("token_key_unknown", foreign("x' UNION SELECT 'secret")),
    "kid as a command": ("token_key_unknown", foreign("| id")),
    "kid with a null": ("token_key_unknown", foreign("one\x00")),
    "kid as a number": ("token_key_unknown", raw({"alg": "RS256", "kid": 1})),
    "kid as a list": ("token_key_unknown", raw({"alg": "RS256", "kid": ["one"]})),
    "kid of a key for another algorithm": ("token_key_unknown", raw({"alg": "RS256", "kid": "curve"})),
    "kid of a key for encryption": ("token_key_unknown", lambda issuer: issuer.token(said(issuer), "sealing")),
    "kid of a key that is too short": ("token_key_unknown", raw({"alg": "RS256", "kid": "weak"})),
    "kid of a shared secret in the set": ("token_key_unknown", raw({"alg": "RS256", "kid": "shared"})),
    "null ECDSA signature": ("token_signature", null_signature(bytes(64))),
    "null ECDSA signature as DER": ("token_signature", null_signature(b"\x30\x06\x02\x01\x00\x02\x01\x00")),
    "no ECDSA signature": ("token_signature", null_signature(b"")),
    "claims of another token": ("token_signature", torn(payload_swapped)),
    "signature damaged": ("token_signature", torn(bit_flipped)),
    "signature cut": ("token_signature", torn(lambda token: token[:-8])),
    "four parts": ("token_malformed", torn(lambda token: f"{token}.e30")),
    "encrypted": ("token_malformed", torn(lambda _: "e30.AA.AA.AA.AA")),
    "padded": ("token_malformed", torn(lambda token: f"{token}=")),
    "a line end at its end": ("token_malformed", torn(lambda token: f"{token}\n")),
    "spaces": ("token_malformed", torn(lambda token: token.replace(".", " . ", 1))),
    "standard base64": ("token_malformed", torn(lambda token: f"{token}+/")),
    "unicode": ("token_malformed", torn(lambda token: f"{token}\u0661")),
    "empty": ("token_malformed", torn(lambda _: "")),
    "huge": ("token_too_long", signed(padding="x" * 40_000)),
    "header that is no JSON": ("token_malformed", raw("alg: RS256")),
    "header that is a list": ("token_malformed", raw("[]")),
    "header with the algorithm twice": ("token_malformed", raw('{"alg":"none","kid":"one","alg":"RS256"}')),
    "claims that are a list": ("token_malformed", raw(RSA, "[]")),
    "claims that are no JSON": ("token_malformed", raw(RSA, "sub=root")),
    "claims nested without end": ("token_malformed", raw(RSA, '{"a":' + "[" * 10_000)),
    "audience twice": ("token_malformed", twice(', "aud": "x"}')),
    "subject twice": ("token_malformed", twice(', "sub": "root"}')),
    "expiry twice": ("token_malformed", twice(', "exp": 99999999999}')),
    "expiry as no number of JSON": ("token_malformed", twice(', "more": NaN}')),
    "extensions that must be understood": ("token_critical", headed(crit=["exp"], exp=1)),
    "payload that is not encoded": ("token_critical", raw({**RSA, "b64": False})),
    "a logout token": ("token_type", headed(typ="logout+jwt")),
    "an access token": ("token_type", headed(typ="at+jwt")),
    "a type that is no text": ("claim_malformed", raw({**RSA, "typ": ["JWT"]})),
    "no issuer": ("token_issuer", signed(iss=None)),
    "another issuer": ("token_issuer", signed(iss="https://evil.example")),
    "issuer with a slash more": ("token_issuer", lambda issuer: signed(iss=f"{issuer.url}/")(issuer)),
    "issuer as a list": ("token_issuer", lambda issuer: raw(RSA, json.dumps(said(issuer, iss=[issuer.url])))(issuer)),
    "no audience": ("token_audience", signed(aud=None)),
    "another client's": ("token_audience", signed(aud="other")),
    "audience that begins like ours": ("token_audience", signed(aud=f"{CLIENT}-test")),
    "audience as nobody": ("token_audience", signed(aud=[])),
    "audience of numbers": ("token_audience", signed(aud=[1, None, {}])),
    "audience as an object": ("token_audience", signed(aud={CLIENT: True})),
    "no expiry": ("token_claim_missing", signed(exp=None)),
    "expired": ("token_expired", after(-31, "exp")),
    "expired long ago": ("token_expired", signed(exp=0)),
    "expiry as text": ("claim_malformed", signed(exp="99999999999")),
    "expiry as a boolean": ("claim_malformed", signed(exp=True)),
    "expiry as a list": ("claim_malformed", signed(exp=[99999999999])),
    "expiry beyond all numbers": ("claim_malformed", signed(exp=10**30)),
    "no time of issue": ("token_claim_missing", signed(iat=None)),
    "time of issue as text": ("claim_malformed", signed(iat="1")),
    "issued in the future": ("token_from_future", after(31, "iat")),
    "not yet": ("token_early", after(31, "nbf")),
    "not before, as text": ("claim_malformed", signed(nbf="0")),
}


def keys_of_all_kinds() -> list[dict[str, object]]:
    """What an issuer might publish beside its key; nothing of it may be of use to a forger."""
    shared = {"kty": "oct", "kid": "shared", "k": encoded(hashlib.sha256(b"x").digest()), "alg": "HS256"}
    return [
        public("one"),
        public("curve", "ES256"),
        public("sealing", use="enc"),
        public("weak"),
        shared,
    ]
