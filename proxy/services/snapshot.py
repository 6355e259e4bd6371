"""The estate in memory, kept up with what is written by whomever."""

import asyncio

from proxy.model.estate import Estate
from proxy.store import Database


class Snapshot:
    """One immutable estate at a time, which a change replaces."""

    def __init__(self, database: Database, estate: Estate) -> None:
        self._database = database
        self._turn = asyncio.Lock()
        self.estate = estate
        """As it was when last looked at."""

    async def current(self) -> Estate:
        """The estate as it is now. Raises StoreUnavailable."""
        async with self._turn:
            if await self._database.version() != self.estate.version:
                estate = await self._database.renewed(self.estate)
                # Not on the loop: putting ten thousand in order would hold up everybody's requests.
                await asyncio.to_thread(getattr, estate, "by_kind")
                self.estate = estate
            return self.estate
