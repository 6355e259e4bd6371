"""A person of a directory: which entry they are, whether they may still come, and who that makes them here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from auth_plugins.ldap.directory import Search
from auth_plugins.ldap.filters import of_subject, of_typed, subject_text
from auth_plugins.ldap.groups import MEMBER_OF, groups_of
from auth_plugins.ldap.settings import LdapSettings
from auth_plugins.ldap.wire import Entry
from auth_plugins.values import Identity, Refused, Unavailable

# Attributes by which directories say that an account is no longer one; a directory that has them not leaves them out.
_CONTROL: Final = "userAccountControl"  # Active Directory: bits (MS-ADTS 2.2.16)
_EXPIRES: Final = "accountExpires"  # Active Directory: 100 ns since 1601
_LOCKED: Final = "pwdAccountLockedTime"  # OpenLDAP's password policy
_NS_LOCKED: Final = "nsAccountLock"  # 389 Directory Server, FreeIPA
_DISABLED_BIT: Final = 0x2
_NEVER: Final = frozenset({0, 0x7FFF_FFFF_FFFF_FFFF})
_EPOCH_1601: Final = 11_644_473_600
_FOR_GOOD: Final = "000001010000Z"
"""Locked by an administrator (draft-behera-ldap-password-policy section 5.3.3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Somebody:
    """An entry, and who that is."""

    entry: Entry
    identity: Identity


def typed(search: Search, settings: LdapSettings, username: str) -> Somebody:
    """Whoever typed this. Raises Refused where that is nobody or more than one, Unavailable and Lost."""
    # What was typed may be a password in the wrong field, so no message repeats it.
    return _only(search, settings, of_typed(settings.layout.user_filter, username), "what was typed")


def known(search: Search, settings: LdapSettings, subject: str) -> Somebody:
    """Whoever has this lasting key and may still come. Raises Refused, Unavailable and Lost."""
    layout = settings.layout
    try:
        filter_ = of_subject(layout.user_filter, layout.subject, subject)
    except ValueError as error:
        raise Refused("user_unknown", f"'{subject}' is no {layout.subject}") from error
    return _only(search, settings, filter_, f"{layout.subject} {subject}")


def with_groups(search: Search, settings: LdapSettings, somebody: Somebody) -> Identity:
    """Raises Unavailable and Lost."""
    groups = groups_of(search, settings.groups, somebody.entry, somebody.identity.username)
    return replace(somebody.identity, groups=groups)


def check_standing(entry: Entry, now: float) -> None:
    """Raises Refused where the account was ended. A lock against guessing does not count: guessing would end sessions."""
    disabled = (
        _number(entry, _CONTROL) & _DISABLED_BIT
        or entry.text(_LOCKED) == _FOR_GOOD
        or entry.text(_NS_LOCKED).upper() == "TRUE"
    )
    if disabled:
        raise Refused("account_disabled", f"'{entry.dn}' is disabled")
    expires = _number(entry, _EXPIRES)
    if expires not in _NEVER and expires / 10_000_000 - _EPOCH_1601 <= now:
        raise Refused("account_expired", f"'{entry.dn}' has expired")


def _only(search: Search, settings: LdapSettings, filter_: str, who: str) -> Somebody:
    found = search.entries(settings.base_dn, filter_, _attributes(settings), limit=1)
    where = f"{who} below '{settings.base_dn}' by {settings.layout.user_filter}"
    if not found:
        raise Refused("user_unknown", f"nobody is {where}")
    if len(found) > 1:
        raise Refused("user_ambiguous", f"more than one is {where}")
    return Somebody(entry=found[0], identity=_identity(settings, found[0]))


def _attributes(settings: LdapSettings) -> Sequence[str]:
    layout = settings.layout
    state = (_CONTROL, _EXPIRES, _LOCKED, _NS_LOCKED)
    asked = (layout.subject, layout.username, layout.email, layout.name, MEMBER_OF, *state)
    return tuple(dict.fromkeys(asked))


def _identity(settings: LdapSettings, entry: Entry) -> Identity:
    layout = settings.layout
    username, email = entry.text(layout.username), entry.text(layout.email)
    try:
        subject = subject_text(layout.subject, next(iter(entry.values.get(layout.subject.lower(), ())), b""))
    except ValueError as error:
        raise Unavailable(
            "attribute_unreadable", f"{layout.subject} of '{entry.dn}' is not text: see subject"
        ) from error
    for attribute, value in ((layout.subject, subject), (layout.username, username)):
        if not value:
            detail = f"'{entry.dn}' has no {attribute} that bind_dn may read: see subject and attributes"
            raise Unavailable("attribute_missing", detail)
    return Identity(
        subject=subject,
        username=username,
        email=email,
        email_verified=bool(email) and settings.email_verified,
        name=entry.text(layout.name),
    )


def _number(entry: Entry, attribute: str) -> int:
    text = entry.text(attribute)
    return int(text) if text.lstrip("-").isdecimal() else 0
