"""Tokens of an issuer: its public keys, and what a JWT must be to count (RFC 7519, RFC 8725)."""

import re
from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from jwt import PyJWK, PyJWS
from jwt.exceptions import PyJWTError

from auth_plugins.claims import Claims, parsed
from auth_plugins.contract import Kit
from auth_plugins.provider_calls import fetched
from auth_plugins.remembered import Remembered
from auth_plugins.values import Refused, Unavailable
from config.base import Listing

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures by a key pair alone: no secret that is shared could be mistaken for a public key, or the other way round."""
Algorithms = Listing[Algorithm]

LEEWAY: Final = 30.0
"""Seconds by which a provider's clock may differ from ours."""
INTERVAL: Final = 10.0
"""Seconds between two requests for keys that tokens with an unknown `kid` cause, however many come."""
LONGEST: Final = 32 * 1024
MOST_KEYS: Final = 100
FEWEST_BITS: Final = 2048
"""Of an RSA key (RFC 7518 section 3.3)."""
_FAMILIES: Final[Mapping[str, tuple[str, str | None]]] = {
    **{f"{family}{bits}": ("RSA", None) for family in ("RS", "PS") for bits in (256, 384, 512)},
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
}
"""Algorithm -> the type and curve of its keys: a key serves no other."""
_JWT: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]*", re.ASCII)

Source = Callable[[], Awaitable[bytes]]
"""Where a key set comes from; raises Unavailable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """What a token must say of itself."""

    issuer: str
    audience: Sequence[str]
    """One of these."""
    types: frozenset[str] = frozenset({"", "jwt"})
    """What `typ` may be, lower-case, without `application/`: a token for one purpose is none for another."""
    expires: bool = True
    """Whether it must say when it ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A token that holds."""

    claims: Claims
    algorithm: str


def published(kit: Kit, where: Callable[[], Awaitable[str]]) -> Source:
    """Keys at an address of the provider."""

    async def source() -> bytes:
        return (await fetched(kit, await where())).body

    return source


def filed(kit: Kit, path: Path) -> Source:
    """Keys in a file, for issuers that cannot be reached."""

    async def source() -> bytes:
        try:
            return await kit.offload(path.read_bytes)
        except OSError as error:
            raise Unavailable("keys_unreadable", f"{path}: {error.strerror}") from error

    return source


class KeySet:
    """The keys of one issuer for a fixed list of algorithms; kept while the issuer is away."""

    def __init__(self, source: Source, algorithms: Sequence[Algorithm], now: Callable[[], float]) -> None:
        self.algorithms = tuple(algorithms)
        self._source = source
        self._kept = Remembered(self._ask, now)

    async def key(self, kid: str | None, algorithm: str) -> PyJWK:
        """The key of this name, only ever from the issuer's own set. Raises Refused and Unavailable."""
        found = _chosen(await self._kept.get(), kid, algorithm)
        if found is None:
            found = _chosen(await self._kept.renewed(INTERVAL), kid, algorithm)
        if found is not None:
            return found
        named = f"named {kid[:64]!r}" if kid is not None else "that the token need not name"
        raise Refused("token_key_unknown", f"the issuer has no {algorithm} key {named}")

    async def usable(self) -> tuple[str, ...]:
        """The algorithms for which there are keys now. Raises Unavailable."""
        return tuple(algorithm for name, algorithm in await self._kept.renewed(INTERVAL) if name is None)

    async def _ask(self) -> "Keys":
        return _keys(await self._source(), self.algorithms)


Keys = Mapping[tuple[str | None, str], Sequence[PyJWK]]
"""By name, or None for all, and algorithm."""


def _chosen(keys: Keys, kid: str | None, algorithm: str) -> PyJWK | None:
    found = keys.get((kid, algorithm), ())
    return found[0] if len(found) == 1 else None


def _keys(text: bytes, algorithms: Sequence[str]) -> Keys:
    try:
        listed = parsed(text).at("keys")
    except ValueError as error:
        raise Unavailable("keys_nonsense", f"the key set cannot be read: {error}") from error
    if not isinstance(listed, list) or len(listed) > MOST_KEYS:
        raise Unavailable("keys_nonsense", f"a key set lists up to {MOST_KEYS} keys, and this does not")
    keys: dict[tuple[str | None, str], list[PyJWK]] = {}
    for each, algorithm in ((each, algorithm) for each in listed for algorithm in algorithms):
        if isinstance(each, dict) and (key := _key(each, algorithm)) is not None:
            for name in {None, key.key_id}:
                keys.setdefault((name, algorithm), []).append(key)
    return keys


