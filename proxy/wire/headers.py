"""Field names: what is passed on, what is noted for the gate, what never comes in from outside.

Treatments are remembered per spelling, so that a field costs one dict look-up on the hot path.
"""

import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

Treatment = bytes | str | None
"""bytes: pass the field on, this is how its line starts; str: note it under this name; None: drop it."""

NOTED: Final = frozenset(
    {
        b"authorization",
        b"connection",
        b"content-length",
        b"cookie",
        b"expect",
        b"host",
        b"origin",
        b"service-worker",
        b"transfer-encoding",
        b"upgrade",
        b"x-forwarded-for",
        b"x-forwarded-proto",
    }
)
"""Fields of a request that the gate or the lanes look at."""

JOINABLE: Final = {"cookie": b"; ", "connection": b", ", "x-forwarded-for": b", ", "upgrade": b", "}
"""Noted fields that may come more than once, and what joins them (RFC 9110 section 5.3, RFC 6265 section 5.4)."""

# RFC 9110 section 7.6.1, and what others of its kind are known to need.
HOP_BY_HOP: Final = frozenset(
    {
        b"http2-settings",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authentication-info",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
    }
)

# One rule for every preset: a name that any identity preset or proxy convention sets never comes in from outside.
_OURS: Final = re.compile(
    rb"(?:remote|x-authentik|cf|x-auth-request|x-portal|x-flowward|x-forwarded|x-original|x-token-user)(?:-.*)?"
    rb"|forwarded|x-real-ip|via|x-pomerium-jwt-assertion|teleport-jwt-assertion"
)

RESPONSE_NOTED: Final = frozenset(
    {b"connection", b"content-length", b"content-type", b"location", b"set-cookie", b"transfer-encoding", b"upgrade"}
)

# A worker that may claim the whole host could read the one-time code of the login. Clearing cookies clears those of all
# hosts under one registrable domain (W3C Clear Site Data): an instance could log visitors out of its siblings.
_POWERS: Final = frozenset({b"service-worker-allowed", b"clear-site-data"})

_SPELLINGS_REMEMBERED: Final = 4096
_LONGEST_REMEMBERED: Final = 64


class Treatments(dict[bytes, Treatment]):
    """Field name as spelled -> its treatment. Spellings are remembered up to a bound, since clients choose them."""

    def __init__(self, rule: Callable[[bytes], Treatment]) -> None:
        super().__init__()
        self._rule = rule

    def __missing__(self, name: bytes) -> Treatment:
        treatment = self._rule(name)
        if len(self) < _SPELLINGS_REMEMBERED and len(name) <= _LONGEST_REMEMBERED:
            self[name] = treatment
        return treatment


def canonical(name: bytes) -> bytes:
    """The name as a server may come to read it: many map `-` and `_` to the same variable."""
    return name.lower().replace(b"_", b"-")


def request_treatment(name: bytes, credentials: frozenset[bytes] = frozenset()) -> Treatment:
    """How a field of a request is treated, by its name alone. `credentials`: further names, noted for who can read them."""
    plain = canonical(name)
    if plain in NOTED or plain in credentials:
        return plain.decode() if b"_" not in name else None  # content_length is nobody's friend
    if plain in HOP_BY_HOP or _OURS.fullmatch(plain):
        return None
    return b"\r\n" + name + b": "


def response_treatment(name: bytes) -> Treatment:
    """How a field of a response is treated, by its name alone."""
    plain = name.lower()
    if plain in RESPONSE_NOTED:
        return plain.decode()
    if plain in HOP_BY_HOP or plain in _POWERS or plain.startswith(b"x-flowward-"):
        return None
    return b"\r\n" + name + b": "


def treatments(credentials: frozenset[str]) -> Treatments:
    """How fields of requests are treated where these hold credentials: no instance gets to see them."""
    names = frozenset(name.encode() for name in credentials)
    return Treatments(partial(request_treatment, credentials=names)) if names else REQUEST


REQUEST: Final = Treatments(request_treatment)
RESPONSE: Final = Treatments(response_treatment)


def without_nominated(lines: list[bytes], connection: bytes) -> list[bytes]:
    """The lines (start, value, start, value, ...) less those that Connection names (RFC 9110 section 7.6.1).

    Only what came from outside is looked at: Connection can never remove a field the gateway sets.
    """
    named = {option.strip() for option in canonical(connection).split(b",")}
    kept: list[bytes] = []
    for at in range(0, len(lines), 2):
        if canonical(lines[at][2:-2]) not in named:
            kept += lines[at : at + 2]
    return kept


def value_of(lines: list[bytes], name: bytes) -> bytes | None:
    """The first value of a passed-on field, by its lower-case name."""
    for at in range(0, len(lines), 2):
        if lines[at][2:-2].lower() == name:
            return lines[at + 1]
    return None


def as_text(value: bytes) -> str:
    """A field's value for who writes text as UTF-8, aiohttp for one, and would leave out all that is not.

    A value that is not UTF-8 is taken for ISO 8859-1, as it was once: no byte is lost, so no other value comes of it.
    """
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


FIELDS_LIMIT: Final = 100


class BadFields(ValueError):
    """Fields that a request may not have; args[0] says which and why."""


def note(noted: dict[str, bytes], name: str, value: bytes) -> bool:
    """Note a field; True if it joined one that was there. Raises BadFields where there can be only one."""
    known = noted.get(name)
    if known is None:
        noted[name] = value
        return False
    joint = JOINABLE.get(name)
    if joint is None:
        raise BadFields(f"a request has at most one {name} field")
    noted[name] = known + joint + value
    return True


def treated(
    fields: Iterable[tuple[bytes, bytes]], treatment_of: Treatments = REQUEST
) -> tuple[list[bytes], dict[str, bytes]]:
    """The lines to pass on and the noted fields of a whole head. Raises BadFields."""
    lines: list[bytes] = []
    noted: dict[str, bytes] = {}
    for count, (name, value) in enumerate(fields, 1):
        if count > FIELDS_LIMIT:
            raise BadFields(f"a head has at most {FIELDS_LIMIT} fields")
        treatment = treatment_of[name]
        if isinstance(treatment, bytes):
            lines += (treatment, value)
        elif treatment is not None:
            note(noted, treatment, value)
    return lines, noted
