"""A house with two customers in it, set up through pages and API by its owner: one dashboard, of which each sees their part."""

import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from proxy.cli.nodered_setup import NodeRed
from tests.peers.gateway import PASSWORD, Site, visitor
from tests.peers.nodered import Programs, nodered
from tests.peers.ports import free_port
from tests.proxy.web.api.house import Client
from tests.real.flows import Node
from tests.real.place import PLENTY, flowward

HOST: Final = "portal.localhost"
INSTANCE: Final = "acme/buildings/portal"
CUSTOMERS: Final = {"customer-a": "Customer A", "customer-b": "Customer B"}
LABEL: Final = "Office renters"
HELD: Final[Mapping[str, Sequence[str]]] = {
    "customer-a": ("SD-001", "EM-002", "WM-003"),
    "customer-b": ("AM-307",),
}
"""The devices in each customer's office."""
OFFICES: Final = {"customer-a": "Office A", "customer-b": "Office B"}
SHARED: Final = "Building A"
LENT: Final = "GW-900"
"""A device that is nobody's yet."""
ROWS: Final = (SHARED, *OFFICES.values(), *(device for devices in HELD.values() for device in devices), LENT)
"""What the flow puts into its one table, for everybody."""
OWN: Final = {customer: {SHARED, OFFICES[customer], *HELD[customer]} for customer in CUSTOMERS}
"""What each customer may see of it."""
_ROWS: Final = f"""const value = msg.payload === 'later' ? 2 : 1
msg.payload = {json.dumps(ROWS)}.map(thing => ({{ thing, value }}))
return msg"""


@dataclass(slots=True, kw_only=True)
class Portal:
    """The gateway, and the Node-RED behind it."""

    site: Site
    stack: AsyncExitStack
    upstream: int = field(default_factory=free_port)
    ids: dict[str, str] = field(default_factory=dict)
    """Of what was made: customers by slug, things by external id, pages and folders by slug, people by first name."""
    links: dict[str, str] = field(default_factory=dict)
    """First name -> activation link."""
    clients: dict[str, Client] = field(default_factory=dict)
    """Username -> a session at the API."""
    node: NodeRed | None = None

    @property
    def origin(self) -> str:
        return self.site.origin(HOST)

    @property
    def page(self) -> str:
        """The page that is shared."""
        return f"{self.origin}/dashboard/building"

    @property
    def hidden(self) -> str:
        """The page that is not."""
        return f"{self.origin}/dashboard/boilers"

    @property
    def olga(self) -> Client:
        return self.clients["olga"]

    async def make(self, path: str, /, **body: object) -> str:
        """Something that the owner of the team makes; its id."""
        answer = await self.olga.post(f"/{path}", body)
        assert answer.status == 201, answer.text
        return str(answer.json["id"])

    async def said(self, path: str, body: object) -> None:
        """Something that the owner of the team says is to be."""
        answer = await self.olga.put(path, body)
        assert answer.status == 200, answer.text

    async def share(self, what: str, customer: str, role: str = "dashboard") -> None:
        answer = await self.olga.post(f"/resources/{self.ids[what]}/grants", {"space": customer, "role": role})
        assert answer.status == 200, answer.text

    async def log_in(self, username: str) -> Client:
        client = Client(await self.stack.enter_async_context(visitor(self.site)))
        answer = await client.post("/auth/login", {"username": username, "password": PASSWORD})
        assert answer.status == 200, answer.text
        client.csrf = str(answer.json["csrf"])
        self.clients[username] = client
        return client


@asynccontextmanager
async def portal(programs: Programs, folder: Path) -> AsyncIterator[Portal]:
    """All of it, set up; people have links, and nobody has opened theirs."""
    site = Site(folder, {})
    site.settings = {"limits": dict.fromkeys(("login", "anonymous", "api", "activation", "invites"), PLENTY)}
    async with site.process(), AsyncExitStack() as stack:
        made = Portal(site=site, stack=stack)
        await _owner(made)
        await _customers(made)
        await _dashboard(made)
        await _things(made)
        await _people(made)
        module = folder / "portal.settings.js"
        module.write_text(await flowward(site, "nodered", "snippet", INSTANCE))
        flows = folder / "the-flows.json"
        flows.write_text(json.dumps(_nodes()))
        start = nodered(
            programs, folder / "node-red", flows=flows, modules=[module], admin_root="/admin", port=made.upstream
        )
        made.node = await stack.enter_async_context(start)
        yield made


