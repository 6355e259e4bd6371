"""What the gate knows: sessions, tokens, people, credentials and sids in memory, and how they get there and out again."""

import asyncio
import hmac
import secrets
from collections.abc import Awaitable, Callable
from math import inf
from typing import Final

from auth_plugins import Refused, Unavailable
from auth_plugins.basic import name_and_password
from proxy.gate.identified import Identified
from proxy.gate.principal import Kind, Principal, nobody
from proxy.gate.principals import Principals
from proxy.gate.verdict import (
    CredentialFact,
    Fact,
    Missing,
    PasswordFact,
    PersonFact,
    SessionFact,
    SidFact,
    TokenFact,
)
from proxy.gate.world import Station, World
from proxy.model.identity import Person, Session, Token
from proxy.services.bounded import Bounded
from proxy.services.clock import Clock
from proxy.services.sessions import is_backed
from proxy.services.traffic import Traffic
from proxy.store import TIMEOUT, Database, Shared, StoreUnavailable

KEPT: Final = frozenset({Kind.SESSION, Kind.TOKEN, Kind.CREDENTIAL})
"""Principals of which only a store can say whether they still act."""
_AT_ONCE: Final = 64
_RECALLED: Final = 200_000
_PASSWORDS: Final = 4096
_UNKNOWN: Final = 4096
_UNKNOWN_LASTS: Final = 30.0
"""Seconds for which a token that was not found is not looked for again."""
_SID_LIFE: Final = 7 * 86400.0

VerifyPassword = Callable[[str, str], Awaitable[bool]]
"""(hash, password) -> whether they belong together."""


