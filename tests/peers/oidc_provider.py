"""A real OpenID Connect provider, npm's oidc-provider, and a browser without a screen that logs in at it."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from aiohttp import ClientSession, CookieJar
from yarl import URL

from proxy.cli.nodered_setup import cache_folder, npm_install
from tests.peers.ports import free_port

PACKAGE = "oidc-provider"
VERSION = "9.13.3"
PROGRAM = Path(__file__).with_suffix(".mjs")
PATIENCE = 60.0

ACCOUNTS: Mapping[str, Mapping[str, object]] = {
    "ada": {
        "preferred_username": "ada",
        "name": "Ada Lovelace",
        "email": "ada@acme.example",
        "email_verified": True,
        "groups": ["ff-acme-owner", "engineers"],
    },
    "eve": {"preferred_username": "eve", "name": "Eve", "email": "ada@acme.example", "email_verified": False},
}


def installed() -> Path:
    """The folder of its packages, fetched from npm into the repository's cache unless they are there."""
    return npm_install(cache_folder() / PACKAGE / VERSION, f"{PACKAGE}@{VERSION}")


def client(base: str, secret: str = "a secret of the client", **more: object) -> dict[str, object]:
    """The gateway as a provider knows it; `base` is the address of its way in. An empty secret makes it public."""
    method = {"token_endpoint_auth_method": "none"} if not secret else {"client_secret": secret}
    return {
        "client_id": "flowward",
        "redirect_uris": [f"{base}/callback"],
        "post_logout_redirect_uris": [f"{base}/slo"],
        "backchannel_logout_uri": f"{base}/backchannel",
        "backchannel_logout_session_required": True,
        "grant_types": ["authorization_code", "refresh_token"],
        **method,
        **more,
    }


@dataclass(kw_only=True)
class OidcProvider:
    """One process of it; what it knows is forgotten when it ends, and a new one signs with another key."""

    node: Path
    modules: Path
    clients: Sequence[Mapping[str, object]]
    accounts: Mapping[str, Mapping[str, object]] = field(default_factory=lambda: ACCOUNTS)
    port: int = field(default_factory=free_port)
    process: asyncio.subprocess.Process | None = None

    @property
    def issuer(self) -> str:
        return f"http://localhost:{self.port}"

    async def start(self) -> None:
        pipe = asyncio.subprocess.PIPE
        self.process = await asyncio.create_subprocess_exec(
            self.node, PROGRAM, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        told = {
            "modules": str(self.modules),
            "issuer": self.issuer,
            "port": self.port,
            "clients": list(self.clients),
            "accounts": dict(self.accounts),
        }
        self.process.stdin.write(f"{json.dumps(told)}\n".encode())
        async with asyncio.timeout(PATIENCE):
            assert await self.process.stdout.readline() == b"ready\n"

    async def stop(self) -> None:
        if self.process is not None:
            if self.process.returncode is None:
                self.process.kill()
            await self.process.wait()
            self.process = None


@asynccontextmanager
async def running(provider: OidcProvider) -> AsyncIterator[OidcProvider]:
    await provider.start()
    try:
        yield provider
    finally:
        await provider.stop()


async def logged_in(url: str, account: str, jar: CookieJar | None = None) -> dict[str, str]:
    """Go to the provider's login page as its client sent us, log in, and return what is sent back to the client."""
    issuer = URL(url).origin()
    cookies = jar if jar is not None else CookieJar(unsafe=True)
    async with ClientSession(cookie_jar=cookies) as session:
        for _ in range(10):
            if URL(url).origin() != issuer:
                return dict(parse_qsl(urlsplit(url).query))
            async with session.get(url, allow_redirects=False) as answer:
                page = await answer.text()
                location = answer.headers.get("Location", "")
            if not location:
                form = re.search(r'<form[^>]*action="([^"]+)"', page)
                assert form, page
                data = {"prompt": "login", "login": account, "password": "any will do"}
                async with session.post(URL(url).join(URL(form[1])), data=data, allow_redirects=False) as answer:
                    location = answer.headers["Location"]
            url = str(URL(url).join(URL(location)))
    raise AssertionError(f"going in circles at {url}")
