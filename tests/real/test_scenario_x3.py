"""X-3: two tenants and somebody in both, one canned dashboard for all, and the switches that keep tenants apart.

Set up through the API as an admin does it. Then each of them looks, by API, by the endpoint of the real Node-RED and in
Chromium: as it begins, in tenant mode, without it, in it again, and with the space of everyone switched off.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.peers.browser import Chromium
from tests.peers.gateway import Site
from tests.peers.nodered import Programs, nodered
from tests.peers.ports import free_port
from tests.proxy.web.api.house import Client
from tests.real.flows import Node, write_flows
from tests.real.personas import PROGRAM, Transport, at_browser
from tests.real.place import PLENTY
from tests.real.scenario import FIRST, Plant, activated, asked, log_in, somebody

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

ADMIN = FIRST
ROWS = [{"tenantid": tenant, "reading": f"{tenant}-{number}"} for tenant in ("acme", "partner") for number in (1, 2)]
MEMBERSHIPS = {
    "wilma": {"acme": "member"},
    "pavel": {"partner": "member"},
    "alex": {"acme": "dashboard", "partner": "dashboard"},
}
"""wilma and pavel are Composers, one of each tenant; alex is Agent in both."""
PEOPLE = (ADMIN, *MEMBERSHIPS)
STALE = {"flows": [], "rev": "stale"}
"""A deploy that Node-RED itself refuses with 409, so that it changes nothing where it may be sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one of them has of it all."""

    folders: frozenset[str]
    """Slugs of those that are listed."""
    people: frozenset[str]
    """Whom they find."""
    readings: frozenset[str]
    """Whose rows the endpoint answers; nobody's where the instance is not there for them."""
    manages: frozenset[str]
    """Slugs of the folders in which they may make others."""
    deploys: int
    """Status of a deploy to the canned instance."""


def has(folders: str, people: str, readings: str, manages: str, deploys: int) -> Seen:
    """Each by words with spaces between them."""
    return Seen(
        folders=frozenset(folders.split()),
        people=frozenset(people.split()),
        readings=frozenset(readings.split()),
        manages=frozenset(manages.split()),
        deploys=deploys,
    )


TENANTS_OF = ("acme", "partner")
DEPLOY = "#red-ui-header-button-deploy"
PATIENCE = 60_000.0
_FLOW: Sequence[Node] = [
    {"id": "in-rows", "type": "http in", "z": "tab", "url": "/api/rows", "method": "get", "wires": [["all-rows"]]},
    {"id": "once", "type": "inject", "z": "tab", "props": [], "once": True, "onceDelay": 0.1, "wires": [["all-rows-too"]]},
    *(
        {"id": key, "type": "function", "z": "tab", "func": f"msg.payload = {json.dumps(ROWS)}\nreturn msg", "outputs": 1,
         "wires": [[to]]}
        for key, to in (("all-rows", "reply"), ("all-rows-too", "rows"))
    ),
    {"id": "rows", "type": "ui-table", "z": "tab", "group": "group", "name": "rows", "width": 6, "height": 4,
     "maxrows": 0, "autocols": True, "showSearch": False, "columns": [], "action": "replace", "wires": [[]]},
]  # fmt: skip
ALL = "library of-acme of-partner"
EVERYBODY = "ada alex pavel wilma"
"""ada made the team, and so owns it."""
TENANTS = "alex wilma pavel"
BOTH = "acme partner"
OFF: Mapping[str, Seen] = {
    "ada": has(ALL, EVERYBODY, BOTH, ALL, 409),
    "wilma": has("library of-acme", EVERYBODY, "acme", "library of-acme", 409),
    "pavel": has("library of-partner", EVERYBODY, "partner", "library of-partner", 409),
    "alex": has(ALL, EVERYBODY, BOTH, "", 403),
}
ON: Mapping[str, Seen] = {
    "ada": OFF["ada"],
    "wilma": has("library of-acme", "alex wilma", "acme", "of-acme", 403),
    "pavel": has("library of-partner", "alex pavel", "partner", "of-partner", 403),
    "alex": has(ALL, TENANTS, BOTH, "", 403),
}
WITHOUT_EVERYONE: Mapping[str, Seen] = {
    "ada": OFF["ada"],
    "wilma": has("of-acme", "alex wilma", "", "of-acme", 404),
    "pavel": has("of-partner", "alex pavel", "", "of-partner", 404),
    "alex": has("of-acme of-partner", TENANTS, "", "", 404),
}


