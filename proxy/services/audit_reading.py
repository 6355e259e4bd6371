"""Reading the audit log: which log somebody may read, and what of it.

An instance's log is for its viewers, an application's and a space's for their owners, the platform's for admins, one's own
for oneself. What lies below and is not to be seen is left out before anything is counted. In tenant mode names of people
one may not know of are not shown, nor can they be searched for.
"""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from proxy.access.decide import Sight, in_scope
from proxy.access.directory import FOREIGN, knows
from proxy.model.access import Permission, Role
from proxy.model.audit import AuditQuery, Event, Phase, Recorded
from proxy.model.directory import Space
from proxy.model.estate import Estate, Resource, ResourceKind
from proxy.model.identity import Person
from proxy.services.audit_catalogue import Level
from proxy.services.audit_places import Places
from proxy.services.audit_secrets import HIDDEN
from proxy.services.authority import require, resource_at, space_at
from proxy.services.problems import Invalid, Wrong
from proxy.services.writer import Moment
from proxy.store import Database, Page

CONCLUDED: Final = frozenset({Phase.DONE, Phase.OUTCOME})
"""What is listed: an intent is told by its outcome, which also says when it was never known."""
_CHUNK: Final = 200
SIFTED: Final = 20_000
"""Events that are looked at one by one for a page, where the store cannot say what is shown of them."""
_SOME: Final = 2_000
"""Each time the store counts as well."""
_PERMISSIONS: Final = {
    Level.APPLICATION: Permission.APPLICATION_AUDIT,
    Level.INSTANCE: Permission.INSTANCE_AUDIT,
    Level.DEVICE: Permission.DEVICE_AUDIT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A log that somebody may read, and how."""

    moment: Moment
    query: AuditQuery
    masked: bool
    """Whether names of strangers are left out."""


def log(moment: Moment, level: Level, id_: str, asked: AuditQuery) -> Log:
    """The log of that level, as far as who acts may read it; `asked` holds the filters.

    Raises Denied, and NotThere for what does not exist.
    """
    scope, hidden = _opened(moment, level, id_)
    query = replace(asked, scope=scope, hidden=frozenset(hidden), phases=CONCLUDED)
    sight = Sight(moment.estate, moment.actor, now=moment.now)
    masked = moment.estate.settings.tenant_mode and sight.standing.everywhere is not Role.ADMIN
    return Log(moment=moment, query=query, masked=masked)


def _opened(moment: Moment, level: Level, id_: str) -> tuple[str | None, Iterator[str]]:
    """Id of the scope, and of what in it is not shown."""
    estate = moment.estate
    match level:
        case Level.PLATFORM:
            require(moment, Permission.PLATFORM_AUDIT, None)
            return None, iter(())
        case Level.USER:
            own = id_ == moment.actor.user_id and not _is_limited(moment)
            require(moment, Permission.SELF_READ if own else Permission.PLATFORM_AUDIT, None)
            return id_, iter(())
        case Level.SPACE:
            space = space_at(estate, id_)
            require(moment, Permission.SPACE_AUDIT, space)
            return space.id, _unseen(moment, _overridden(moment, space))
        case _:
            resource = resource_at(estate, id_, ResourceKind(level.value))
            require(moment, _PERMISSIONS[level], resource)
            return resource.id, _unseen(moment, _below(estate, resource))


def _is_limited(moment: Moment) -> bool:
    """Whether a token acts that is for some spaces: what was done to its user in others is not told to it."""
    token = moment.actor.token
    return token is not None and token.spaces is not None


def _overridden(moment: Moment, space: Space) -> Iterator[Resource]:
    """What an owner of a space may not see of it stands in overrides; all else is theirs."""
    estate = moment.estate
    for membership in moment.actor.person.memberships.values():
        for id_ in membership.overrides:
            resource = estate.resources.get(id_)
            owner = estate.owner(resource) if resource else None
            if resource and owner and space in estate.lineage(owner):
                yield resource
                yield from _below(estate, resource)


def _below(estate: Estate, resource: Resource) -> Iterator[Resource]:
    for child in estate.children.get(resource.id, ()):
        yield child
        yield from _below(estate, child)


def _unseen(moment: Moment, candidates: Iterator[Resource]) -> Iterator[str]:
    sight = Sight(moment.estate, moment.actor, now=moment.now)
    for each in candidates:
        seen = sight.standing.role(each) >= Role.VIEWER and in_scope(moment.estate, moment.actor.token, each)
        if not seen:
            yield each.id


async def read(log: Log, *, counted: bool = True, most: int = SIFTED) -> Page[Recorded]:
    """A page of the log, newest first; where it need not be counted, its total may be too small.

    Raises Invalid for a text that is in more events than can be looked through, which are `most`.
    """
    database, query = log.moment.database, log.query
    if not log.masked:
        return await database.events(query)
    if query.actor is not None and not await _known(log, query.actor):
        return Page(items=(), total=0, more=False)
    masks = _Masks(log)
    if query.text:
        return await _sifted(log, masks, most, counted=counted)
    found = await database.events(query)
    return replace(found, items=[await masks.over(each) for each in found.items])


async def _known(log: Log, name: str) -> bool:
    account = await log.moment.database.account(name)
    person = await log.moment.database.person(account.user.id) if account else None
    return person is not None and knows(log.moment.estate, log.moment.actor, person)


async def _sifted(log: Log, masks: "_Masks", most: int, *, counted: bool) -> Page[Recorded]:
    """What is found by what is shown of it: the store also looks into what is not."""
    query, some = log.query, min(_SOME, most)
    found: list[Recorded] = []
    total, before, more = 0, None if counted else query.before, True
    for _ in range(most // some):
        page = await log.moment.database.events(replace(query, before=before, limit=some))
        for each in page.items:
            shown = await masks.over(each)
            if query.text.casefold() not in _words(shown.event):
                continue
            total += 1
            if query.before is None or each.id < query.before:
                found.append(shown)
        before = page.items[-1].id if page.items else before
        more = page.more and (counted or len(found) <= query.limit)
        if not more:
            return Page(items=found[: query.limit], total=total, more=len(found) > query.limit)
    message = f"is in more than {most:,} events, which are too many to look through one by one"
    raise Invalid(Wrong(field="query", message=message, remedy="Narrow it down by event, user, since or until."))


def _words(event: Event) -> str:
    details = json.dumps(
        [dict(event.body), [[each.key, each.old, each.new] for each in event.updates]], ensure_ascii=False
    )
    return f"{event.event}\n{event.actor_name}\n{event.address}\n{event.error}\n{details}".casefold()


class _Masks:
    """Leaves out who and what is strange to the reader. Everybody is looked up once."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._people: dict[str, bool] = {}
        self._places = Places(Sight(log.moment.estate, log.moment.actor, now=log.moment.now))

    async def over(self, recorded: Recorded) -> Recorded:
        event = self._places.over(recorded.event)
        if event.actor is not None and not await self._knows(event.actor):
            event = replace(event, actor=None, actor_name=FOREIGN, address="", token=None)
        if event.user is not None and not await self._knows(event.user):
            event = replace(event, user=None, body=MappingProxyType({"user": FOREIGN}), updates=())
        return recorded if event is recorded.event else replace(recorded, event=event, hash=HIDDEN)

    async def _knows(self, user_id: str) -> bool:
        known = self._people.get(user_id)
        if known is None:
            moment = self._log.moment
            person: Person | None = await moment.database.person(user_id)
            known = person is not None and knows(moment.estate, moment.actor, person)
            self._people[user_id] = known
        return known


async def whole(database: Database, after: int = 0) -> AsyncIterator[Sequence[Recorded]]:
    """Every event after a number, oldest first, some at a time."""
    while batch := await database.events_after(after, _CHUNK):
        yield batch
        after = batch[-1].id
