"""Username and password of a directory: OpenLDAP, Active Directory and others that speak LDAP (RFC 4511)."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import Final, TypeVar

from typing_extensions import override

from auth_plugins.contract import AuthPlugin, Kit
from auth_plugins.ldap.directory import Directory, Search
from auth_plugins.ldap.filters import placeholders
from auth_plugins.ldap.findings import findings_of
from auth_plugins.ldap.people import Somebody, check_standing, known, typed, with_groups
from auth_plugins.ldap.settings import Address, LdapSettings
from auth_plugins.ldap.verdicts import judge
from auth_plugins.ldap.wire import Deadline, tls_context
from auth_plugins.values import Field, Finding, Form, Identity, LoginRequest, Misconfigured, Refused, Unavailable

T = TypeVar("T")

_LATE: Final = 0.2
"""Seconds that a thread has to say what kept it, after the time for an answer is over."""
_QUEUE: Final = 64
"""Questions that may wait for a thread."""


class Ldap(AuthPlugin[LdapSettings]):
    """Look the visitor up, then try the password as theirs.

    A slow directory keeps threads waiting, so it has its own, and not the gateway's one for expensive work: other ways in
    go on while this one waits.
    """

    def __init__(self, settings: LdapSettings, kit: Kit) -> None:
        super().__init__(settings, kit)
        try:
            context = tls_context(settings)
        except OSError as error:
            detail = f"option 'ca' names {settings.ca}, which holds no certificate in PEM: {error}"
            raise Misconfigured("ca_unreadable", detail) from error
        label = "Username or e-mail" if "email" in placeholders(settings.layout.user_filter) else "Username"
        self._form = Form(
            fields=(
                Field(name="username", label=label, autocomplete="username"),
                Field(name="password", label="Password", kind="password", autocomplete="current-password"),
            )
        )
        self._directory = Directory(settings, context, kit.now)
        self._threads = ThreadPoolExecutor(settings.connections, thread_name_prefix=f"ldap-{kit.name}")
        self._waiting = 0

    @override
    async def login(self, request: LoginRequest) -> Identity | Form:
        if not request.fields:
            return self._form
        return await self.check_password(request.fields.get("username", "").strip(), request.fields.get("password", ""))

    @override
    async def check_password(self, username: str, password: str) -> Identity:
        # An empty password is no proof: servers take it for an anonymous bind, and say yes (RFC 4513 section 5.1.2).
        if not username or not password:
            raise Refused("credentials_missing")
        if not _is_text(username + password):
            raise Refused("credentials_wrong", "what was typed is no text")
        return await self._ask(self._check, username, password.encode())

    @override
    async def refresh(self, identity: Identity) -> Identity:
        return await self._ask(self._look_up, partial(known, subject=identity.subject))

    @override
    async def examine(self, sample: str) -> Identity:
        if not sample or not _is_text(sample):
            raise Refused("sample_missing", "type the name of somebody in the directory")
        return await self._ask(self._look_up, partial(typed, username=sample))

    @override
    async def findings(self) -> Sequence[Finding]:
        found = await asyncio.gather(*map(self._findings, self.settings.servers))
        return [finding for each in found for finding in each]

    @override
    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._directory.close()

    def _check(self, username: str, password: bytes, *, deadline: Deadline) -> Identity:
        try:
            somebody = self._directory.search(lambda search: typed(search, self.settings, username), deadline)
        except Refused:
            # Whoever is not there takes as long as who is: nobody learns from the clock which names there are.
            nobody, guess = secrets.token_hex(8), secrets.token_hex(8)
            self._directory.bind(f"cn={nobody},{self.settings.base_dn}", guess.encode(), deadline)
            raise
        judge(self._directory.bind(somebody.entry.dn, password, deadline))
        return self._welcome(somebody, deadline)

    def _look_up(self, find: Callable[[Search, LdapSettings], Somebody], *, deadline: Deadline) -> Identity:
        return self._welcome(self._directory.search(lambda search: find(search, self.settings), deadline), deadline)

    def _welcome(self, somebody: Somebody, deadline: Deadline) -> Identity:
        check_standing(somebody.entry, self.kit.now())
        if self.settings.groups.mode == "none":
            return somebody.identity
        return self._directory.search(lambda search: with_groups(search, self.settings, somebody), deadline)

    async def _findings(self, address: Address) -> Sequence[Finding]:
        try:
            return await self._ask(partial(findings_of, self._directory, self.settings, address, self.kit.now()))
        except Unavailable as error:
            return [Finding(code=error.code, level="error", detail=f"{address}: {error.detail}")]

    async def _ask(self, work: Callable[..., T], *args: object) -> T:
        """What `work` answers in a thread, by the deadline it gets. Raises Refused and Unavailable."""
        if self._waiting >= _QUEUE:
            raise Unavailable("directory_busy", f"{_QUEUE} questions wait for the directory already")
        self._waiting += 1
        seconds = self.settings.timeout
        try:
            async with asyncio.timeout(seconds + _LATE):
                call = partial(work, *args, deadline=Deadline.within(seconds))
                return await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except TimeoutError as error:
            raise Unavailable(
                "directory_slow", f"the directory gave no answer within {seconds:g} s: see timeout"
            ) from error
        finally:
            self._waiting -= 1


def _is_text(typed: str) -> bool:
    """Whether it can be written as UTF-8; halves of surrogate pairs cannot."""
    try:
        typed.encode()
    except UnicodeEncodeError:
        return False
    return True
