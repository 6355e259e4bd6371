"""What an instance is told about who is there: the assertion and the plain fields."""

import math
from collections.abc import Callable
from typing import Final

from proxy.access.standing import is_active
from proxy.access.tags import Tags
from proxy.access.teams import Team
from proxy.gate.principal import Principal
from proxy.gate.tagging import told_tags
from proxy.gate.world import Station
from proxy.model.access import Role
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Estate
from proxy.model.identity import Person, Token
from proxy.nodered.permissions import scopes
from proxy.nodered.presets import ASSERTION, Bearer, ControlCharacter, identity_lines

LIFETIME: Final = 60
"""Seconds an assertion is valid."""
REUSED: Final = 45
"""Seconds for which a minted one is used again."""
GROUPS: Final = 4096
"""Bytes of a provider's groups that an instance is told."""
_TENANTS: Final = frozenset({SpaceKind.CUSTOMER, SpaceKind.TEAM})

Sign = Callable[[dict[str, object]], bytes]


def bearer(
    estate: Estate, person: Person, station: Station, role: Role, address: str, token: Token | None = None
) -> Bearer:
    """A person as an instance gets to know them; `token` is the one that acts for them."""
    user = person.user
    known = (estate.spaces.get(key) for key in person.memberships)
    spaces = [space for space in known if space is not None and is_active(estate, space)]
    return Bearer(
        user_id=user.id,
        username=user.username,
        email=user.email,
        name=user.name or user.username,
        image=user.image,
        role=role.label,
        tenant=_tenant(estate, spaces, station),
        groups=tuple(sorted(space.slug for space in spaces if space.kind is SpaceKind.GROUP)),
        tags=told_tags(Tags(estate, person, station.resource, token), station.settings),
        address=address,
    )


def claims(
    who: Bearer, principal: Principal, station: Station, role: Role, *, editor: bool, issuer: str, now: float
) -> dict[str, object]:
    """The claims of an assertion (RFC 7519); `now` in seconds since the epoch."""
    session, token, recognised = principal.session, principal.token, principal.recognised
    shown = session or recognised
    told: dict[str, object] = {
        "iss": issuer,
        "aud": station.resource.id,
        "sub": who.user_id,
        "username": who.username,
        "email": who.email,
        "name": who.name,
        "image": who.image,
        "role": who.role,
        "tenant": who.tenant,
        "groups": list(who.groups),
        "tags": {name: list(values) for name, values in who.tags.items()},
        "sso_groups": list(sso_groups(principal)),
        "ip": who.address,
        "amr": list(shown.amr) if shown else ["token"] if token else [],
        "provider": shown.provider if shown else "token" if token else "",
        "session": session.id if session else "",
        "use": "editor" if editor else "http",
        "iat": int(now),
        "exp": int(now) + LIFETIME,
    }
    ends = session.expires if session else token.expires if token else recognised.ends if recognised else now + LIFETIME
    if (
        ends is not None
    ):  # not before the session's end: a page that comes back too early would find its login still good
        told["session_exp"] = math.ceil(ends)
    if token is not None:
        told["token"] = token.id
    if station.constrained and not editor:  # only Node-RED knows whom a stored or synchronised message was meant for
        told["constrain"] = True
    if editor:
        settings = station.settings
        told["permissions"] = list(scopes(role, protected=settings.protected, min_edit_role=settings.min_edit_role))
    return told


def sso_groups(principal: Principal) -> tuple[str, ...]:
    """Groups as the login provider named them, in its order, as many as fit: Node-RED takes headers of 16 KiB in all."""
    named = principal.session or principal.recognised
    shown, room = [], GROUPS
    for group in named.groups if named else ():
        room -= len(group.encode()) + 3
        if room < 0:
            break
        shown.append(group)
    return tuple(shown)


def lines(who: Bearer, station: Station, assertion: Callable[[], bytes]) -> bytes:
    """The identity lines for an instance; the assertion is minted only where the instance asks for it."""
    presets = station.settings.identity
    plain = identity_lines(presets, who)
    return b"\r\nX-Flowward-Assertion: " + assertion() + plain if ASSERTION in presets else plain


def token_line(token: Token, station: Station) -> bytes:
    """What an instance is told of a token for its endpoints: a name, but no user. Raises ControlCharacter."""
    if not token.name.isprintable():
        raise ControlCharacter("X-Flowward-Token")
    return f"\r\nX-Flowward-Token: {token.name}".encode() if "flowward" in station.settings.identity else b""


def _tenant(estate: Estate, spaces: list[Space], station: Station) -> str:
    """The customer a person belongs to, else the team; of the team of the instance before any other, and of these, those
    that the instance belongs to first.
    """
    tenants = [space for space in spaces if space.kind in _TENANTS]
    if len(tenants) < 2:
        return tenants[0].slug if tenants else ""
    owner, team = estate.owner(station.resource), Team(estate, station.resource)
    near = {space.id for space in estate.lineage(owner)} if owner else set()

    def distance(space: Space) -> tuple[bool, bool, bool, str]:
        return not team.has(space), space.kind is not SpaceKind.CUSTOMER, space.id not in near, space.slug

    return min(tenants, key=distance).slug
