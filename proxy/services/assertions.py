"""Signing what instances are told about who is there."""

from collections.abc import Callable, Mapping

import jwt

from config.keys import Keys


class Signer:
    """Signs assertions with the key whose time it is (ES256, RFC 7518 section 3.4), and says which keys to trust."""

    def __init__(self, keys: Keys, now: Callable[[], float]) -> None:
        self.keys = keys
        """Replaced when keys are rotated."""
        self._now = now

    def sign(self, claims: Mapping[str, object]) -> bytes:
        """A compact JWS of the claims (RFC 7515)."""
        key = self.keys.current(self._now())
        return jwt.encode(dict(claims), key.private_key, algorithm="ES256", headers={"kid": key.kid}).encode()

    def jwks(self) -> Mapping[str, object]:
        return self.keys.jwks(self._now())