async def _owner(made: Portal) -> None:
    """The operator makes an admin, the admin a team and its owner, and says where instances may listen."""
    await _chosen(made, (await flowward(made.site, "user", "add", "ada", "--admin")).strip())
    ada = await made.log_in("ada")
    assert (await ada.post("/spaces", {"kind": "team", "slug": "acme", "title": "Acme"})).status == 201
    account = {"username": "olga", "name": "Olga", "memberships": {"acme": "owner"}}
    assert (await ada.post("/users", account)).status == 201
    await _chosen(made, str((await ada.post("/users/olga/activation-link")).json["link"]))
    await made.log_in("olga")
    kept = {name: value for name, value in (await ada.get("/settings")).json.items() if name in _SETTINGS}
    answer = await ada.put("/settings", {**kept, "upstream_allow": ["127.0.0.1/32"]})
    assert answer.status == 200, answer.text


_SETTINGS: Final = ("tenant_mode", "disable_all_users", "admin_data_access", "switched_off", "upstream_allow", "tags")


async def _chosen(made: Portal, link: str) -> None:
    """Somebody chooses a password by their link."""
    async with visitor(made.site) as somebody:
        page = await (await somebody.request("GET", link, headers={"Accept": "text/html"})).text()
        csrf = re.search(r'name="csrf" value="([^"]+)"', page)
        assert csrf is not None, page
        sent = {"Origin": made.site.home, "Content-Type": "application/x-www-form-urlencoded"}
        data = urlencode({"csrf": csrf[1], "password": PASSWORD, "again": PASSWORD})
        assert (await somebody.request("POST", link, headers=sent, data=data)).status == 303


async def _customers(made: Portal) -> None:
    for slug, title in CUSTOMERS.items():
        made.ids[slug] = await made.make("spaces/acme/customers", slug=slug, title=title, labels=[LABEL])


async def _dashboard(made: Portal) -> None:
    """One page of the dashboard is in a folder that is shared with both, and its rows are told apart by what they are of."""
    await made.make("applications", space="acme", slug="buildings", name="Buildings")
    made.ids["portal"] = await made.make(
        "instances",
        application="acme/buildings",
        slug="portal",
        name="Portal",
        hosts=[HOST],
        upstream=f"http://127.0.0.1:{made.upstream}",
        security={"admin_root": "/admin"},
    )
    made.ids["building"] = await made.make(
        "pages", instance=INSTANCE, slug="building", name="Building", match="/building"
    )
    made.ids["boilers"] = await made.make("pages", instance=INSTANCE, slug="boilers", name="Boilers", match="/boilers")
    made.ids["folder"] = await made.make("folders", space="acme", slug="buildings-folder", name="Buildings")
    await made.said(f"/folders/{made.ids['folder']}/items", {"items": [made.ids["building"]]})
    for customer in CUSTOMERS:
        await made.share("folder", customer)
    await made.make(
        "row-policies",
        instance=INSTANCE,
        name="things",
        kind="socketio",
        tag="@things",
        field="thing",
        widgets=["meters"],
    )


async def _things(made: Portal) -> None:
    """Building A with two offices, each with the devices of who rents it, handed to the customer with all that is in it."""

    async def make(name: str, subtype: str, **place: str) -> None:
        body = {"slug": name.lower().replace(" ", "-"), "name": name, "subtype": subtype, "external_id": name}
        made.ids[name] = await made.make("things", **body, **place)

    await make(SHARED, "asset", space="acme")
    for customer in CUSTOMERS:
        await make(OFFICES[customer], "asset", parent=made.ids[SHARED])
        for device in HELD[customer]:
            await make(device, "device", parent=made.ids[OFFICES[customer]])
        await made.said(f"/resources/{made.ids[OFFICES[customer]]}/owner", {"owner": customer, "folders": ["offices"]})
        await made.share(SHARED, customer)


