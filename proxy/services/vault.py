"""A plugin's share of the shared store."""

from collections.abc import Callable
from dataclasses import dataclass

from proxy.store import Shared


@dataclass(frozen=True, slots=True)
class Vault:
    """Keys of one plugin, which no other plugin reaches."""

    shared: Shared
    plugin: str
    now: Callable[[], float]

    async def put_new(self, key: str, value: str, seconds: float) -> str:
        now = self.now()
        return await self.shared.put_new(self._own(key), value, now + seconds, now)

    async def take(self, key: str) -> str | None:
        return await self.shared.take(self._own(key), self.now())

    def _own(self, key: str) -> str:
        return f"plugin:{self.plugin}:{key}"