def _key(described: dict[str, object], algorithm: str) -> PyJWK | None:
    """The key, where it is one for this algorithm; private and secret keys have no business in a public set."""
    kind, curve = _FAMILIES[algorithm]
    kid, meant, operations = described.get("kid"), described.get("use", "sig"), described.get("key_ops", ["verify"])
    fits = (
        described.get("kty") == kind
        and curve in (None, described.get("crv"))
        and described.get("alg", algorithm) == algorithm
        and meant == "sig"
        and isinstance(operations, list)
        and "verify" in operations
        and (kid is None or isinstance(kid, str))
        and "d" not in described
    )
    try:
        key = PyJWK.from_dict(described, algorithm) if fits else None
    except (PyJWTError, AttributeError, TypeError, ValueError):
        return None
    return key if key is not None and getattr(key.key, "key_size", FEWEST_BITS) >= _least_bits(kind) else None


def _least_bits(kind: str) -> int:
    return FEWEST_BITS if kind == "RSA" else 0


async def verified(token: str, keys: KeySet, demands: Demands, now: float) -> Verified:
    """The claims of a token that holds. Raises Refused with what is wrong, Unavailable where there are no keys."""
    header = header_of(token)
    algorithm = header.at("alg")
    if not isinstance(algorithm, str) or algorithm not in keys.algorithms:
        allowed = ", ".join(keys.algorithms)
        raise Refused(
            "token_algorithm", f"it is signed with {str(algorithm)[:32]!r}; accepted from the issuer: {allowed}"
        )
    key = await keys.key(_kid(header), algorithm)
    _check_type(header, demands)
    try:
        payload = PyJWS().decode(token, key, algorithms=[algorithm])
    except (PyJWTError, ValueError) as error:
        raise Refused("token_signature", "its signature is not the issuer's") from error
    claims = _object(payload, "claims")
    _check_parties(claims, demands)
    _check_times(claims, demands, now)
    return Verified(claims=claims, algorithm=algorithm)


def header_of(token: str) -> Claims:
    """The header of a token, unproven. Raises Refused where it is none, or where it names keys of its own."""
    if len(token) > LONGEST:
        raise Refused("token_too_long", f"it has {len(token)} characters; {LONGEST} are the limit")
    if (found := _JWT.fullmatch(token)) is None:
        raise Refused("token_malformed", "it is not three parts of base64url with dots between them")
    header = _object(_decoded(found[1]), "header")
    # Neither a key inside the token nor one at an address it names is ever looked at (RFC 8725 sections 3.9 and 3.10).
    if own := [name for name in ("jwk", "jku", "x5u") if name in header.values]:
        raise Refused("token_brings_key", f"its header names a key of its own by {', '.join(own)}")
    if "crit" in header.values or "b64" in header.values:
        raise Refused("token_critical", "its header asks for extensions, and none is known here")
    return header


def unproven(token: str) -> Claims:
    """What a token says before its signature is looked at: good for choosing who is to judge it. Raises Refused."""
    if len(token) > LONGEST or (found := _JWT.fullmatch(token)) is None:
        raise Refused("token_malformed", "it is no token")
    return _object(_decoded(found[2]), "claims")


def _kid(header: Claims) -> str | None:
    kid = header.at("kid")
    if kid is not None and not isinstance(kid, str):
        raise Refused("token_key_unknown", "its kid is not a text")
    return kid


def _check_type(header: Claims, demands: Demands) -> None:
    kind = header.text("typ").lower().removeprefix("application/")
    if kind not in demands.types:
        accepted = ", ".join(sorted(filter(None, demands.types)))
        raise Refused("token_type", f"its typ is {kind[:32]!r}; accepted here: {accepted}")


def _check_parties(claims: Claims, demands: Demands) -> None:
    issuer, audience = claims.at("iss"), claims.at("aud")
    if issuer != demands.issuer:
        raise Refused("token_issuer", f"its iss is {str(issuer)[:200]!r}, and must be {demands.issuer!r}")
    meant = [audience] if isinstance(audience, str) else audience
    if not isinstance(meant, list) or not any(each in demands.audience for each in meant if isinstance(each, str)):
        raise Refused(
            "token_audience", f"its aud is {str(audience)[:200]!r}, and must be {' or '.join(demands.audience)}"
        )


def _check_times(claims: Claims, demands: Demands, now: float) -> None:
    issued, expires, begins = claims.number("iat"), claims.number("exp"), claims.number("nbf")
    if issued is None or (expires is None and demands.expires):
        raise Refused("token_claim_missing", f"it does not say {'iat' if issued is None else 'exp'}")
    if expires is not None and expires <= now - LEEWAY:
        raise Refused("token_expired", f"it expired {now - expires:.0f} s ago")
    if issued > now + LEEWAY:
        raise Refused("token_from_future", f"it was issued {issued - now:.0f} s from now: compare the clocks")
    if begins is not None and begins > now + LEEWAY:
        raise Refused("token_early", f"it begins {begins - now:.0f} s from now: compare the clocks")


def _decoded(part: str) -> bytes:
    try:
        return urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError as error:
        raise Refused("token_malformed", "a part of it is not base64url") from error


def _object(text: bytes, part: str) -> Claims:
    try:
        return parsed(text)
    except ValueError as error:
        raise Refused("token_malformed", f"its {part} cannot be read: {error}") from error
