"""Whose account an identity opens: the rules, and nothing else. Pure.

A provider is believed about its own people alone. So an account is opened by the provider's own lasting key; by a name only
where the account was made for this very provider and nobody has come in by it yet; by an e-mail address only where the
provider vouches for it and the address lies in a domain that is the provider's.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from auth_plugins import Identity, Refused
from config.auth_schema import AuthEntry
from config.names import is_email, is_username
from proxy.model.identity import Person, User, UserKind, UserState

RESERVED: Final = frozenset({"admin", "administrator", "flowward", "root", "service", "support", "system"})
"""Usernames that nobody gets by themselves: they would be taken for the platform's own."""
MOST_GROUPS: Final = 5000
_LONGEST: Final = {"subject": 255, "username": 254, "email": 254, "name": 1000, "image": 2048}
_LONGEST_GROUP: Final = 1024
_ALL_GROUPS: Final = 262_144
"""Characters of all groups together: they are kept with each session."""
_UNREADABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LONGEST_NAME: Final = 200


class How(StrEnum):
    """By which rule an account is opened."""

    LOCAL = "local"
    """The gateway's own account, whose password was checked."""
    KNOWN = "known"
    """The provider's key for the person is the account's."""
    BOUND = "bound"
    """The account was made for this provider, and nobody had come in by it yet."""
    LINKED = "linked"
    """It was a local account with an address that the provider vouches for."""
    MADE = "made"
    """There was none, and the provider may make some."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The accounts here that an identity could mean."""

    by_subject: Person | None = None
    """Whose key at this provider it is."""
    by_username: Person | None = None
    """Who has its username here, or has it as e-mail address."""
    by_email: Person | None = None
    """Who has its e-mail address here, or has it as username."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The account that is opened, as it is to be kept."""

    how: How
    person: Person


def sound(identity: Identity) -> Identity:
    """The identity with what may be wrong with it without harm put right. Raises Refused for text nobody should keep."""
    for field, most in _LONGEST.items():
        value = getattr(identity, field)
        if len(value) > most:
            raise Refused("identity_malformed", f"its {field} has {len(value)} characters; it may have {most}")
        if field in ("subject", "username") and _UNREADABLE.search(value):
            raise Refused("identity_malformed", f"its {field} has control characters")
    _refuse_odd_groups(identity.groups or ())
    email = identity.email.strip()
    return replace(
        identity,
        email=email if is_email(email) and not _UNREADABLE.search(email) else "",
        name=" ".join(_UNREADABLE.sub(" ", identity.name).split())[:_LONGEST_NAME],
        image=identity.image if _is_picture(identity.image) else "",
    )


def _refuse_odd_groups(groups: Collection[str]) -> None:
    if len(groups) > MOST_GROUPS:
        raise Refused("identity_malformed", f"it has {len(groups)} groups; it may have {MOST_GROUPS}")
    if sum(map(len, groups)) > _ALL_GROUPS:
        raise Refused("identity_malformed", f"its groups have more than {_ALL_GROUPS} characters in all")
    for group in groups:
        if len(group) > _LONGEST_GROUP or _UNREADABLE.search(group):
            detail = f"a group has more than {_LONGEST_GROUP} or control characters: {group[:64]!r}"
            raise Refused("identity_malformed", detail)


def _is_picture(address: str) -> bool:
    return address.startswith("https://") and re.fullmatch(r"[!-~]+", address) is not None


def refuse_foreign(entry: AuthEntry, identity: Identity, others: Collection[str]) -> None:
    """Raises Refused for an address of which this provider may not speak; `others` are domains of the other entries.

    A username that is an address counts too: it would be read as one.
    """
    for address in (identity.email, identity.username if not identity.email else ""):
        domain = domain_of(address)
        if domain and (domain in others or (entry.domains and domain not in entry.domains)):
            detail = f"{entry.name} spoke for {address!r}, but its domains are {', '.join(entry.domains) or 'none'}"
            raise Refused("foreign_domain", detail)


def domain_of(address: str) -> str:
    """The domain of an e-mail address, behind the last @; empty where there is none."""
    _, at, domain = address.rpartition("@")
    return domain.strip().rstrip(".").lower() if at else ""


def believed(entry: AuthEntry, identity: Identity) -> bool:
    """Whether the address may name an account here: the provider vouches for it, and it is in a domain of its own."""
    domain = identity.email.rpartition("@")[2]
    return identity.email_verified and domain.isascii() and domain_of(identity.email) in entry.domains


def _same(one: str, other: str) -> bool:
    """Whether it is one name. Case is that of ASCII alone: in Unicode the sign of Kelvin is a k as well, and the long s an
    s, so that whoever chose such a name elsewhere would be somebody else here.
    """
    return one.encode("utf-8", "surrogatepass").lower() == other.encode("utf-8", "surrogatepass").lower()


