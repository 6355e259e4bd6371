"""Asking providers now and then whether people who are logged in still may be, and what groups they are in by now.

Each person is asked about once per interval, whichever replica does it. Who may no longer be is out at once, everywhere;
a provider that does not answer changes nothing and is asked again.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from auth_plugins import Identity, Refused, Unavailable
from auth_plugins.registry import Provider
from proxy.model.audit import Source
from proxy.model.identity import Person, Session
from proxy.services.audit import By, happened, on_user
from proxy.services.linking import Linking
from proxy.services.sessions import Sessions, logged_in_by
from proxy.store import Shared, StoreUnavailable

LONGEST_TICK: Final = 30.0
"""Seconds between two looks at who is due, at most."""
AGAIN: Final = 60.0
"""Seconds after which a provider is asked once more that did not answer."""
PATIENCE: Final = 10.0
"""Seconds for one answer."""
_AT_ONCE: Final = 8
_MOST: Final = 100_000
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshing:
    """Looks after the sessions that began at a provider."""

    providers: Callable[[], Sequence[Provider]]
    linking: Linking
    sessions: Sessions
    shared: Shared
    now: Callable[[], float]
    """Seconds since the epoch."""
    due: dict[tuple[str, str], float] = field(default_factory=dict)
    """By provider and user id: when this process looks again whether it is time to ask."""

    async def run(self) -> None:
        """Until cancelled."""
        while asked := self._asked():
            try:
                await self.look()
            except StoreUnavailable as error:
                _log.warning("refresh-failed", reason=str(error))
            await asyncio.sleep(min(LONGEST_TICK, *(max(1.0, each.entry.refresh / 10) for each in asked)))

    def _asked(self) -> Sequence[Provider]:
        return [each for each in self.providers() if each.entry.refresh > 0 and each.plugin.refreshes()]

    async def look(self) -> None:
        """Ask about everybody who is due. Raises StoreUnavailable."""
        for provider in self._asked():
            listed = await self.shared.listed(logged_in_by(provider.name), self.now(), _MOST)
            there = {user for user, _ in listed}
            for key in [key for key in self.due if key[0] == provider.name and key[1] not in there]:
                del self.due[key]
            now, slots = self.now(), asyncio.Semaphore(_AT_ONCE)
            waiting = [user for user in there if self.due.get((provider.name, user), 0.0) <= now]
            await asyncio.gather(*(self._in_turn(slots, provider, user) for user in waiting))

    async def _in_turn(self, slots: asyncio.Semaphore, provider: Provider, user_id: str) -> None:
        async with slots:
            try:
                self.due[provider.name, user_id] = await self._consider(provider, user_id)
            except StoreUnavailable as error:
                _log.warning("refresh-failed", provider=provider.name, reason=str(error))

    async def _consider(self, provider: Provider, user_id: str) -> float:
        """Ask if it is time and nobody else does; when to look again (seconds since the epoch)."""
        now, every = self.now(), provider.entry.refresh
        found = [session for session in await self.sessions.of(user_id) if session.provider == provider.name]
        if not found:
            await self.shared.delist(logged_in_by(provider.name), [user_id])
            return now + every
        if found[0].created + every > now:  # they have just been asked, at the login
            return found[0].created + every
        if not await self._is_ours(provider, user_id, now + every):
            return now + every
        person = await self.linking.writer.database.person(user_id)
        if person is None or person.user.subject is None:
            return now + every
        answered = await self._ask(provider, person, found)
        if not answered:
            await self.shared.take(_claim(provider, user_id), now)
        return now + (every if answered else min(AGAIN, every))

    async def _is_ours(self, provider: Provider, user_id: str, until: float) -> bool:
        """Whether this process asks, and no other one."""
        mine = self.linking.new_id()
        return await self.shared.put_new(_claim(provider, user_id), mine, until, self.now()) == mine

    async def _ask(self, provider: Provider, person: Person, found: Sequence[Session]) -> bool:
        """Ask about somebody by their newest session; False where there was no answer."""
        user, newest = person.user, found[0]
        try:
            known = _known(person, newest, self.sessions.kept(newest))
            async with asyncio.timeout(PATIENCE):
                told = await provider.plugin.refresh(known)
        except Refused as refused:
            await self._shut_out(provider, person, refused)
            return True
        except (Unavailable, TimeoutError) as error:
            _log.warning("refresh-unanswered", provider=provider.name, user=user.id, reason=str(error) or "no answer")
            return False
        except Exception as error:  # noqa: BLE001 - a plugin may be anybody's: its defect ends nobody's session, nor this task
            # In a thread: where it came from is read from files.
            await asyncio.to_thread(_log.error, "refresh-defect", provider=provider.name, exc_info=error)
            return False
        await self._take_over(provider, found, known, told)
        return True

    async def _shut_out(self, provider: Provider, person: Person, refused: Refused) -> None:
        """All that began at the provider ends; it is on record first."""
        user = person.user
        _log.info("refresh-refused", provider=provider.name, user=user.id, code=refused.code)
        body = {"provider": provider.name, "code": refused.code, "detail": refused.detail}
        by, on = By(name=provider.name, source=Source.SSO), on_user(user.id)
        event = happened("user.session.revoked", at=self.now(), by=by, on=on, user=user.id, body=body)
        await self.linking.writer.database.record(event)
        await self.sessions.end_by_provider(user.id, provider.name)

    async def _take_over(self, provider: Provider, found: Sequence[Session], known: Identity, told: Identity) -> None:
        """Bring memberships up to date, and what the sessions know."""
        user_id = found[0].user_id
        try:
            await self.linking.again(provider, user_id, told)
        except Refused as refused:
            _log.warning("refresh-not-understood", provider=provider.name, user=user_id, detail=refused.detail)
            return
        for session in found:
            groups = session.groups if told.groups is None else told.groups
            newer = session is found[0] and told.keep != known.keep
            keep = self.sessions.sealed(user_id, told.keep) if newer else session.keep
            if (groups, keep) != (session.groups, session.keep):
                await self.shared.renew(session.id, groups=groups, keep=keep)
                self.linking.writer.wake()


def _known(person: Person, session: Session, keep: str) -> Identity:
    """Somebody as their provider knew them at the login."""
    user = person.user
    return Identity(
        subject=user.subject or "",
        username=user.username,
        email=user.email,
        name=user.name,
        groups=session.groups,
        amr=session.amr,
        session=session.provider_session,
        keep=keep,
    )


def _claim(provider: Provider, user_id: str) -> str:
    return f"refresh {provider.name} {user_id}"
