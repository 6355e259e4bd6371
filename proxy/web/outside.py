"""How plugins reach the outside: one HTTP request, with a deadline and a bound, and without our visitors' cookies."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from aiohttp import ClientError, ClientSession

from auth_plugins import Answer, Unavailable

DEADLINE: Final = 10.0
LONGEST: Final = 4 * 1024 * 1024
NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Outside:
    """`kit.fetch`. The session is to have a DummyCookieJar and to ignore the environment's proxies unless told so."""

    session: ClientSession

    async def __call__(
        self, method: str, url: str, *, headers: Mapping[str, str] = NO_HEADERS, body: bytes = b""
    ) -> Answer:
        """What came back; redirects are not followed. Raises Unavailable after ten seconds, or over 4 MiB."""
        try:
            async with (
                asyncio.timeout(DEADLINE),
                self.session.request(method, url, headers=headers, data=body, allow_redirects=False) as response,
            ):
                content = await response.content.read(LONGEST + 1)
                while not response.content.at_eof() and len(content) <= LONGEST:
                    content += await response.content.read(LONGEST + 1 - len(content))
                found = {name.lower(): value for name, value in response.headers.items()}
        except (ClientError, TimeoutError) as error:
            raise Unavailable("outside_unreachable") from error
        if len(content) > LONGEST:
            raise Unavailable("outside_too_long")
        return Answer(status=response.status, headers=found, body=content)
