"""What the gateway reads of an instance for itself, in nobody's name."""

import asyncio
from collections.abc import Callable
from typing import Final

from aiohttp import ClientError, ClientTimeout
from multidict import CIMultiDict

from proxy.gate.identity import Sign
from proxy.gate.world import Station
from proxy.inspection.carrier import Carrier
from proxy.inspection.exchange import UpstreamFailed, failure
from proxy.model.access import Reason
from proxy.nodered.presets import ASSERTION

NAME: Final = "flowward"
"""Whom the instance takes the gateway for."""
_LIFETIME: Final = 60


class OwnReader:
    """Asks instances as the gateway itself: by an assertion that says so, or by the instance's admin_token."""

    def __init__(self, carrier: Carrier, *, sign: Sign, issuer: str, now: Callable[[], float]) -> None:
        self._carrier, self._sign, self._issuer, self._now = carrier, sign, issuer, now

    async def flows(self, station: Station, path: bytes, *, most: int, seconds: float) -> bytes:
        """What GET of a path of flows answers (API v2), of at most so many bytes. Raises UpstreamFailed."""
        status, body = await self.ask(station, path, most=most, seconds=seconds)
        if status != 200 or len(body) > most:
            raise UpstreamFailed(Reason.UPSTREAM_BROKEN, 502)
        return body

    async def ask(
        self, station: Station, path: bytes, *, most: int, seconds: float, as_nobody: bool = False
    ) -> tuple[int, bytes]:
        """Status and body of what GET of any path answers; a body of more bytes is cut. Raises UpstreamFailed.

        `as_nobody`: without saying who asks.
        """
        fields = CIMultiDict({"Accept": "application/json"}) if as_nobody else self._fields(station)
        try:
            async with asyncio.timeout(seconds):
                return await self._asked(station, path, most, fields)
        except (ClientError, TimeoutError, OSError) as error:
            raise failure(error) from error

    async def _asked(self, station: Station, path: bytes, most: int, fields: CIMultiDict[str]) -> tuple[int, bytes]:
        session = await self._carrier.session(station.endpoint)
        asked = session.get(
            self._carrier.url(station.endpoint, path),
            headers=fields,
            allow_redirects=False,
            timeout=ClientTimeout(total=None, sock_connect=self._carrier.patience.connect),
            server_hostname=station.endpoint.tls.server_name,
        )
        async with asked as answer:
            body = bytearray()
            async for part in answer.content.iter_any():
                body += part
                if len(body) > most:
                    break
            if len(body) > most:
                answer.close()
            return answer.status, bytes(body)

    def _fields(self, station: Station) -> CIMultiDict[str]:
        settings = station.settings
        fields = CIMultiDict({"Accept": "application/json", "Node-RED-API-Version": "v2"})
        if ASSERTION in settings.identity:
            fields["X-Flowward-Assertion"] = self._sign(self._claims(station)).decode()
        if settings.admin_token:
            fields["Authorization"] = f"Bearer {settings.admin_token}"
        return fields

    def _claims(self, station: Station) -> dict[str, object]:
        now = int(self._now())
        return {
            "iss": self._issuer,
            "aud": station.resource.id,
            "sub": NAME,
            "username": NAME,
            "use": "editor",
            "permissions": ["flows.read", "plugins.read"],
            "iat": now,
            "exp": now + _LIFETIME,
        }
