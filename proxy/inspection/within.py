"""Looking up the names of upstreams that were set through the API: only addresses that the border admits."""

import socket
from collections.abc import Callable
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult
from typing_extensions import override

from proxy.services.border import Border

_NUMERIC: Final = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


class Within(AbstractResolver):
    """aiohttp's resolver, within the border as it is at that moment."""

    def __init__(self, border: Callable[[], Border]) -> None:
        self._border = border

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Raises OSError, UpstreamForbidden where the name leads to nothing that may be reached."""
        found = await self._border().resolved(host, port)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=_NUMERIC,
            )
            for address in found
        ]

    @override
    async def close(self) -> None:
        """There is nothing to release."""
