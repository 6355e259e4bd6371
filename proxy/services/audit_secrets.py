"""What never appears on the audit log, whoever tells it: values under names of secrets, and values that look like one."""

import re
from collections.abc import Collection, Mapping
from enum import Enum
from math import isfinite
from typing import Final

from proxy.model.access import Role

HIDDEN: Final = "(not shown)"

# The last word of a name says what it holds: of `basic_password_hash` the hash, of `password_expired` whether it is.
_SECRET: Final = frozenset(
    {"authorization", "bearer", "cookie", "credential", "csrf", "env", "environment", "key", "pin", "assertion"}
)
_ENDS: Final = ("apikey", "hash", "passphrase", "passwd", "password", "secret", "token")
_DESCRIBED: Final = frozenset({"key", "token"})
"""Names of mappings that describe a secret: its own names say what in there is one."""
_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
# Password hashes, tokens of ours, JWTs, and the userinfo of an address (RFC 3986 section 3.2.1).
_LOOKS_SECRET: Final = re.compile(
    r"\$argon2\S+|\bfw[phs]_[\w-]{8,}|\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*|(?<=://)[^/@\s]+(?=@)", re.ASCII
)


def plain(value: object, name: str = "") -> object:
    """A value under a name as JSON has it and anybody may read it."""
    word = _last_word(name).removesuffix("s")
    secret = word in _SECRET or word.endswith(_ENDS)
    if isinstance(value, Mapping) and (not secret or word in _DESCRIBED):
        return {readable(str(key)): plain(inner, str(key)) for key, inner in value.items()}
    return _veiled(value) if secret else _shown(value)


def _shown(value: object) -> object:
    match value:
        case Role():
            return value.label
        case Enum():
            return value.value
        case None | bool() | int() | float():
            return value if not isinstance(value, float) or isfinite(value) else str(value)
        case Collection() if not isinstance(value, str | bytes):
            found = [plain(inner) for inner in value]
            return sorted(found, key=str) if isinstance(value, frozenset | set) else found
        case _:
            return readable(str(value))


def readable(text: str) -> str:
    """A text that every store can keep, without what looks like a secret."""
    kept = text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    return _LOOKS_SECRET.sub(HIDDEN, kept)


def _last_word(name: str) -> str:
    words = _WORD.findall(name)
    return str(words[-1]).lower() if words else ""


def _veiled(value: object) -> object:
    """Only whether there is something; of a mapping the names."""
    match value:
        case Mapping():
            return {readable(str(key)): _veiled(inner) for key, inner in value.items()}
        case None | bool() | "":
            return value
        case _:
            return HIDDEN
