"""Sessions, login flows, one-time things and strict limits in Redis.

A session is one key; a cookie is another that names it, so a cookie whose session has ended opens nothing; the list of
a user's sessions is a third. Redis forgets each by itself a while after its end; whether something is past its time is
judged by the times written in it. The end of a session is published in the database, for whoever cannot ask here.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import asdict, fields, replace
from hashlib import sha256
from math import ceil
from typing import Final

import orjson

from proxy.access.gcra import SLACK, Rate
from proxy.model.identity import Session
from proxy.store import Subject
from proxy.store.redis import scripts
from proxy.store.redis.servers import Answer, Call, Servers

_MARGIN: Final = 60_000
"""Milliseconds by which the clocks of replicas may differ without one of them losing what is not past its time."""
_MOVING: Final = ("seen", "proved")
_FIELDS: Final = frozenset(field.name for field in fields(Session)) - set(_MOVING)
_AT_ONCE: Final = 500

Publish = Callable[[Subject, Sequence[str]], Awaitable[int]]


class RedisShared:
    """The Shared of Redis."""

    def __init__(self, servers: Servers, publish: Publish, now: Callable[[], float]) -> None:
        """`publish`: what `Database.publish` is; `now`: seconds since the epoch."""
        self._servers, self._publish, self._now = servers, publish, now

    async def create_session(self, session: Session, cookie: bytes, host: str) -> None:
        lasts = self._lasts(session.expires)
        # The session last: who ends all sessions of the user finds every one that a cookie can open.
        await self._put_cookie(session.id, cookie, host, lasts)
        listing = (repr(self._now()), session.id, repr(session.expires), lasts)
        await self._servers.run(scripts.ENLIST, _user(session.user_id), *listing)
        moving = (repr(session.seen), repr(session.proved))
        await self._servers.run(scripts.KEEP_SESSION, _session(session.id), _record(session), *moving, lasts)

    async def add_cookie(self, session_id: str, cookie: bytes, host: str) -> None:
        session = await self._read(session_id)
        if session is not None:
            await self._put_cookie(session_id, cookie, host, self._lasts(session.expires))

    async def _put_cookie(self, session_id: str, cookie: bytes, host: str, lasts: int) -> None:
        await self._servers.ask("SET", _cookie(cookie), f"{host}\n{session_id}", "PX", lasts)

    async def session(self, cookie: bytes) -> tuple[Session, str] | None:
        named = await self._servers.ask("GET", _cookie(cookie))
        if named is None:
            return None
        host, _, session_id = named.decode().partition("\n")
        session = await self._read(session_id)
        return None if session is None else (session, host)

    async def _read(self, session_id: str) -> Session | None:
        return _parsed(await self._servers.run(scripts.READ_SESSION, _session(session_id)))

    async def prove(self, session_id: str, at: float) -> None:
        if await self._servers.run(scripts.PROVE, _session(session_id), repr(at)):
            await self._publish(Subject.PROOF, [session_id])

    async def renew(self, session_id: str, *, groups: tuple[str, ...], keep: str) -> None:
        session = await self._read(session_id)
        if session is None:
            return
        record = _record(replace(session, groups=groups, keep=keep))
        if await self._servers.run(scripts.RENEW, _session(session_id), record):
            await self._publish(Subject.PROOF, [session_id])

    async def sessions_of(self, user_id: str) -> Sequence[Session]:
        calls = [Call(_session(session_id)) for session_id in await self._listed(user_id)]
        found = [
            _parsed(answer) for some in _some(calls) for answer in await self._servers.each(scripts.READ_SESSION, some)
        ]
        return sorted((session for session in found if session is not None), key=lambda session: session.created)

    async def _listed(self, user_id: str) -> list[str]:
        return [each.decode() for each in await self._servers.ask("ZRANGE", _user(user_id), 0, -1)]

    async def end_session(self, session_id: str) -> None:
        await self._end([session_id])

    async def end_sessions_of(self, user_id: str) -> None:
        await self._end(await self._listed(user_id))

    async def _end(self, session_ids: Sequence[str]) -> None:
        """Mark, publish, forget: where one step fails, doing all of it again is right.

        Published first, a process could look at the session once more before it ends, and never hear of its end.
        """
        ended = {}
        for session_id in session_ids:
            record = await self._servers.run(scripts.MARK_ENDED, _session(session_id))
            if record is not None:
                ended[session_id] = orjson.loads(record)["user_id"]
        if ended:
            await self._publish(Subject.SESSION, list(ended))
        for session_id, user_id in ended.items():
            await self._servers.ask("DEL", _session(session_id))
            await self._servers.ask("ZREM", _user(user_id), session_id)

    async def touch(self, seen: Iterable[tuple[str, float]]) -> None:
        for some in _some([Call(_session(session_id), (repr(at),)) for session_id, at in seen]):
            await self._servers.each(scripts.TOUCH, some)

    async def put(self, key: str, value: str, until: float) -> None:
        await self._servers.ask("SET", _kept(key), _until(value, until), "PX", self._lasts(until))

    async def put_new(self, key: str, value: str, until: float, now: float) -> str:
        told = (_until(value, until), self._lasts(until), repr(now))
        kept = await self._servers.run(scripts.PUT_NEW, _kept(key), *told)
        return _value(kept)[1]

    async def take(self, key: str, now: float) -> str | None:
        return _valid(await self._servers.run(scripts.TAKE, _kept(key)), now)

    async def get(self, key: str, now: float) -> str | None:
        return _valid(await self._servers.ask("GET", _kept(key)), now)

    async def enlist(self, listing: str, item: str, until: float) -> None:
        told = (repr(self._now()), item, repr(until), self._lasts(until))
        await self._servers.run(scripts.ENLIST, _listing(listing), *told)

    async def listed(self, listing: str, now: float, limit: int) -> Sequence[tuple[str, float]]:
        asked = ("+inf", f"({now!r}", "BYSCORE", "REV", "LIMIT", 0, limit, "WITHSCORES")
        found = await self._servers.ask("ZRANGE", _listing(listing), *asked)
        return [(found[at].decode(), float(found[at + 1])) for at in range(0, len(found), 2)]

    async def delist(self, listing: str, items: Sequence[str]) -> None:
        if items:
            await self._servers.ask("ZREM", _listing(listing), *items)

    async def sweep(self, now: float) -> None:
        """Nothing to do: Redis forgets by itself."""

    async def admit(self, key: str, rate: Rate) -> float:
        return float(await self._servers.run(scripts.ADMIT, _limit(key), *_paces(rate)))

    async def give_back(self, key: str, rate: Rate) -> None:
        await self._servers.run(scripts.GIVE_BACK, _limit(key), *_paces(rate))

    async def reset(self, key: str, rate: Rate) -> None:
        await self._servers.ask("DEL", _limit(key))

    def _lasts(self, until: float) -> int:
        """Milliseconds for which Redis has to keep something."""
        return max(0, ceil((until - self._now()) * 1000)) + _MARGIN


def _some(calls: Sequence[Call]) -> Iterable[Sequence[Call]]:
    return (calls[at : at + _AT_ONCE] for at in range(0, len(calls), _AT_ONCE))


def _session(session_id: str) -> str:
    return f"flowward:session:{session_id}"


def _cookie(cookie: bytes) -> str:
    return f"flowward:cookie:{cookie.hex()}"


def _user(user_id: str) -> str:
    return f"flowward:sessions-of:{user_id}"


def _kept(key: str) -> str:
    """Hashed: a key may hold a code or another one-time secret."""
    return f"flowward:kept:{_hash(key)}"


def _listing(name: str) -> str:
    return f"flowward:listing:{name}"


def _limit(key: str) -> str:
    return f"flowward:limit:{_hash(key)}"


def _paces(rate: Rate) -> tuple[str, str, str]:
    return repr(rate.interval), repr(rate.tolerance), repr(SLACK)


def _hash(key: str) -> str:
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _record(session: Session) -> bytes:
    return orjson.dumps({name: value for name, value in asdict(session).items() if name in _FIELDS})


def _parsed(answer: Answer) -> Session | None:
    if answer is None or answer[0] is None:
        return None
    record, seen, proved = answer
    # During an update another version may keep more than this one knows of.
    known = {name: value for name, value in orjson.loads(record).items() if name in _FIELDS}
    lists = {name: tuple(known[name]) for name in ("amr", "groups") if name in known}
    return Session(**{**known, **lists}, seen=float(seen), proved=float(proved))


def _until(value: str, until: float) -> str:
    return f"{until!r} {value}"


def _value(kept: bytes) -> tuple[float, str]:
    until, _, value = kept.decode().partition(" ")
    return float(until), value


def _valid(kept: bytes | None, now: float) -> str | None:
    if kept is None:
        return None
    until, value = _value(kept)
    return value if now < until else None
