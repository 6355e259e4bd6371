"""The secrets the gateway keeps for itself: one master secret, and the keys that sign assertions."""

import base64
import hashlib
import json
import os
import secrets
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import BaseModel, ConfigDict, ValidationError

from config.problems import ConfigurationError, Problem

PUBLISHED_AHEAD = 600.0
"""Seconds a key is in the JWKS before it signs, so that every reader has fetched it by then."""

KEPT_AFTER = 600.0
"""Seconds a key stays in the JWKS after it last signed: an assertion's 60, and clocks that differ."""

_SECRET_SIZE = 32
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A P-256 key for ES256 (RFC 7518 section 3.4). It signs from `signs_from` on; at `retires` it leaves the JWKS.

    Times are Unix seconds.
    """

    kid: str
    private_key: ec.EllipticCurvePrivateKey
    created: float
    signs_from: float
    retires: float | None = None

    @classmethod
    def generate(cls, *, created: float, signs_from: float) -> Self:
        """A new key, named by its JWK thumbprint."""
        private_key = ec.generate_private_key(ec.SECP256R1())
        return cls(kid=_thumbprint(private_key), private_key=private_key, created=created, signs_from=signs_from)

    def jwk(self) -> dict[str, str]:
        """The public half as a JSON Web Key (RFC 7517)."""
        return {**_coordinates(self.private_key), "kid": self.kid, "alg": "ES256", "use": "sig"}


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _coordinates(private_key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    numbers = private_key.public_key().public_numbers()
    x, y = (_base64url(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y))
    return {"crv": "P-256", "kty": "EC", "x": x, "y": y}


def _thumbprint(private_key: ec.EllipticCurvePrivateKey) -> str:
    """RFC 7638: SHA-256 over the required members, sorted, without spaces."""
    canonical = json.dumps(_coordinates(private_key), separators=(",", ":"), sort_keys=True)
    return _base64url(hashlib.sha256(canonical.encode()).digest())


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """All secrets of a state directory, as of one moment; `rotate` and `load_or_create` give new values."""

    directory: Path
    secret: bytes
    signing: tuple[SigningKey, ...]

    def subkey(self, purpose: str) -> bytes:
        """A key of 32 bytes for one purpose alone, derived from the secret (HKDF-SHA256, RFC 5869)."""
        info = b"flowward " + purpose.encode()
        return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(self.secret)

    def current(self, now: float) -> SigningKey:
        """The key that signs now: the youngest whose time to sign has come."""
        ready = [key for key in self.signing if key.signs_from <= now]
        # A clock set back behind every key must not stop logins: then the oldest key signs, which all readers know.
        return max(ready, key=_order) if ready else min(self.signing, key=_order)

    def jwks(self, now: float) -> dict[str, list[dict[str, str]]]:
        """The published keys (RFC 7517 section 5): those that sign, will sign, or signed what may still be valid."""
        return {"keys": [key.jwk() for key in self.signing if key.retires is None or now < key.retires]}

    def rotate(self, now: float) -> "Keys":
        """Writes and returns the keys with a new one, which signs ten minutes from now; retired ones are dropped."""
        signs_from = now + PUBLISHED_AHEAD
        retires = signs_from + KEPT_AFTER
        kept = tuple(
            key if key.retires is not None else replace(key, retires=retires)
            for key in self.signing
            if key.retires is None or now < key.retires
        )
        rotated = replace(self, signing=(*kept, SigningKey.generate(created=now, signs_from=signs_from)))
        _write(_signing_path(self.directory), _dump(rotated.signing))
        return rotated


def _order(key: SigningKey) -> tuple[float, float]:
    return key.signs_from, key.created


def load_or_create(directory: Path, now: float, random: Callable[[int], bytes] = secrets.token_bytes) -> Keys:
    """The keys of a state directory, made where they are missing. Blocks.

    Raises ConfigurationError where a file is readable by others than its owner, or does not hold what it should.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _refused(directory, f"cannot be made: {error.strerror}", "Correct state.directory.") from error
    secret_path, signing_path = directory / "secret", _signing_path(directory)
    secret = _read(secret_path)
    if secret is None:
        secret = _create(secret_path, random(_SECRET_SIZE))
    if len(secret) != _SECRET_SIZE:
        raise _refused(secret_path, f"must hold {_SECRET_SIZE} bytes, but it holds {len(secret)}", _RESTORE)
    kept = _read(signing_path)
    if kept is None:
        # Nobody can hold an older key of ours, so the first one need not wait to be known.
        kept = _create(signing_path, _dump([SigningKey.generate(created=now, signs_from=now)]))
    return Keys(directory=directory, secret=secret, signing=_parse(signing_path, kept))


_RESTORE = "Restore it from a backup, or remove it to have a new one made, which logs everyone out."


def _signing_path(directory: Path) -> Path:
    return directory / "signing-keys.json"


def _refused(path: Path, message: str, remedy: str) -> ConfigurationError:
    return ConfigurationError([Problem(file=str(path), message=message, remedy=remedy)])


def _read(path: Path) -> bytes | None:
    """What a secret file holds; None where there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _refused(path, f"cannot be read: {error.strerror}", "Let the user of the gateway own it.") from error
    with os.fdopen(descriptor, "rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & _OTHERS:
            message = f"must be readable by its owner alone, but its mode is {mode:04o}"
            raise _refused(path, message, f"Run chmod 600 {path}, and rotate the keys if others could have read it.")
        return file.read()


def _create(path: Path, content: bytes) -> bytes:
    """Makes a secret file and returns what it holds: another's, where several processes start at once and one was first."""
    with suppress(FileExistsError):
        _put(path, content, os.link)
    found = _read(path)
    return content if found is None else found


def _write(path: Path, content: bytes) -> None:
    _put(path, content, os.replace)


def _put(path: Path, content: bytes, place: Callable[[Path, Path], None]) -> None:
    """Puts a secret file in place whole or not at all: written aside, made durable, then renamed or linked."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        place(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    _make_durable(path.parent)


def _make_durable(directory: Path) -> None:
    """A rename survives a power cut only once its directory is written too."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class _StoredKey(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    kid: str
    private_key: str
    created: float
    signs_from: float
    retires: float | None = None


class _StoredKeys(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    keys: tuple[_StoredKey, ...]


def _dump(signing: Sequence[SigningKey]) -> bytes:
    return _StoredKeys(keys=tuple(_stored(key) for key in signing)).model_dump_json(indent=2).encode()


def _stored(key: SigningKey) -> _StoredKey:
    pem = key.private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return _StoredKey(
        kid=key.kid,
        private_key=pem.decode(),
        created=key.created,
        signs_from=key.signs_from,
        retires=key.retires,
    )


def _parse(path: Path, content: bytes) -> tuple[SigningKey, ...]:
    try:
        keys = tuple(_signing_key(stored) for stored in _StoredKeys.model_validate_json(content).keys)
    except (ValidationError, ValueError, TypeError):
        keys = ()  # what is in it must not be shown, so one message serves for every fault
    if not any(key.retires is None for key in keys):
        raise _refused(path, "does not hold signing keys", _RESTORE)
    return keys


def _signing_key(stored: _StoredKey) -> SigningKey:
    private_key = serialization.load_pem_private_key(stored.private_key.encode(), password=None)
    if not isinstance(private_key, ec.EllipticCurvePrivateKey) or not isinstance(private_key.curve, ec.SECP256R1):
        raise TypeError("not a P-256 key")
    return SigningKey(
        kid=stored.kid,
        private_key=private_key,
        created=stored.created,
        signs_from=stored.signs_from,
        retires=stored.retires,
    )
