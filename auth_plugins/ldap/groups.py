"""The groups of a person: named by their entry, searched for, or both and the groups around them."""

from collections.abc import Callable, Iterable
from typing import Final

from auth_plugins.ldap.directory import Search
from auth_plugins.ldap.filters import filled
from auth_plugins.ldap.names import below, leaf
from auth_plugins.ldap.settings import Groups
from auth_plugins.ldap.wire import Entry
from auth_plugins.values import Unavailable

MEMBER_OF: Final = "memberOf"
MOST: Final = 1000
"""Groups of one person. Active Directory gives no more in one answer, and part of them would be fewer rights."""


def groups_of(search: Search, source: Groups, person: Entry, username: str) -> tuple[str, ...] | None:
    """Names of groups, sorted; None where the configuration reads none. Raises Unavailable and Lost."""
    if source.mode == "none":
        return None
    if source.mode == "search":
        found = _around(person, source.walk, lambda entry: _searched(search, source, entry.dn, username))
    else:
        found = _around(person, source.walk, lambda entry: _named(search, source, entry))
    return tuple(sorted({name for each in found if (name := each.text(source.name) or leaf(each.dn, source.name))}))


def _around(person: Entry, walk: bool, groups: Callable[[Entry], Iterable[Entry]]) -> tuple[Entry, ...]:
    """The groups of the person and, where they are walked, of those groups; each once, since they may go in circles."""
    known: dict[str, Entry] = {}
    waiting = [person]
    while waiting:
        new = [group for group in groups(waiting.pop()) if known.setdefault(group.dn.lower(), group) is group]
        waiting += new if walk else []
        if len(known) > MOST:
            raise Unavailable("too_many_groups", f"'{person.dn}' is in more than {MOST} groups; narrow groups_from")
    return tuple(known.values())


def _searched(search: Search, source: Groups, dn: str, username: str) -> tuple[Entry, ...]:
    return search.entries(
        source.base_dn, filled(source.filter, {"dn": dn, "username": username}), [source.name], limit=MOST
    )


def _named(search: Search, source: Groups, entry: Entry) -> Iterable[Entry]:
    """Those that the entry itself names, below the base. They are looked at only where their DN does not say it all."""
    for dn in entry.texts(MEMBER_OF):
        if not below(source.base_dn, dn):
            continue
        if not source.walk and leaf(dn, source.name):
            yield Entry(dn=dn, values={})
        elif group := search.entry(dn, [source.name, MEMBER_OF]):
            yield group
