"""Passwords of local accounts: argon2id, with the least parameters OWASP's password storage cheat sheet recommends."""

import base64
import unicodedata
from typing import Final

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

LONGEST: Final = 128
"""Characters; what is longer is never hashed, so that nobody can buy work with a long request."""
SHORTEST: Final = 8

_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)

# The same parameters over a digest of zeros, which no password has: verifying against it costs the same and fails.
NOBODY: Final = "$argon2id$v=19$m={},t={},p={}${}${}".format(
    _HASHER.memory_cost,
    _HASHER.time_cost,
    _HASHER.parallelism,
    *(base64.b64encode(bytes(size)).decode().rstrip("=") for size in (_HASHER.salt_len, _HASHER.hash_len)),
)


def hash_password(password: str) -> str:
    """The hash to keep. Takes some 20 ms of a core: run it beside the loop."""
    if len(password) > LONGEST:
        raise ValueError(f"a password has at most {LONGEST} characters, this one {len(password)}")
    return _HASHER.hash(_bytes(password))


def verify(password: str, kept: str | None) -> bool:
    """Whether the password has this hash. Costs the same where there is no hash, or the password is too long."""
    sound = kept is not None and len(password) <= LONGEST
    try:
        _HASHER.verify(kept if sound and kept is not None else NOBODY, _bytes(password[:LONGEST]))
    except (VerificationError, InvalidHashError):
        return False
    return sound


def needs_rehash(kept: str) -> bool:
    """Whether a hash was made with other parameters than today's."""
    return _HASHER.check_needs_rehash(kept)


def _bytes(password: str) -> bytes:
    # RFC 8265 section 4.2.2: the same password typed on another keyboard may be composed differently; NFC makes it one.
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
