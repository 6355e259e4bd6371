"""Whether the audit log is as it was written."""

from dataclasses import dataclass

from proxy.model.audit import AuditQuery, Event
from proxy.services.audit_reading import whole
from proxy.store import Database
from proxy.store.chain import PRUNED, Break, Link, beginning, verify


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What looking at every row has shown."""

    count: int
    """Rows that were looked at."""
    last: Link
    """Where the chain ends; whoever noted it elsewhere knows later that nothing before was changed."""
    broken: Break | None


async def verify_log(database: Database) -> Verdict:
    """Look at every row, oldest first, until one does not fit. Raises StoreUnavailable."""
    pruned = await _last_pruning(database)
    while True:
        verdict = await _followed(database, beginning(pruned))
        again = await _last_pruning(database)
        if again == pruned:
            return verdict
        pruned = again  # rows went while they were read


async def _followed(database: Database, last: Link) -> Verdict:
    count = 0
    async for rows in whole(database):
        broken = verify(rows, last)
        if broken is not None:
            return Verdict(count=count, last=last, broken=broken)
        count += len(rows)
        last = Link(id=rows[-1].id, hash=rows[-1].hash)
    return Verdict(count=count, last=last, broken=None)


async def _last_pruning(database: Database) -> Event | None:
    found = await database.events(AuditQuery(events=(PRUNED,), limit=1))
    return found.items[0].event if found.items else None
