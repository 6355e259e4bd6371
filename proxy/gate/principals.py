"""The principals of this process: one for each session and token, found by its key and by its user."""

from collections.abc import Iterator
from typing import Final
from weakref import WeakValueDictionary

from proxy.gate.principal import Principal

_FEW: Final = 1024


class Principals:
    """Holds nobody alive: whoever is no longer recalled by a cookie or token, and has nothing open, is forgotten."""

    __slots__ = ("_by_key", "_by_user", "_listed")

    def __init__(self) -> None:
        self._by_key: WeakValueDictionary[str, Principal] = WeakValueDictionary()
        self._by_user: dict[str, set[str]] = {}
        self._listed = 0
        """Keys in `_by_user`, those that are gone included."""

    def __len__(self) -> int:
        return len(self._by_key)

    def __iter__(self) -> Iterator[Principal]:
        return iter(list(self._by_key.values()))

    def get(self, key: str) -> Principal | None:
        return self._by_key.get(key)

    def add(self, principal: Principal) -> None:
        self._by_key[principal.key] = principal
        self._list(principal)
        if self._listed > 2 * max(len(self._by_key), _FEW):
            self._list_anew()

    def pop(self, key: str) -> Principal | None:
        """Take one out, if it is there."""
        return self._by_key.pop(key, None)

    def of_user(self, user_id: str) -> list[Principal]:
        """Every session and token of a user, and those by which they look on as others. For the id of a session: those
        that hang on it.
        """
        found = (self._by_key.get(key) for key in self._by_user.get(user_id, ()))
        return [principal for principal in found if principal is not None]

    def clear(self) -> None:
        self._by_key.clear()
        self._by_user.clear()
        self._listed = 0

    def _list(self, principal: Principal) -> None:
        for whose in _concerned(principal):
            self._by_user.setdefault(whose, set()).add(principal.key)
            self._listed += 1

    def _list_anew(self) -> None:
        """Nobody tells when a principal is gone, so the list is made anew when half of it may be of such."""
        self._by_user.clear()
        self._listed = 0
        for principal in self:
            self._list(principal)


def _concerned(principal: Principal) -> Iterator[str]:
    """The users by whom a principal stands and falls, and the login that it hangs on."""
    if principal.user_id is not None:
        yield principal.user_id
    if principal.viewer is not None:
        yield from (principal.viewer, principal.login)