@dataclass(slots=True, kw_only=True)
class Vendor:
    """The gateway, and who looks at it."""

    plant: Plant

    @property
    def admin(self) -> Client:
        return self.plant.clients[ADMIN]

    async def switch(self, **settings: object) -> None:
        told = (await self.admin.get("/settings")).json
        kept = {name: told[name] for name in told.keys() - {"actions", "configured", "mingled_groups"}}
        answer = await self.admin.put("/settings", {**kept, **settings})
        assert answer.status == 200, answer.text

    async def seen(self, name: str) -> Seen:
        client = self.plant.clients[name]
        folders = (await client.get("/folders")).items
        people = (await client.get("/directory")).items
        await client.visitor.navigate(self.plant.dashboard("reports"))
        rows = await asked(client.visitor, f"{self.plant.origin('reports')}/api/rows")
        deploy = await asked(client.visitor, f"{self.plant.admin('reports')}flows", "POST", STALE)
        readings: Sequence[Mapping[str, str]] = json.loads(await rows.text()) if rows.status == 200 else ()
        return Seen(
            folders=frozenset(str(each["slug"]) for each in folders),
            people=frozenset(str(each["username"]) for each in people),
            readings=frozenset(row["tenantid"] for row in readings),
            manages=frozenset(str(each["slug"]) for each in folders if "folder:edit" in str(each["actions"])),
            deploys=deploy.status,
        )

    async def faults(self) -> set[str]:
        """Codes of what the isolation report names."""
        found = (await self.admin.get("/checks/isolation")).json["faults"]
        assert isinstance(found, list)
        return {str(each["code"]) for each in found}

    async def matrix(self) -> Mapping[str, Seen]:
        return {name: await self.seen(name) for name in PEOPLE}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def vendor(
    node_red_programs: Programs, chromium: Chromium, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Vendor]:
    site = Site(tmp_path_factory.mktemp("vendor"), {})
    site.settings = {"limits": dict.fromkeys(("login", "anonymous", "api", "token_create", "activation"), PLENTY)}
    async with site.process(), AsyncExitStack() as stack:
        plant = Plant(site=site, programs=node_red_programs, stack=stack)
        await activated(plant, chromium, ADMIN, (await plant.flowward("user", "add", ADMIN, "--admin")).strip())
        yield await _set_up(plant, chromium)


async def _set_up(plant: Plant, chromium: Chromium) -> Vendor:
    admin = plant.clients[ADMIN]
    await _made(admin, "/spaces", {"kind": "team", "slug": "vendor"})
    for tenant in ("acme", "partner"):
        await _made(admin, "/spaces", {"kind": "group", "slug": tenant, "parent": "vendor"})
    await _made(admin, "/spaces", {"kind": "everyone", "slug": "all", "title": "All users"})
    for name, memberships in MEMBERSHIPS.items():
        await somebody(plant, chromium, name, memberships)
    instance = await _canned(plant)
    for slug, space in (("library", "all"), ("of-acme", "acme"), ("of-partner", "partner")):
        made = await _made(admin, "/folders", {"slug": slug, "space": space})
        if space == "all":
            assert (await admin.put(f"/folders/{made}/items", {"items": [instance]})).status == 200
    await _rows_of_their_own(admin, instance)
    return Vendor(plant=plant)


async def _made(admin: Client, path: str, body: object) -> str:
    answer = await admin.post(path, body)
    assert answer.status in (200, 201), answer.text
    return str(answer.json["id"])


async def _canned(plant: Plant) -> str:
    """One instance of everyone's, in front of a real Node-RED that shows everybody the same rows; its id."""
    admin, port = plant.clients[ADMIN], free_port()
    await Vendor(plant=plant).switch(upstream_allow=["127.0.0.1/32"])
    await _made(admin, "/applications", {"space": "all", "slug": "canned", "name": "Canned"})
    body = {
        "application": "all/canned",
        "slug": "reports",
        "name": "Reports",
        "hosts": ["reports.localhost"],
        "upstream": f"http://127.0.0.1:{port}",
        "security": {"admin_root": "/admin", "endpoints": ["/api/*"]},
    }
    made = await _made(admin, "/instances", body)
    module = plant.site.folder / "reports.settings.js"
    module.write_text(await plant.flowward("nodered", "snippet", "all/canned/reports"))
    flows = write_flows(plant.site.folder / "the-flows.json", more=_FLOW)
    node = nodered(
        plant.programs, plant.site.folder / "reports", flows=flows, modules=[module], admin_root="/admin", port=port
    )
    await plant.stack.enter_async_context(node)
    return made


async def _rows_of_their_own(admin: Client, instance: str) -> None:
    """Each tenant has its value of the tag and a name for all this; rows are whose they say they are, by both ways."""
    assert (await admin.post("/tags", {"name": "tenantid"})).status == 201
    for tenant in TENANTS_OF:
        assert (await admin.put(f"/spaces/{tenant}/tags", {"tags": {"tenantid": tenant}})).status == 200
        assert (await admin.put(f"/spaces/{tenant}/branding", {"product": f"Portal of {tenant}"})).status == 200
    await _policies(admin, instance)


