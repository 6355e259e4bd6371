"""A house in which people of corp.example log in by a provider of their own, and how they go there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from aiohttp import ClientSession, DummyCookieJar

from auth_plugins.registry import Provider
from auth_plugins.testkit import kit
from config.auth_schema import AuthEntry
from proxy.model.audit import AuditQuery, Event
from proxy.store import PutPerson
from proxy.web.outside import Outside
from tests.peers.identity_provider import IdentityProvider, Stay, Tickets, TicketSettings, identity_provider
from tests.proxy.web import house as houses
from tests.proxy.web.house import HOME, Answer, Browser, House

KIM = Stay(subject="77", username="kim", email="kim@corp.example", groups=("staff",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Corp:
    """The house and the provider."""

    house: House
    idp: IdentityProvider

    async def leave(self, browser: Browser, to: str = "", **query: str) -> Answer:
        """Set out for the provider."""
        return await browser.get(f"{HOME}/-/auth/corp/login?" + urlencode({"to": to, **query}))

    async def back(self, browser: Browser, left: Answer, **other: str) -> Answer:
        """Come back from it by a redirect."""
        return await browser.get(self.address(left, **other))

    def address(self, left: Answer, **other: str) -> str:
        """Where the provider sends somebody whom the gateway sent there."""
        back, fields = self.idp.answers(dict(parse_qsl(urlsplit(left.location).query, keep_blank_values=True)))
        return f"{back}?{urlencode(fields | other)}"

    async def came(self, browser: Browser, to: str = "") -> Answer:
        """All the way there and back."""
        return await self.back(browser, await self.leave(browser, to))

    async def events(self, *names: str) -> list[Event]:
        found = await self.house.desk.database.events(AuditQuery(events=names))
        return [each.event for each in reversed(found.items)]

    async def make_admin(self, user_id: str, **more: object) -> None:
        person = await self.house.desk.database.person(user_id)
        assert person is not None
        user = replace(person.user, admin=True, **more)  # type: ignore[arg-type]
        await self.house.desk.database.edit([PutPerson(person=replace(person, user=user))], [])


@asynccontextmanager
async def corp(
    folder: Path,
    *,
    local: bool = True,
    more: tuple[Provider, ...] = (),
    unsolicited: bool = False,
    by_post: bool = False,
    public_url: str = HOME,
    **entry: object,
) -> AsyncIterator[Corp]:
    """`entry` are further settings of the gateway's own about the provider."""
    async with (
        identity_provider(replace(KIM)) as idp,
        ClientSession(cookie_jar=DummyCookieJar()) as outside,
    ):
        settings = TicketSettings(url=idp.url, inside=idp.inside, unsolicited=unsolicited, by_post=by_post)
        written = {"domains": ("corp.example",), "provision": True, "title": "Corp Login", **entry}
        provider = Provider(
            entry=AuthEntry(name="corp", plugin="tickets", **written),  # type: ignore[arg-type]
            plugin=Tickets(settings, kit(fetch=Outside(outside), name="corp", base=f"{HOME}/-/auth/corp")),
        )
        async with houses.house(folder, public_url, more=(provider, *more), local=local) as house:
            yield Corp(house=house, idp=idp)
