"""Sessions: a login that is going on, and the cookies that open it, each on one host."""

import re
import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from proxy.model.identity import Person, Session, UserState
from proxy.services.sealing import Seal
from proxy.store import Shared

SECRET_BYTES: Final = 32
_VALUE: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Who is at the door, where, and how they proved it: what a new session is made of."""

    user_id: str
    provider: str
    amr: tuple[str, ...]
    host: str
    address: str = ""
    agent: str = ""
    factor: float = 0.0
    vouched: bool = False
    groups: tuple[str, ...] = ()
    provider_session: str = ""
    keep: str = ""
    """In clear; only `Sessions` seals it."""
    viewer: str = ""
    """User id of the admin who looks on as this user."""
    ends: float | None = None
    """When the provider wants the session to end."""
    absolute: float | None = None
    idle: float | None = None
    """Seconds, where they are this way in's own."""


class Sessions:
    """Starts, opens and ends sessions. Of cookies only hashes are kept; what a plugin wants back is kept sealed, since it may
    hold tokens of its provider.
    """

    def __init__(
        self,
        shared: Shared,
        *,
        now: Callable[[], float],
        absolute: float,
        idle: float,
        seal: Seal,
        forget: Callable[[str], object],
        wake: Callable[[], None],
        asked_again: Collection[str] = (),
    ) -> None:
        """`absolute` and `idle` in seconds; `forget` lets a session open nothing more in this process, and `wake` lets what
        was ended end everywhere at once. `asked_again`: providers that are asked now and then whether people may still be
        logged in.
        """
        self._shared, self._now, self._asked_again = shared, now, asked_again
        self._seal, self._forget, self._wake = seal, forget, wake
        self._absolute, self._idle = absolute, idle
        self._seen: dict[str, float] = {}

    async def start(self, visit: Visit, replaces: Session | None = None) -> tuple[Session, str]:
        """A new session and the value of its first cookie. The one the browser had ends: a login never keeps an id."""
        now = self._now()
        expires = now + (self._absolute if visit.absolute is None else visit.absolute)
        session = Session(
            id=secrets.token_urlsafe(16),
            user_id=visit.user_id,
            provider=visit.provider,
            amr=visit.amr,
            created=now,
            seen=now,
            expires=expires if visit.ends is None else max(now, min(expires, visit.ends)),
            idle=self._idle if visit.idle is None else visit.idle,
            proved=now,
            factor=visit.factor,
            vouched=visit.vouched,
            groups=visit.groups,
            provider_session=visit.provider_session,
            keep=self.sealed(visit.user_id, visit.keep),
            viewer=visit.viewer,
            address=visit.address,
            agent=visit.agent[:256],
        )
        value = secrets.token_urlsafe(SECRET_BYTES)
        await self._shared.create_session(session, digest(value), visit.host)
        if visit.provider_session:
            at = _elsewhere(visit.provider, visit.provider_session)
            await self._shared.put(at, visit.user_id, session.expires)
        if visit.provider in self._asked_again:
            await self._shared.enlist(logged_in_by(visit.provider), visit.user_id, session.expires)
        if replaces is not None:
            await self.end(replaces.id)
        return session, value

    async def reissue(self, session: Session, host: str, *, amr: tuple[str, ...], factor: float) -> tuple[Session, str]:
        """A session goes on as one that proved a second factor at `factor`, under another id and by another cookie.

        All that went on under the old id ends: what was known of it is worth less than what is known now.
        """
        proven = replace(session, amr=tuple(dict.fromkeys((*session.amr, *amr))), factor=factor, proved=self._now())
        return await self.move(proven, host)

    async def move(self, session: Session, host: str) -> tuple[Session, str]:
        """A session goes on under another id and by another cookie; whatever cookie it had opens nothing any more."""
        new = replace(session, id=secrets.token_urlsafe(16), seen=self._now())
        value = secrets.token_urlsafe(SECRET_BYTES)
        await self._shared.create_session(new, digest(value), host)
        await self.end(session.id)
        return new, value

    def sealed(self, user_id: str, keep: str) -> str:
        """What a plugin wants back, as it may be kept with any session of this user."""
        return self._seal.close_text(keep, _kept_for(user_id)) if keep else ""

    def kept(self, session: Session) -> str:
        """What the plugin wants back. Raises Unavailable where it was sealed with another secret, or not at all."""
        return self._seal.open_text(session.keep, _kept_for(session.user_id)) if session.keep else ""

    async def add_host(self, session_id: str, host: str) -> str:
        """The value of one more cookie for the session, good on this host alone."""
        value = secrets.token_urlsafe(SECRET_BYTES)
        await self._shared.add_cookie(session_id, digest(value), host)
        return value

    async def open(self, value: str, host: str) -> Session | None:
        """The living session this cookie opens on this host."""
        if not _VALUE.fullmatch(value):
            return None
        found = await self._shared.session(digest(value))
        if found is None:
            return None
        session, at = found
        now = self._now()
        if at != host or not session.alive(now):
            return None
        return session if await is_backed(self._shared, session, now) else None

    async def end(self, session_id: str) -> None:
        """End it on every host at once; by the time this returns it opens nothing more in this process."""
        self._seen.pop(session_id, None)
        await self._shared.end_session(session_id)
        self._forget(session_id)
        self._wake()

    async def prove(self, session_id: str) -> None:
        """The user has just proved once more who they are."""
        await self._shared.prove(session_id, self._now())
        self._wake()

    async def of(self, user_id: str) -> Sequence[Session]:
        """The living sessions of a user, newest first; those by which admins look on as them are none of theirs."""
        now, found = self._now(), await self._shared.sessions_of(user_id)
        own = [session for session in found if session.alive(now) and not session.viewer]
        return sorted(own, key=lambda session: -session.created)

    async def end_all(self, user_id: str, *, but: str | None = None) -> None:
        """End every session of a user, but for one."""
        for session in await self._shared.sessions_of(user_id):
            if session.id != but:
                await self.end(session.id)

    async def user_at(self, provider: str, provider_session: str) -> str | None:
        """Id of the user who logged in by a session of the provider's own, known for as long as theirs here may last."""
        return await self._shared.get(_elsewhere(provider, provider_session), self._now())

    async def end_by_provider(self, user_id: str, provider: str, provider_session: str = "") -> Sequence[Session]:
        """End a user's sessions that began by a provider, or of them those of one session there; which they were."""
        ended = [
            session
            for session in await self._shared.sessions_of(user_id)
            if session.provider == provider and provider_session in ("", session.provider_session)
        ]
        for session in ended:
            await self.end(session.id)
        return ended

    def touch(self, session_id: str) -> None:
        """Note activity; `flush` writes it."""
        self._seen[session_id] = self._now()

    async def flush(self) -> None:
        """Write all noted activity at once; what cannot be written is kept for the next time."""
        seen, self._seen = self._seen, {}
        if not seen:
            return
        try:
            await self._shared.touch(seen.items())
        except BaseException:
            self._seen = seen | self._seen
            raise


def may_look_on(viewer: Person | None) -> bool:
    """Whether somebody is an admin still, and may look on as others."""
    return viewer is not None and viewer.user.admin and viewer.user.state is UserState.ACTIVE


async def is_backed(shared: Shared, session: Session, now: float) -> bool:
    """Whether the admin's own login is alive that a session hangs on which looks on as somebody; others need none."""
    if not session.viewer:
        return True
    own = await shared.sessions_of(session.viewer)
    return any(each.id == session.provider_session and each.alive(now) for each in own)


def logged_in_by(provider: str) -> str:
    """The listing of users who have a session that began by a provider."""
    return f"logged in by {provider}"


def _kept_for(user_id: str) -> str:
    return f"session of {user_id}"


def _elsewhere(provider: str, provider_session: str) -> str:
    return f"session at {provider} {sha256(provider_session.encode()).hexdigest()}"


def digest(value: str) -> bytes:
    """What is kept of a cookie's value."""
    return sha256(value.encode()).digest()
