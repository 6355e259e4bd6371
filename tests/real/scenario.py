"""A plant that people set up through pages and API: a team, three stages of one application, and who may do what on each.

Nothing is declared in files. The operator makes the first admin on the command line; all else is done by people who are
logged in, with the rights that they have.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from aiohttp import ClientResponse

from proxy.cli.nodered_setup import NodeRed
from tests.peers.browser import Chromium
from tests.peers.browser import Visitor as Browser
from tests.peers.gateway import PASSWORD, Site, Visitor, visitor
from tests.peers.nodered import Programs, nodered
from tests.peers.ports import free_port
from tests.proxy.web.api.house import Client
from tests.real.flows import write_flows
from tests.real.place import PLENTY, flowward

STAGES: Final = ("staging", "acceptance", "production")
APPLICATION: Final = "acme/packaging"
FIRST: Final = "ada"
"""The admin."""
ROLES: Final = {"olga": "owner", "bea": "viewer", "tim": "viewer", "uma": "dashboard"}
"""In the team. olga owns it, bea builds, tim tests, uma uses."""
OVERRIDES: Final[Mapping[str, Mapping[str, str]]] = {
    "bea": {"staging": "member", "acceptance": "none", "production": "none"},
    "tim": {"staging": "none", "acceptance": "viewer", "production": "none"},
    "uma": {"staging": "none", "acceptance": "none", "production": "dashboard"},
}
GROUPS: Final = {"developers": ("dan", "staging"), "admins": ("adam", "")}
"""Slug of a group -> its one member, who is in no team, and the stage shared with it; all of the application where empty."""
V2: Final = {"Node-RED-API-Version": "v2"}


@dataclass(slots=True, kw_only=True)
class Plant:
    """The gateway and its three stages."""

    site: Site
    programs: Programs
    stack: AsyncExitStack
    stages: dict[str, str] = field(default_factory=dict)
    """Stage -> id of the instance."""
    nodes: dict[str, NodeRed] = field(default_factory=dict)
    users: dict[str, str] = field(default_factory=dict)
    """Username -> id."""
    clients: dict[str, Client] = field(default_factory=dict)
    """Username -> a session at the API."""

    def origin(self, stage: str) -> str:
        return self.site.origin(f"{stage}.localhost")

    def admin(self, stage: str) -> str:
        return f"{self.origin(stage)}/admin/"

    def dashboard(self, stage: str) -> str:
        return f"{self.origin(stage)}/dashboard/line"

    async def flowward(self, *words: str) -> str:
        return await flowward(self.site, *words)

    @asynccontextmanager
    async def otherwise(self, user: str) -> AsyncIterator[None]:
        """Somebody may be overridden at will; afterwards they have what they usually have."""
        try:
            yield
        finally:
            await self.override(user, **OVERRIDES[user])

    async def override(self, user: str, **roles: str) -> None:
        """The owner says what role somebody has on which stages, in one go."""
        body = {"overrides": {self.stages[stage]: role for stage, role in roles.items()}}
        answer = await self.clients["olga"].put(f"/spaces/acme/members/{self.users[user]}/overrides", body)
        assert answer.status == 200, answer.text

    @asynccontextmanager
    async def protected(self, stage: str) -> AsyncIterator[None]:
        """Nobody deploys there meanwhile."""
        await self._protect(stage, enabled=True)
        try:
            yield
        finally:
            await self._protect(stage, enabled=False)

    async def _protect(self, stage: str, *, enabled: bool) -> None:
        answer = await self.clients["olga"].put(f"/instances/{self.stages[stage]}/protected", {"enabled": enabled})
        assert answer.status == 200, answer.text


@asynccontextmanager
async def plant(programs: Programs, chromium: Chromium, folder: Path) -> AsyncIterator[Plant]:
    """All of it, set up."""
    site = Site(folder, {})
    site.settings = {"limits": dict.fromkeys(("login", "anonymous", "api", "token_create", "activation"), PLENTY)}
    async with site.process(), AsyncExitStack() as stack:
        made = Plant(site=site, programs=programs, stack=stack)
        link = (await made.flowward("user", "add", FIRST, "--admin")).strip()
        await activated(made, chromium, FIRST, link)
        ada = made.clients[FIRST]
        await _team(made, chromium, ada)
        await _instances(made, ada)
        await _people(made, chromium)
        yield made


async def activated(made: Plant, chromium: Chromium, username: str, link: str) -> None:
    """Somebody opens their link, chooses a password and is logged in; and logs in at the API as well."""
    async with chromium.visitor() as browser:
        await browser.page.goto(link)
        await browser.page.get_by_label("New password").fill(PASSWORD)
        await browser.page.get_by_label("The same again").fill(PASSWORD)
        await browser.page.get_by_role("button", name="Set password and log in").click()
        await browser.page.get_by_text("Log out").wait_for()
    client = Client(await made.stack.enter_async_context(visitor(made.site)))
    answer = await client.post("/auth/login", {"username": username, "password": PASSWORD})
    assert answer.status == 200, answer.text
    client.csrf = str(answer.json["csrf"])
    made.clients[username] = client
    made.users[username] = str((await client.get("/me")).json["id"])


async def somebody(made: Plant, chromium: Chromium, username: str, memberships: Mapping[str, str]) -> None:
    """An admin makes an account and hands on the link that is shown to them."""
    ada = made.clients[FIRST]
    user = {"username": username, "name": username.title(), "email": f"{username}@acme.example"}
    answer = await ada.post("/users", {**user, "memberships": memberships})
    assert answer.status == 201, answer.text
    link = await ada.post(f"/users/{answer.json['id']}/activation-link")
    await activated(made, chromium, username, str(link.json["link"]))


async def _team(made: Plant, chromium: Chromium, ada: Client) -> None:
    team = await ada.post("/spaces", {"kind": "team", "slug": "acme", "title": "Acme"})
    assert team.status == 201, team.text
    await somebody(made, chromium, "olga", {"acme": ROLES["olga"]})
    application = {"space": "acme", "slug": "packaging", "name": "Packaging"}
    answer = await made.clients["olga"].post("/applications", application)
    assert answer.status == 201, answer.text


async def _instances(made: Plant, ada: Client) -> None:
    """The owner registers what the admin lets upstreams lead to; the operator puts the snippet into each Node-RED."""
    olga, flows = made.clients["olga"], write_flows(made.site.folder / "the-flows.json")
    ports = {stage: free_port() for stage in STAGES}
    bodies = [_instance(stage, ports[stage]) for stage in STAGES]
    refused = await olga.post("/instances", bodies[0])
    assert (refused.status, list(refused.faults)) == (422, ["/upstream"])
    settings = (await ada.get("/settings")).json
    kept = {name: value for name, value in settings.items() if name not in ("actions", "configured", "mingled_groups")}
    assert (await ada.put("/settings", {**kept, "upstream_allow": ["127.0.0.1/32"]})).status == 200
    for body in bodies:
        answer = await olga.post("/instances", body)
        assert answer.status == 201, answer.text
        made.stages[str(body["slug"])] = str(answer.json["id"])
    await asyncio.gather(*(_started(made, stage, ports[stage], flows) for stage in STAGES))


def _instance(stage: str, port: int) -> Mapping[str, object]:
    return {
        "application": APPLICATION,
        "slug": stage,
        "name": stage.title(),
        "hosts": [f"{stage}.localhost"],
        "upstream": f"http://127.0.0.1:{port}",
        "security": {"admin_root": "/admin", "endpoints": ["/api/*"]},
    }


async def _started(made: Plant, stage: str, port: int, flows: Path) -> None:
    module = made.site.folder / f"{stage}.settings.js"
    module.write_text(await made.flowward("nodered", "snippet", f"{APPLICATION}/{stage}"))
    start = partial(
        nodered, made.programs, made.site.folder / stage, flows=flows, modules=[module], admin_root="/admin"
    )
    made.nodes[stage] = await made.stack.enter_async_context(start(port=port))


async def _people(made: Plant, chromium: Chromium) -> None:
    """Who builds, tests and uses, by overrides; and two groups, by shares."""
    olga = made.clients["olga"]
    for username in OVERRIDES:
        await somebody(made, chromium, username, {"acme": ROLES[username]})
        await made.override(username, **OVERRIDES[username])
    for slug, (username, stage) in GROUPS.items():
        group = {"kind": "group", "slug": slug, "title": slug.title(), "parent": "acme"}
        assert (await olga.post("/spaces", group)).status == 201
        await somebody(made, chromium, username, {slug: "member"})
        target = made.stages[stage] if stage else APPLICATION.replace("/", "%2F")
        shared = await olga.post(f"/resources/{target}/grants", {"space": slug, "role": "member"})
        assert shared.status == 200, shared.text


async def log_in(browser: Browser, username: str) -> None:
    """Fill in the login form that is shown."""
    await browser.page.get_by_label("Username").fill(username)
    await browser.page.get_by_label("Password").fill(PASSWORD)
    await browser.page.get_by_role("button", name="Log in", exact=True).click()


async def asked(
    somebody: Visitor, where: str, method: str = "GET", body: object = None, *, token: str = ""
) -> ClientResponse:
    """A request to an instance, by the session of its visitor or with a token."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if method != "GET" and not token:
        headers["Origin"] = "/".join(where.split("/")[:3])
    if body is not None:
        headers["Content-Type"] = "application/json"
    data = json.dumps(body) if body is not None else None
    return await somebody.request(method, where, headers={**V2, **headers}, data=data)


async def code(answer: ClientResponse) -> object:
    """The code of a refusal of the gateway's; None for what passed."""
    if answer.content_type != "application/problem+json":
        return None
    return json.loads(await answer.read())["code"]
