"""Tokens that have run out: they open nothing any more, and are removed."""

from typing import Final

from proxy.services.audit import GATEWAY
from proxy.services.token_changes import Desk
from proxy.services.writer import ByHand, Occasion, Step, joined
from proxy.store import Database

AT_ONCE: Final = 500
"""Tokens of one transaction."""


async def remove_expired(database: Database, now: float) -> None:
    """Remove tokens that ran out before now, seconds since the epoch, each on record. Raises StoreUnavailable."""
    while await database.tokens(expired=now):
        await ByHand(database=database, now=lambda: now, by=GATEWAY).write(_step)


async def _step(occasion: Occasion) -> Step[None]:
    desk = Desk.at(occasion)
    tokens = (await occasion.database.tokens(expired=occasion.now))[:AT_ONCE]
    accounts = {user: await occasion.database.person(user) for user in {each.user for each in tokens} if user}
    return joined(*(desk.revoke(each, accounts.get(each.user or "")) for each in tokens))