async def _people(made: Portal) -> None:
    """Emma of the one customer and Jack of the other: the shared page is what they see first, and all that they see."""
    for name, customer in (("emma", "customer-a"), ("jack", "customer-b")):
        answer = await made.olga.post(f"/spaces/{customer}/users", {"username": name, "name": name.title()})
        assert answer.status == 201, answer.text
        made.ids[name], made.links[name] = str(answer.json["id"]), str(answer.json["link"])
        await made.said(
            f"/spaces/{customer}/users/{made.ids[name]}/home",
            {"dashboard": made.ids["building"], "fullscreen": True},
        )


def _nodes() -> list[Node]:
    """A dashboard of two pages; the rows of all customers come into one table, at the start and whenever they change."""
    base: list[Node] = [
        {"id": "tab", "type": "tab", "label": "Buildings"},
        {
            "id": "base",
            "type": "ui-base",
            "name": "Portal",
            "path": "/dashboard",
            "includeClientData": True,
            "acceptsClientConfig": ["ui-control", "ui-notification"],
            "navigationStyle": "default",
            "titleBarStyle": "default",
        },
        {"id": "theme", "type": "ui-theme", "name": "Plain", "colors": _COLOURS, "sizes": _SIZES},
    ]
    widgets: list[Node] = [
        *_page("building", "Building", 1),
        *_page("boilers", "Boilers", 2),
        {
            "id": "start",
            "type": "inject",
            "z": "tab",
            "props": [{"p": "payload"}],
            "payload": "first",
            "payloadType": "str",
            "once": True,
            "onceDelay": "0.1",
            "wires": [["rows"]],
        },
        {
            "id": "later",
            "type": "inject",
            "z": "tab",
            "props": [{"p": "payload"}],
            "payload": "later",
            "payloadType": "str",
            "wires": [["rows", "heat"]],
        },
        {"id": "rows", "type": "function", "z": "tab", "func": _ROWS, "outputs": 1, "wires": [["meters"]]},
        {
            "id": "meters",
            "type": "ui-table",
            "z": "tab",
            "group": "group-building",
            "name": "meters",
            "label": "",
            "order": 1,
            "width": "6",
            "height": "6",
            "maxrows": "0",
            "passthru": False,
            "autocols": False,
            "showSearch": False,
            "deselect": True,
            "selectionType": "none",
            "columns": [_column("thing"), _column("value")],
            "mobileBreakpoint": "sm",
            "mobileBreakpointType": "defaults",
            "action": "replace",
            "wires": [[]],
        },
        {
            "id": "heat",
            "type": "ui-text",
            "z": "tab",
            "group": "group-boilers",
            "name": "heat",
            "label": "Boiler house",
            "order": 1,
            "width": "0",
            "height": "0",
            "format": "{{msg.payload}}",
            "layout": "row-spread",
            "wires": [],
        },
    ]
    return [*base, *({**node, "x": 100, "y": 100} if "z" in node else node for node in widgets)]


_COLOURS: Final = dict.fromkeys(("surface", "bgPage", "groupBg", "groupOutline"), "#ffffff") | {"primary": "#0f766e"}
_SIZES: Final = dict.fromkeys(("pagePadding", "groupGap", "groupBorderRadius", "widgetGap"), "12px")


def _column(key: str) -> Node:
    return {"title": key.title(), "key": key, "keyType": "key", "type": "text", "width": "", "align": "start"}


def _page(key: str, name: str, order: int) -> list[Node]:
    return [
        {
            "id": f"page-{key}",
            "type": "ui-page",
            "name": name,
            "ui": "base",
            "path": f"/{key}",
            "layout": "grid",
            "theme": "theme",
            "breakpoints": [{"name": "Default", "px": "0", "cols": "12"}],
            "order": order,
            "visible": "true",
            "disabled": "false",
        },
        {
            "id": f"group-{key}",
            "type": "ui-group",
            "name": name,
            "page": f"page-{key}",
            "width": "12",
            "height": "1",
            "order": 1,
            "showTitle": False,
            "visible": "true",
            "disabled": "false",
            "groupType": "default",
        },
    ]
