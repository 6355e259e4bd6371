"""Identity headers by preset: which field carries which claim. Data, so that a new plugin's names are one row.

Every name here is one that `wire.headers` strips from what clients send; a test holds the two together.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """Who the instance is told about, as plain values."""

    user_id: str
    username: str
    email: str = ""
    name: str = ""
    image: str = ""
    role: str = ""
    tenant: str = ""
    groups: tuple[str, ...] = ()
    tags: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    address: str = ""


Value = Callable[[Bearer], str]


def _comma(bearer: Bearer) -> str:
    return ",".join(bearer.groups)


def _pipe(bearer: Bearer) -> str:
    return "|".join(bearer.groups)


def _json(bearer: Bearer) -> str:
    return json.dumps(list(bearer.groups), ensure_ascii=False)


def _mail(bearer: Bearer) -> str:
    """Cloudflare Access and oauth2-proxy know people by e-mail; an account without one goes by its name."""
    return bearer.email or bearer.username


PRESETS: Final[Mapping[str, tuple[tuple[str, Value], ...]]] = MappingProxyType(
    {
        "flowward": (
            ("X-Flowward-User", lambda b: b.username),
            ("X-Flowward-Name", lambda b: b.name),
            ("X-Flowward-Email", lambda b: b.email),
            ("X-Flowward-Role", lambda b: b.role),
            ("X-Flowward-Tenant", lambda b: b.tenant),
            ("X-Flowward-Groups", _comma),
        ),
        "remote": (
            ("Remote-User", lambda b: b.username),
            ("Remote-Name", lambda b: b.name),
            ("Remote-Email", lambda b: b.email),
            ("Remote-Groups", _comma),
        ),
        "authentik": (
            ("X-authentik-uid", lambda b: b.user_id),
            ("X-authentik-username", lambda b: b.username),
            ("X-authentik-name", lambda b: b.name),
            ("X-authentik-email", lambda b: b.email),
            ("X-authentik-groups", _pipe),
        ),
        "cloudflare": (
            ("Cf-Access-Authenticated-User-Email", _mail),
            ("Cf-Connecting-Ip", lambda b: b.address),
        ),
        "oauth2-proxy": (
            ("X-Forwarded-User", lambda b: b.user_id),
            ("X-Forwarded-Email", lambda b: b.email),
            ("X-Forwarded-Preferred-Username", lambda b: b.username),
            ("X-Forwarded-Groups", _comma),
            ("X-Auth-Request-User", lambda b: b.user_id),
            ("X-Auth-Request-Email", lambda b: b.email),
            ("X-Auth-Request-Preferred-Username", lambda b: b.username),
            ("X-Auth-Request-Groups", _comma),
        ),
        "portal": (
            ("X-Portal-User-Id", lambda b: b.user_id),
            ("X-Portal-User-Name", lambda b: b.name),
            ("X-Portal-User-Username", lambda b: b.username),
            ("X-Portal-User-Email", lambda b: b.email),
            ("X-Portal-User-Role", lambda b: b.role),
            ("X-Portal-User-Groups", _json),
        ),
    }
)
_UNSPEAKABLE: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_TELLS_TAGS: Final = "flowward"
ASSERTION: Final = "assertion"
"""The preset that asks for the signed assertion instead of plain fields."""


class ControlCharacter(ValueError):
    """An identity value with a control character or half a surrogate pair: no field may carry it."""


def identity_lines(presets: tuple[str, ...], bearer: Bearer) -> bytes:
    """The header lines of the plain presets, each starting with CRLF. Values are UTF-8.

    Raises ControlCharacter where a value could break out of its line.
    """
    lines: dict[str, str] = {}
    for preset in presets:
        if preset != ASSERTION:
            lines.update((name, value(bearer)) for name, value in PRESETS[preset])
    if _TELLS_TAGS in presets:
        lines.update((f"X-Flowward-Tag-{name.lstrip('@')}", _listed(values)) for name, values in bearer.tags.items())
    return b"".join(_line(name, value) for name, value in lines.items())


def _listed(values: tuple[str, ...]) -> str:
    """Values with commas between them; a comma or percent sign in one is percent-encoded."""
    return ",".join(value.replace("%", "%25").replace(",", "%2C") for value in values)


def _line(name: str, value: str) -> bytes:
    if _UNSPEAKABLE.search(value):
        raise ControlCharacter(name)
    return f"\r\n{name}: {value}".encode()
