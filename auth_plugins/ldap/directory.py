"""The servers of a directory: which of them is asked, over which connection, and by when. All of it blocks."""

import ssl
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Lock
from typing import Final, TypeVar

from auth_plugins.ldap.settings import Address, LdapSettings
from auth_plugins.ldap.verdicts import (
    BUSY,
    INSUFFICIENT_ACCESS,
    NO_SUCH_OBJECT,
    OPERATIONS_ERROR,
    SIZE_LIMIT_EXCEEDED,
    SUCCESS,
    UNAVAILABLE,
    Answered,
    trouble,
)
from auth_plugins.ldap.wire import Deadline, Entry, Line, Lost, connect
from auth_plugins.values import Unavailable

T = TypeVar("T")

DOWN: Final = 30.0
"""Seconds for which a server that gave no answer is asked after the others."""
IDLE: Final = 30.0
"""Seconds after which an unused connection is not trusted: what lies between may have forgotten it."""
OLDEST: Final = 300.0
"""Seconds after which a connection is replaced, so that a server that came back gets its share again."""


class Search:
    """Questions to one server, asked as the one who looks people up."""

    def __init__(self, line: Line, deadline: Deadline, first: Deadline) -> None:
        """`first`: by when the first answer must be there."""
        self._line, self._deadline, self._next = line, deadline, first

    def entries(self, base: str, filter_: str, attributes: Sequence[str], *, limit: int) -> tuple[Entry, ...]:
        """What matches below `base`; one more than `limit` where there are more. Raises Lost and Unavailable."""
        found = self._line.find(base, filter_, attributes, self._next, limit=limit + 1)
        self._next = self._deadline
        if found.answered.code not in {SUCCESS, SIZE_LIMIT_EXCEEDED}:
            raise not_found(base, found.answered)
        return found.entries

    def entry(self, dn: str, attributes: Sequence[str]) -> Entry | None:
        """One object by its name; None where there is none that may be seen. Raises Lost and Unavailable."""
        found = self._line.find(dn, "(objectClass=*)", attributes, self._next, limit=1, itself=True)
        self._next = self._deadline
        if found.answered.code not in {SUCCESS, NO_SUCH_OBJECT, INSUFFICIENT_ACCESS}:
            raise not_found(dn, found.answered)
        return next(iter(found.entries), None)


class Directory:
    """Servers in the order of the configuration; those that gave no answer lately come last."""

    def __init__(self, settings: LdapSettings, context: ssl.SSLContext, now: Callable[[], float]) -> None:
        self._settings, self._context, self._now = settings, context, now
        self._down: dict[Address, float] = {}
        self._idle: deque[Line] = deque()
        self._closed = False
        self._lock = Lock()

    def search(self, ask: Callable[[Search], T], deadline: Deadline) -> T:
        """What `ask` finds out; it is asked again at the next server where one is lost. Raises Unavailable."""
        line = self._take()
        if line is not None:
            # One that no longer works may look alive: its first answer gets less time than there is.
            first = deadline.sooner(self._settings.connect_timeout)
            with suppress(Lost):  # as connections are at times; whether the server is, a new one shows
                return self._ask(line, ask, Search(line, deadline, first))

        def anew(address: Address, first: Deadline) -> T:
            line = self.reader(address, first)
            return self._ask(line, ask, Search(line, deadline, first))

        return self._failing_over(anew, deadline)

    def bind(self, dn: str, password: bytes, deadline: Deadline) -> Answered:
        """What a server says of this password. Raises Unavailable."""

        def ask(address: Address, by: Deadline) -> Answered:
            line = connect(address, self._settings, self._context, by)
            try:
                return _willing(line, line.bind(dn, password, by))
            finally:
                line.close()

        return self._failing_over(ask, deadline)

    def reader(self, address: Address, deadline: Deadline) -> Line:
        """A new connection of the one who looks people up. Raises Lost and Unavailable."""
        line = connect(address, self._settings, self._context, deadline)
        settings = self._settings
        password = settings.bind_password.get_secret_value() if settings.bind_password else ""
        answered = _willing(line, line.bind(settings.bind_dn, password.encode(), deadline))
        if answered.code != SUCCESS:
            line.close()
            who = settings.bind_dn or "an anonymous search"
            raise Unavailable(
                "search_bind_refused", f"{address} refuses {who} ({answered}): see bind_dn, bind_password"
            )
        return line

    def close(self) -> None:
        """What is asked now comes to its end by itself."""
        with self._lock:
            self._closed = True
            idle = tuple(self._idle)
            self._idle.clear()
        for line in idle:
            line.close()

    def _ask(self, line: Line, ask: Callable[[Search], T], search: Search) -> T:
        try:
            return ask(search)
        finally:
            self._give_back(line)

    def _failing_over(self, ask: Callable[[Address, Deadline], T], deadline: Deadline) -> T:
        """What the first server says that answers; each has its share of the time that is left."""
        lost = Lost("directory_slow", "no time was left to ask; connections or timeout may be too small")
        servers = self._in_turn()
        for place, address in enumerate(servers):
            left = deadline.until - time.monotonic()
            if left <= 0:
                break
            try:
                found = ask(address, deadline.sooner(left / (len(servers) - place)))
            except Lost as error:
                self._down[address] = self._now() + DOWN
                lost = error
            else:
                self._down.pop(address, None)
                return found
        raise Unavailable(lost.code, lost.detail) from lost

    def _in_turn(self) -> Sequence[Address]:
        now = self._now()
        down = {address for address, until in self._down.copy().items() if until > now}
        return sorted(self._settings.servers, key=down.__contains__)

    def _take(self) -> Line | None:
        """The connection used last, if it is still good."""
        now = time.monotonic()
        while True:
            with self._lock:
                line = self._idle.pop() if self._idle else None
            if line is None or (now - line.used < IDLE and now - line.opened < OLDEST):
                return line
            line.close()

    def _give_back(self, line: Line) -> None:
        with self._lock:
            if line.usable and not self._closed:
                self._idle.append(line)
                return
        line.close()


def _willing(line: Line, answered: Answered) -> Answered:
    """The answer, unless the server is only too busy to give one: then the next is asked."""
    if answered.code in {BUSY, UNAVAILABLE}:
        line.close()
        raise Lost("directory_unreachable", f"{line.address} says that it has no time ({answered})")
    return answered


def not_found(base: str, answered: Answered) -> Unavailable:
    """Why nothing could be looked for."""
    if answered.code == NO_SUCH_OBJECT:
        return Unavailable("base_not_found", f"'{base}' is not there, or bind_dn may not see it ({answered})")
    if answered.code in {INSUFFICIENT_ACCESS, OPERATIONS_ERROR}:  # Active Directory says the latter to the anonymous
        return Unavailable("search_refused", f"bind_dn may not search in '{base}' ({answered})")
    return Unavailable(*trouble(answered))
