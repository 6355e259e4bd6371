"""An identity provider on loopback, and the plugin that trusts it: a way in that sends visitors elsewhere, in small.

It hands out tickets, each of which the plugin redeems once. What it says by itself about logouts carries its secret.
"""

import html
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from aiohttp import ClientSession, web
from typing_extensions import override

from auth_plugins import (
    AuthPlugin,
    Document,
    Ended,
    Identity,
    LoginRequest,
    LogoutRequest,
    Misconfigured,
    PluginSettings,
    ProviderMessage,
    Redirect,
    Refused,
)
from tests.peers.ports import free_port

SECRET = "what the provider signs with"


@dataclass(slots=True)
class Stay:
    """Somebody's session at the provider."""

    subject: str
    username: str
    email: str = ""
    groups: tuple[str, ...] | None = None
    sid: str = field(default_factory=lambda: secrets.token_urlsafe(8))


@dataclass(slots=True)
class IdentityProvider:
    """What it knows, and how it behaves."""

    port: int
    person: Stay
    """Whoever sits in front of it."""
    tickets: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[Mapping[str, str]] = field(default_factory=list)
    """Fields of each login that came."""
    logouts: list[Mapping[str, str]] = field(default_factory=list)
    by_post: bool = False
    """Whether it lets the browser post its answer."""

    @property
    def url(self) -> str:
        return f"http://idp.localhost:{self.port}"

    @property
    def inside(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ticket(self, nonce: str = "") -> str:
        """A new ticket for the one who sits there."""
        name = secrets.token_urlsafe(8)
        self.tickets[name] = {"nonce": nonce}
        return name

    def answers(self, asked: Mapping[str, str]) -> tuple[str, dict[str, str]]:
        """The address its answer goes to, and the fields of it."""
        return asked["back"], {"ticket": self.ticket(asked["nonce"]), "state": asked["state"]}

    async def tell(self, address: str, *, subject: str = "", sid: str = "", secret: str = SECRET) -> int:
        """Say by itself that a login ended; the status of the answer."""
        fields = {"secret": secret, "subject": subject, "sid": sid}
        parts = urlsplit(address)
        inside, headers = f"http://127.0.0.1:{parts.port}{parts.path}", {"Host": parts.netloc}
        async with ClientSession() as session, session.post(inside, data=fields, headers=headers) as answer:
            assert "no-store" in answer.headers["Cache-Control"]
            return answer.status

    async def _authorize(self, request: web.Request) -> web.Response:
        asked = {**request.query, **(await _posted(request))}
        self.asked.append(asked)
        hidden = "".join(f'<input type="hidden" name="{n}" value="{html.escape(v)}">' for n, v in asked.items())
        page = f"<h1>Provider</h1><form method=post action=/answer>{hidden}<button>I am it</button></form>"
        return web.Response(text=page, content_type="text/html")

    async def _answer(self, request: web.Request) -> web.Response:
        back, fields = self.answers(await _posted(request))
        if not self.by_post:
            raise web.HTTPFound(f"{back}?{urlencode(fields)}")
        hidden = "".join(f'<input type="hidden" name="{n}" value="{html.escape(v)}">' for n, v in fields.items())
        script = "<script>document.forms[0].submit()</script>"
        form = f'<form method=post action="{html.escape(back)}">{hidden}<button>On</button></form>{script}'
        return web.Response(text=form, content_type="text/html")

    async def _redeem(self, request: web.Request) -> web.Response:
        kept = self.tickets.pop(request.match_info["ticket"], None)
        if kept is None:
            raise web.HTTPNotFound
        who = self.person
        said = {"subject": who.subject, "username": who.username, "email": who.email, "sid": who.sid, **kept}
        return web.json_response(said | {"groups": who.groups})

    async def _logout(self, request: web.Request) -> web.Response:
        self.logouts.append(dict(request.query))
        raise web.HTTPFound(f"{request.query['back']}?{urlencode({'state': request.query['state']})}")


async def _nothing(_: web.Request) -> web.Response:
    return web.Response(status=204)


async def _posted(request: web.Request) -> dict[str, str]:
    return {name: str(value) for name, value in (await request.post()).items()} if request.method == "POST" else {}


@asynccontextmanager
async def identity_provider(person: Stay) -> AsyncIterator[IdentityProvider]:
    """Serve it, on a port that stays the same."""
    provider = IdentityProvider(port=free_port(), person=person)
    application = web.Application()
    application.add_routes(
        [
            web.get("/authorize", provider._authorize),
            web.post("/authorize", provider._authorize),
            web.post("/answer", provider._answer),
            web.get("/redeem/{ticket}", provider._redeem),
            web.get("/logout", provider._logout),
            web.get("/favicon.ico", _nothing),
        ]
    )
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", provider.port).start()
    try:
        yield provider
    finally:
        await runner.cleanup()


class TicketSettings(PluginSettings):
    """Where the provider is."""

    url: str
    """As browsers know it."""
    inside: str
    """As the gateway knows it."""
    unsolicited: bool = False
    by_post: bool = False
    """Whether the visitor's browser posts the question."""


class Tickets(AuthPlugin[TicketSettings]):
    """Sends visitors to the provider, and redeems the ticket they come back with."""

    @override
    async def login(self, request: LoginRequest) -> Identity | Redirect:
        if not request.returned:
            return self._away(request)
        if not request.flow and not self.settings.unsolicited:
            raise Refused("unsolicited", "nobody was sent there")
        answer = await self.kit.fetch("GET", f"{self.settings.inside}/redeem/{request.fields.get('ticket', '')}")
        if answer.status != 200:
            raise Refused("ticket_unknown", f"the provider answered {answer.status}")
        said = json.loads(answer.body)
        if request.flow and said["nonce"] != request.keep["nonce"]:
            raise Refused("nonce_differs")
        groups = None if said["groups"] is None else tuple(said["groups"])
        return Identity(
            subject=said["subject"],
            username=said["username"],
            email=said["email"],
            email_verified=True,
            groups=groups,
            amr=("otp",),
            session=said["sid"],
            keep="kept by the plugin",
        )

    def _away(self, request: LoginRequest) -> Redirect:
        nonce = secrets.token_urlsafe(8)
        asked = {
            "state": request.flow,
            "nonce": nonce,
            "back": f"{self.kit.base}/callback",
            "hint": request.hint,
            "again": "1" if request.again else "",
        }
        address, keep = f"{self.settings.url}/authorize", {"nonce": nonce}
        if self.settings.by_post:
            return Redirect(url=address, post=asked, keep=keep)
        return Redirect(url=f"{address}?{urlencode(asked)}", keep=keep)

    @override
    async def logout(self, request: LogoutRequest) -> Redirect | None:
        said = {"state": request.flow, "sid": request.session, "subject": request.subject, "keep": request.keep}
        return Redirect(url=f"{self.settings.url}/logout?{urlencode({**said, 'back': f'{self.kit.base}/slo'})}")

    @override
    async def ended(self, message: ProviderMessage) -> Ended:
        fields = message.fields
        if fields.get("secret") != SECRET:
            raise Refused("not_signed", "the message does not carry the secret")
        then = Redirect(url=f"{self.settings.url}/ended?{message.query}") if "then" in fields else None
        return Ended(subject=fields.get("subject", ""), session=fields.get("sid", ""), then=then)

    @override
    async def document(self) -> Document:
        return Document(content_type="text/plain", body=b"come to " + self.kit.base.encode())

    @override
    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        if not self.settings.url.startswith("http"):
            raise Misconfigured("url_wrong", f"option 'url' is {self.settings.url}; write an http address")
        yield