def link(entry: AuthEntry, identity: Identity, found: Found, *, new_id: str) -> Link:
    """Whose account it is; `identity` is sound and not foreign. Raises Refused with the rule that forbids it."""
    known = found.by_subject
    if known is not None:
        return Link(how=How.KNOWN, person=_fresh(_open(known), entry, identity, found))
    for person in (found.by_username, found.by_email):
        if person is not None and _awaits(person.user, entry, identity):
            return Link(how=How.BOUND, person=_fresh(_bound(_open(person), entry, identity), entry, identity, found))
    if found.by_email is not None and _may_adopt(found.by_email.user, entry, identity):
        return Link(how=How.LINKED, person=_bound(_open(found.by_email), entry, identity))
    if not entry.provision:
        raise Refused("unknown_sso_user", _nobody(entry, identity, found))
    user = _made(entry, identity, found, new_id)
    return Link(how=How.MADE, person=Person(user=user, memberships={}))


def _open(person: Person) -> Person:
    """The account, which needs no activation link any more: the provider has shown whose it is."""
    if person.user.state is UserState.SUSPENDED:
        raise Refused("account_suspended", f"{person.user.username} is suspended")
    if person.user.kind is UserKind.SERVICE:
        raise Refused("service_account", f"{person.user.username} acts by its tokens alone")
    return replace(person, user=replace(person.user, state=UserState.ACTIVE))


def _awaits(user: User, entry: AuthEntry, identity: Identity) -> bool:
    """Whether an account was made for this provider and not yet used, and this is whom it was made for."""
    if user.provider != entry.name or user.subject is not None:
        return False
    named = _same(user.username, identity.username)
    return named or (_has_address(user, identity) and believed(entry, identity))


def _may_adopt(user: User, entry: AuthEntry, identity: Identity) -> bool:
    """Whether a local account passes to the provider that speaks for its address."""
    if user.provider is not None or user.declared is not None or user.kind is UserKind.SERVICE:
        return False
    if user.admin and not (entry.groups and entry.groups.admin):
        return False
    return _has_address(user, identity) and believed(entry, identity)


def _has_address(user: User, identity: Identity) -> bool:
    return bool(identity.email) and _same(user.email, identity.email)


def _bound(person: Person, entry: AuthEntry, identity: Identity) -> Person:
    user = replace(person.user, provider=entry.name, subject=identity.subject, password_expired=False)
    return replace(person, user=user)


def _fresh(person: Person, entry: AuthEntry, identity: Identity, found: Found) -> Person:
    """The account with the address that the provider now gives, where nobody else has it, and a name if it had none."""
    user = person.user
    if user.declared is not None:
        return person
    free = found.by_email is None or found.by_email.user.id == user.id
    moved = believed(entry, identity) and free
    email = identity.email if moved and not _has_address(user, identity) else user.email
    return replace(person, user=replace(user, email=email, name=user.name or identity.name))


def _nobody(entry: AuthEntry, identity: Identity, found: Found) -> str:
    """Why no account was opened, for whoever runs the gateway."""
    other = found.by_email or found.by_username
    if other is None:
        return f"nobody here is known to {entry.name} as {identity.username!r}, and it makes no accounts (provision)"
    user, name = other.user, other.user.username
    reasons = {
        f"{name} here is linked to another person at {entry.name}": user.provider == entry.name,
        f"{name} here belongs to the provider {user.provider}": user.provider is not None,
        f"{name} is a service account": user.kind is UserKind.SERVICE,
        f"{name} is a local account declared in {user.declared}; write provider: {entry.name} there": user.declared
        is not None,
        f"{name} is an admin, and {entry.name} does not manage admins (groups.admin)": user.admin,
        f"{name} is a local account, and {entry.name} does not vouch for {identity.email!r}": not identity.email_verified,
    }
    last = (
        f"{name} is a local account whose address is not {identity.email!r}, or in no domain of {entry.name} (domains)"
    )
    return next((reason for reason, holds in reasons.items() if holds), last)


def _made(entry: AuthEntry, identity: Identity, found: Found, new_id: str) -> User:
    vouched = believed(entry, identity) or (identity.email_verified and not entry.domains)
    email = identity.email if vouched else ""
    if "+" in identity.email.rpartition("@")[0] and domain_of(identity.email) in entry.domains:
        raise Refused("plus_address", f"{identity.email!r} would be a second account of one mailbox")
    username = _username(entry, identity, email)
    if username.casefold() in RESERVED:
        raise Refused("username_reserved", f"nobody gets the username {username!r} by themselves")
    if found.by_username is not None or (email and found.by_email is not None):
        raise Refused("username_taken", _nobody(entry, identity, found))
    return User(
        id=new_id,
        username=username,
        email=email,
        name=identity.name,
        image=identity.image,
        provider=entry.name,
        subject=identity.subject,
    )


def _username(entry: AuthEntry, identity: Identity, email: str) -> str:
    """What the provider calls them; the address where that is no username, or is an address it may not speak for."""
    domain = domain_of(identity.username)
    own = not domain or identity.username.casefold() == email.casefold() or domain in entry.domains
    for name in (identity.username if own else "", email):
        if is_username(name):
            return name
    raise Refused("username_unusable", f"{identity.username!r} is no username here, and there is no address to use")