async def _policies(admin: Client, instance: str) -> None:
    own = {"instance": instance, "tag": "tenantid", "field": "tenantid"}
    await _made(admin, "/row-policies", {**own, "name": "answers", "kind": "http", "paths": ["/api/rows"]})
    await _made(admin, "/row-policies", {**own, "name": "table", "kind": "socketio", "widgets": ["rows"]})


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def _as_it_began(vendor: Vendor) -> AsyncIterator[None]:
    yield
    await vendor.switch(tenant_mode=False, disable_all_users=False)


async def test_x_3_t_01_t_11_who_has_what_is_as_the_tables_say_whichever_way_the_switches_are(vendor: Vendor) -> None:
    """On, off and on again; then without everyone; and in the end as it began."""
    assert await vendor.matrix() == OFF
    for tenant_mode, table in ((True, ON), (False, OFF), (True, ON)):
        await vendor.switch(tenant_mode=tenant_mode)
        assert await vendor.matrix() == table
    await vendor.switch(disable_all_users=True)
    assert await vendor.matrix() == WITHOUT_EVERYONE
    await vendor.switch(disable_all_users=False)
    assert await vendor.matrix() == ON
    await vendor.switch(tenant_mode=False)
    assert await vendor.matrix() == OFF


NAMES = [("wilma", "acme"), ("pavel", "partner"), ("alex", "acme partner")]


@pytest.mark.parametrize(
    ("name", "tenants", "transport"),
    [*((*each, "websocket") for each in NAMES), ("wilma", "acme", "polling")],
)
async def test_x_3_t_08_t_11_one_dashboard_shows_each_tenant_its_own_rows_and_tells_of_no_other(
    vendor: Vendor, chromium: Chromium, name: str, tenants: str, transport: Transport
) -> None:
    """In every byte that the browser gets: answers of gateway and instance, and frames of the dashboard's socket."""
    await vendor.switch(tenant_mode=True)
    own = {row["reading"] for row in ROWS if row["tenantid"] in tenants.split()}
    async with at_browser(chromium, name, transport) as somebody:
        page = somebody.browser.page
        await page.goto(vendor.plant.site.home)
        await log_in(somebody.browser, name)
        tile = page.get_by_role("link", name="Dashboard of Reports")
        await tile.wait_for()
        launcher = await page.content()
        await tile.click()
        for reading in own:
            await page.get_by_text(reading, exact=True).wait_for()
        shown = await page.content()
        await somebody.browser.until(lambda: all(any(reading in text for text in somebody.got) for reading in own))
    assert bool(somebody.browser.frames) is (transport == "websocket")
    rivals = set(TENANTS_OF) - set(tenants.split())
    others = {row["reading"] for row in ROWS} - own | {f"Portal of {tenant}" for tenant in rivals}
    strangers = {each for each in ("wilma", "pavel") if each != name and rivals}
    heard = (text for text in somebody.got if len(text) < PROGRAM)
    assert not [word for text in (launcher, shown, *heard) for word in others | strangers if word in text]
    if rivals:
        assert f"Portal of {tenants}" in launcher


async def test_x_3_t_08_tenant_mode_leaves_rows_alone_and_the_isolation_report_names_who_shows_them(
    vendor: Vendor,
) -> None:
    await vendor.switch(tenant_mode=True)
    kept = (await vendor.admin.get("/row-policies")).items
    for policy in kept:
        assert (await vendor.admin.delete(f"/row-policies/{policy['id']}")).status == 204
    assert (await vendor.seen("wilma")).readings == set(TENANTS_OF)
    assert "no_row_policy" in await vendor.faults()
    await _policies(vendor.admin, str(kept[0]["instance"]))
    assert (await vendor.seen("wilma")).readings == {"acme"}
    assert "no_row_policy" not in await vendor.faults()


async def test_x_3_t_02_what_composers_may_do_with_the_canned_dashboard_ends_while_they_do_it(
    vendor: Vendor, chromium: Chromium
) -> None:
    """An editor that is open when the switch goes on loads itself again, and is a refusal then."""
    async with chromium.visitor() as browser:
        await browser.page.goto(vendor.plant.admin("reports"))
        await log_in(browser, "wilma")
        await browser.page.locator(DEPLOY).wait_for(timeout=PATIENCE)
        await vendor.switch(tenant_mode=True)
        await browser.page.get_by_text("Your role does not reach this far").wait_for(timeout=PATIENCE)