class Facts:
    """Facts in memory. One that is missing is named, so that the caller can `learn` it and ask again."""

    def __init__(
        self,
        *,
        world: World,
        database: Database,
        shared: Shared,
        traffic: Traffic,
        clock: Clock,
        verify: VerifyPassword,
        patience: float = TIMEOUT,
    ) -> None:
        """`patience`: seconds a fact may take."""
        self.world, self.traffic = world, traffic
        self.clock = clock
        self.nobody = nobody()
        self.touched: set[Principal] = set()
        """Sessions seen since they were last written down."""
        self.blind: frozenset[Kind] = frozenset()
        """Principals of which nobody can say whether they still act: what knows them has been away for too long."""
        self._database, self._shared, self._verify, self._patience = database, shared, verify, patience
        self._cookies: Bounded[bytes, tuple[Principal, str] | None] = Bounded(_RECALLED)
        self._tokens: Bounded[bytes, Principal] = Bounded(_RECALLED)
        self._unknown: Bounded[bytes, float] = Bounded(_UNKNOWN)
        self._principals = Principals()
        self.identified = Identified(self._principals, clock, traffic)
        self._people: Bounded[str, Person | None] = Bounded(_RECALLED)
        self._sids: Bounded[str, str] = Bounded(_RECALLED)
        self._passwords: Bounded[bytes, bool] = Bounded(_PASSWORDS)
        self._forgotten = 0
        self._secret = secrets.token_bytes(32)
        self._learning: dict[Fact, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._asking = asyncio.Semaphore(_AT_ONCE)
        """For what others are asked: a provider that hangs holds up nobody who comes by something else."""

    def session(self, cookie: bytes) -> "tuple[Principal, str] | Missing | None":
        """The principal a cookie (sha256) opens and the host it opens; None for a cookie of nobody's."""
        try:
            return self._cookies[cookie]
        except KeyError:
            return Missing([SessionFact(cookie)])

    def token(self, hash_: bytes) -> "Principal | Missing | None":
        """The principal of a token, by the sha256 of its value; None for a value that is no token's."""
        found = self._tokens.get(hash_)
        if found is not None:
            return found
        return None if self._unknown.get(hash_, 0.0) > self.clock.steady() else Missing([TokenFact(hash_)])

    def person(self, user_id: str) -> "Person | Missing | None":
        try:
            return self._people[user_id]
        except KeyError:
            return Missing([PersonFact(user_id)])

    def known_person(self, user_id: str) -> Person | None:
        """The person if it is in memory, as it is for whoever was just judged."""
        return self._people.get(user_id)

    def password(self, station: Station, authorization: bytes) -> "bool | Missing":
        """Whether an Authorization field opens an instance that has its own password."""
        found = self._passwords.get(self._fingerprint(station, authorization))
        return Missing([PasswordFact(station.resource.id, authorization)]) if found is None else found

    def sid_owner(self, station: Station, sid: bytes, principal: Principal) -> "str | Missing":
        """The key of the principal that first used an engine.io session of an instance."""
        key = f"sid:{station.resource.id}:{sid.decode('latin-1')}"
        found = self._sids.get(key)
        return Missing([SidFact(key, principal.key)]) if found is None else found

    async def learn(self, missing: Missing) -> None:
        """Fetch facts, each at most once at a time. Raises StoreUnavailable when that fails or takes too long."""
        asks = any(isinstance(fact, CredentialFact) for fact in missing.facts)
        try:
            async with asyncio.timeout(self._patience), self._asking if asks else self._slots:
                for fact in missing.facts:
                    await asyncio.shield(self._learning.get(fact) or self._start(fact))
        except TimeoutError as error:
            raise StoreUnavailable("a fact took too long to learn") from error

    async def settle(self) -> None:
        """Wait for facts that are being fetched, so that none reports when there is nobody left."""
        if self._learning:
            await asyncio.wait(self._learning.values(), timeout=self._patience)

    def _start(self, fact: Fact) -> "asyncio.Task[None]":
        task = self._learning[fact] = asyncio.create_task(self._fetch(fact))

        def done(task: "asyncio.Task[None]") -> None:
            del self._learning[fact]
            if not task.cancelled():
                task.exception()  # whoever still waits gets it; a waiter that gave up must not leave it unretrieved

        task.add_done_callback(done)
        return task

    async def _fetch(self, fact: Fact) -> None:
        match fact:
            case SessionFact():
                await self._fetch_session(fact.cookie)
            case TokenFact():
                await self._fetch_token(fact.hash)
            case PersonFact():
                await self._fetch_person(fact.user_id)
            case CredentialFact():
                async with asyncio.timeout(self._patience):
                    await self.identified.fetch(fact)
            case SidFact():
                await self._fetch_sid(fact)
            case PasswordFact():
                station = self.world.stations.get(fact.resource_id)
                if station is not None:
                    key = self._fingerprint(station, fact.authorization)
                    self._passwords.keep(key, await self._check(station, fact.authorization))

    async def _fetch_sid(self, fact: SidFact) -> None:
        now = self.clock.wall()
        if fact.principal == self.nobody.key:
            # Nobody's sids are kept in memory alone: anybody could fill the store with them. A login's sid is
            # found there all the same, and nobody can know one before its login has used it.
            self._sids.keep(fact.key, await self._shared.get(fact.key, now) or fact.principal)
        else:
            self._sids.keep(fact.key, await self._shared.put_new(fact.key, fact.principal, now + _SID_LIFE, now))

    async def _fetch_session(self, cookie: bytes) -> None:
        """Read until nothing was forgotten meanwhile: what was read before a change is not true after it."""
        forgotten = -1
        found = None
        while forgotten != self._forgotten:
            forgotten = self._forgotten
            found = await self._shared.session(cookie)
            if found is not None and not await is_backed(self._shared, found[0], self.clock.wall()):
                found = None
        if found is None:
            self._cookies.keep(cookie, None)
            return
        principal = self.principal(found[0])
        principal.cookies.add(cookie)
        self._cookies.keep(cookie, (principal, found[1]))

    async def _fetch_token(self, hash_: bytes) -> None:
        forgotten = -1
        found = None
        while forgotten != self._forgotten:
            forgotten = self._forgotten
            found = await self._database.token(hash_)
        if found is None:
            self._unknown.keep(hash_, self.clock.steady() + _UNKNOWN_LASTS)
        else:
            self._tokens.keep(hash_, self._principal_of_token(found, hash_))

    async def _fetch_person(self, user_id: str) -> None:
        forgotten = -1
        found = None
        while forgotten != self._forgotten:
            forgotten = self._forgotten
            found = await self._database.person(user_id)
        self._people.keep(user_id, found)

    async def _check(self, station: Station, authorization: bytes) -> bool:
        settings = station.settings
        try:
            username, password = name_and_password(authorization.decode("utf-8", "surrogateescape")) or ("", "")
        except Refused:
            username, password = "", ""  # checked all the same, so that it takes as long
        try:
            right = await self._verify(settings.basic_password_hash, password)
        except Unavailable as error:
            raise StoreUnavailable("a password could not be checked") from error
        return hmac.compare_digest(username.encode(), settings.basic_username.encode()) and right

    def _fingerprint(self, station: Station, authorization: bytes) -> bytes:
        """What a checked credential is remembered by: the instance, what it asked for then, and what was sent."""
        settings = station.settings
        asked = f"{station.resource.id}\0{settings.basic_username}\0{settings.basic_password_hash}\0".encode()
        return hmac.digest(self._secret, asked + authorization, "sha256")

    def principal(self, session: Session) -> Principal:
        """The one principal of a session in this process. What it did at home counts as its activity too."""
        found = self._principals.get(session.id)
        ahead = self.clock.steady() - self.clock.wall()
        if found is not None:
            found.session = session
            found.seen = max(found.seen, session.seen + ahead)
        else:
            found = Principal(
                Kind.SESSION,
                session.id,
                session=session,
                expires=session.expires + ahead,
                idle=session.idle,
                seen=session.seen + ahead,
            )
            self._principals.add(found)
        return found

    def _principal_of_token(self, token: Token, hash_: bytes) -> Principal:
        """The one principal of a token in this process, as the token is now."""
        ends = inf if token.expires is None else token.expires + self.clock.steady() - self.clock.wall()
        key = f"token:{token.id}"
        found = self._principals.get(key)
        if found is None:
            found = Principal(Kind.TOKEN, key, token=token, expires=ends, idle=inf, seen=0.0)
            found.hash = hash_
            self._principals.add(found)
        elif found.token != token:
            found.token, found.expires = token, ends
            found.doubt()
        return found

    def forget_session(self, session_id: str) -> list[Principal]:
        """A session ended or changed: its principal's cookies are nobody's from now on, nor are those of what hangs on it."""
        self._forgotten += 1
        own = self._principals.get(session_id)
        gone = [*([own] if own is not None else []), *self._principals.of_user(session_id)]
        for principal in gone:
            self._principals.pop(principal.key)
            principal.end()
            self.touched.discard(principal)
            for cookie in principal.cookies:
                self._cookies.pop(cookie, None)
        return gone

    def forget_proof(self, session_id: str) -> list[Principal]:
        """A session goes on with a younger proof: look for it again; return the principal to judge anew, if there is one."""
        self._forgotten += 1
        principal = self._principals.get(session_id)
        if principal is None:
            return []
        for cookie in principal.cookies:
            self._cookies.pop(cookie, None)
        principal.doubt()
        return [principal]

    def forget_sessions(self) -> None:
        """What knew them has lost them: every session is looked for again, and what goes on under one ends."""
        self._forgotten += 1
        self._cookies.clear()
        for principal in self._principals:
            if principal.kind is Kind.SESSION:
                principal.end()
                self._principals.pop(principal.key)

    def forget_token(self, token_id: str) -> list[Principal]:
        """A token was made, changed or revoked: look for it again; return the principal to judge anew, if there is one."""
        self._forgotten += 1
        self._unknown.clear()
        principal = self._principals.get(f"token:{token_id}")
        if principal is None:
            return []
        self._tokens.pop(principal.hash, None)
        principal.doubt()
        return [principal]

    def forget_person(self, user_id: str) -> list[Principal]:
        """A user changed: fetch the row again when it is needed; return the principals to judge anew.

        Tokens are fetched again too: with its last space, or with its user, a token goes without another word.
        """
        self._forgotten += 1
        self._people.pop(user_id, None)
        concerned = self._principals.of_user(user_id)
        self.identified.forget(user_id, concerned)
        for principal in concerned:
            self._tokens.pop(principal.hash, None)
            principal.doubt()
        return concerned

    def lose_sight(self, kinds: frozenset[Kind]) -> None:
        """Nobody can say any more which of these have ended: none passes until the store is back."""
        self.blind = kinds
        for principal in self._principals:
            principal.doubt()

    def forget_all(self) -> None:
        """Too much changed to say what: every fact about people and sessions is fetched again."""
        self._forgotten += 1
        self._people.clear()
        self._cookies.clear()
        self._tokens.clear()
        self._unknown.clear()
        self.identified.forget_all()
        for principal in self._principals:
            principal.end()
        self._principals.clear()

    def take_touched(self) -> list[tuple[str, float]]:
        """Sessions and when they were last seen (seconds since the epoch), to be written down."""
        behind = self.clock.wall() - self.clock.steady()
        touched, self.touched = self.touched, set()
        return [(principal.key, principal.seen + behind) for principal in touched if not principal.ended]
