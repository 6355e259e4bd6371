"""A dashboard of three pages for two customers, behind a gateway in this process: the oilfield is amy's, the gasworks ben's,
and tips are for both to look at.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp

from proxy.app import Running
from proxy.cli.nodered_setup import NodeRed
from proxy.model.access import Role
from proxy.model.estate import Estate, Grant, InstanceSettings, Resource, ResourceKind
from proxy.store import RemoveGrant
from tests.peers.changes import DEADLINE
from tests.peers.gateway import HASH, Site, estate
from tests.peers.gateway import visitor as as_visitor
from tests.peers.nodered import Programs, nodered
from tests.peers.ports import free_port
from tests.real.flows import Node
from tests.real.socketio import SocketIo, connected

HOST = "field.localhost"
PAGES = ("oil", "gas", "tips")
"""The page `oil` has the id `pg-oil-7`, the path `/oil-7` and the name `oil page 7`; on it are slider, text and table."""
_KINDS = ("sl", "tx", "tb")

_COLOURS = {"surface": "#fff", "primary": "#0f766e", "bgPage": "#eee", "groupBg": "#fff", "groupOutline": "#ccc"}
_SIZES = {"pagePadding": "12px", "groupGap": "12px", "groupBorderRadius": "4px", "widgetGap": "12px"}

_SEEN = """const seen = global.get('seen') || []
seen.push({ from: FROM, topic: msg.topic, payload: msg.payload, _client: msg._client })
global.set('seen', seen)
return null"""
_TELL = """const out = TARGETS.map(() => null)
const { to, ...said } = msg.payload
out[TARGETS.indexOf(to)] = said
node.send([...out, { ...msg, payload: 'told' }])"""
_ASKED = """msg.payload = { seen: global.get('seen') || [], auths: global.get('auths') }
global.set('seen', [])
return msg"""
_SETTINGS = """const auths = []
module.exports = {
  dashboard: { ioMiddleware: (socket, next) => { auths.push(socket.handshake.auth); next() } },
  functionGlobalContext: { auths }
}
"""


def foreign(page: str) -> tuple[str, ...]:
    """All by which a page and what lies on it are called."""
    return (
        f"pg-{page}-7",
        f"gr-{page}-7",
        f"th-{page}-7",
        f"/{page}-7",
        f"{page} page",
        *(f"{k}-{page}-7" for k in _KINDS),
    )


def write_flows(path: Path) -> Path:
    targets = [f"{kind}-{page}-7" for page in PAGES for kind in ("tx", "tb")] + ["notice-7", "control-7"]
    nodes: list[Node] = [
        {"id": "tab-7", "type": "tab", "label": "Field"},
        {
            "id": "base-7",
            "type": "ui-base",
            "name": "Field",
            "path": "/dashboard",
            "includeClientData": True,
            "acceptsClientConfig": ["ui-control", "ui-notification"],
            "navigationStyle": "default",
        },
        *(node for order, page in enumerate(PAGES, 1) for node in _page(page, order)),
        {"id": "event-7", "type": "ui-event", "ui": "base-7", "wires": [["seen-event"]]},
        _function("seen-event", _SEEN.replace("FROM", '"event"')),
        {"id": "control-7", "type": "ui-control", "ui": "base-7", "events": "change", "wires": [["seen-control"]]},
        _function("seen-control", _SEEN.replace("FROM", '"control"')),
        {
            "id": "notice-7",
            "type": "ui-notification",
            "ui": "base-7",
            "position": "top right",
            "displayTime": "30",
            "wires": [[]],
        },
        {"id": "in-tell", "type": "http in", "url": "/api/tell", "method": "post", "wires": [["tell"]]},
        _function("tell", _TELL.replace("TARGETS", json.dumps(targets)), *targets, "reply", outputs=len(targets) + 1),
        {"id": "in-asked", "type": "http in", "url": "/api/asked", "method": "get", "wires": [["asked"]]},
        _function("asked", _ASKED, "reply"),
        {"id": "reply", "type": "http response", "wires": []},
    ]
    path.write_text(json.dumps([_placed(node) for node in nodes]))
    return path


def _placed(node: Node) -> Node:
    """Nodes with wires stand on the tab."""
    return {**node, "z": "tab-7", "x": 100, "y": 100} if "wires" in node else node


def _function(key: str, code: str, *targets: str, outputs: int = 1) -> Node:
    wires = [[target] for target in targets] if outputs > 1 else [list(targets)]
    return {"id": key, "type": "function", "func": code, "outputs": outputs, "wires": wires}


def _page(name: str, order: int) -> Sequence[Node]:
    widget = {"group": f"gr-{name}-7", "width": 6, "height": 1}
    return [
        {
            "id": f"th-{name}-7",
            "type": "ui-theme",
            "name": f"theme of {name} page",
            "colors": _COLOURS,
            "sizes": _SIZES,
        },
        {
            "id": f"pg-{name}-7",
            "type": "ui-page",
            "name": f"{name} page 7",
            "ui": "base-7",
            "path": f"/{name}-7",
            "layout": "grid",
            "theme": f"th-{name}-7",
            "order": order,
            "visible": "true",
            "disabled": "false",
        },
        {
            "id": f"gr-{name}-7",
            "type": "ui-group",
            "name": f"{name} page group",
            "page": f"pg-{name}-7",
            "width": "6",
            "order": 1,
        },
        {
            "id": f"sl-{name}-7",
            "type": "ui-slider",
            "label": f"{name} page slider",
            "min": 0,
            "max": 100,
            "step": 1,
            "outs": "all",
            "passthru": False,
            "wires": [[f"seen-{name}"]],
            **widget,
        },
        _function(f"seen-{name}", _SEEN.replace("FROM", json.dumps(name))),
        {
            "id": f"tx-{name}-7",
            "type": "ui-text",
            "label": f"{name} page text",
            "format": "{{msg.payload}}",
            "wires": [],
            **widget,
        },
        {
            "id": f"tb-{name}-7",
            "type": "ui-table",
            "label": f"{name} page table",
            "maxrows": 9,
            "autocols": True,
            "wires": [[]],
            **widget,
        },
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """The gateway, the Node-RED behind it, and what people change while both run."""

    site: Site
    running: Running
    node: NodeRed

    @property
    def origin(self) -> str:
        return self.site.origin(HOST)

    async def tell(self, to: str, **message: object) -> None:
        """Let a flow send a message to a widget, behind the gateway's back."""
        async with aiohttp.ClientSession() as session:
            async with session.post(f"{self.node.url}/api/tell", json={"to": to, **message}) as answer:
                assert await answer.text() == "told"

    async def asked(self) -> Mapping[str, list[dict[str, object]]]:
        """What flows heard from pages since this was asked last, and what add-ons were told at every connection so far."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.node.url}/api/asked") as answer:
            found: Mapping[str, list[dict[str, object]]] = await answer.json()
            return found

    async def heard(self) -> list[tuple[object, object]]:
        """From where, and what, flows heard since this was asked last."""
        return [(one["from"], one.get("payload")) for one in (await self.asked())["seen"]]

    async def until_heard(self, source: str) -> list[tuple[object, object]]:
        """What flows heard, up to something from this source."""
        heard: list[tuple[object, object]] = []
        async with asyncio.timeout(DEADLINE):
            while not any(one[0] == source for one in heard):
                heard += await self.heard()
        return heard

    async def user_id(self, name: str) -> str:
        account = await self.running.store.database.account(name)
        assert account is not None
        return account.user.id

    async def estate(self) -> Estate:
        return await self.running.store.database.estate()

    async def instance(self) -> Resource:
        found = await self.estate()
        return next(each for each in found.resources.values() if each.kind is ResourceKind.INSTANCE)

    async def share(self, page: str, *slugs: str, role: Role = Role.DASHBOARD, **said: object) -> None:
        """Make a page a resource of its own, if it is none yet, and share it with some customers."""
        instance, found = await self.instance(), await self.estate()
        spaces = {space.slug: space for space in found.spaces.values()}
        resource = Resource(
            id=f"r-{page}",
            kind=ResourceKind.PAGE,
            slug=page,
            parent=instance.id,
            attributes={"match": f"/{page}-7", **said},
        )
        grants = [Grant(target=resource.id, space=spaces[slug].id, role=role) for slug in slugs]
        await self.running.store.database.edit([resource, *grants], [])

    async def take_away(self, page: str, slug: str) -> None:
        found = await self.estate()
        space = next(space for space in found.spaces.values() if space.slug == slug)
        [grant] = [each for each in found.grants if (each.target, each.space) == (f"r-{page}", space.id)]
        await self.running.store.database.edit([RemoveGrant(target=grant.target, space=grant.space)], [])

    async def change(self, **settings: object) -> None:
        """Change the instance's settings."""
        instance = await self.instance()
        assert instance.instance is not None
        changed: InstanceSettings = replace(instance.instance, **settings)  # type: ignore[arg-type]
        await self.running.store.database.edit([replace(instance, instance=changed)], [])

    async def settle(self) -> None:
        """Wait until what was changed holds."""
        await self.running.gateway.watch.look()


@asynccontextmanager
async def page_of(place: Field, name: str, *, upgrade: bool = True, auth: object = None) -> AsyncIterator[SocketIo]:
    """Somebody's socket, as their page opens it; what is to be heard at its start has been heard."""
    async with as_visitor(place.site, name, HOST) as visitor:
        async with connected(visitor, place.origin, upgrade=upgrade, auth=auth) as page:
            await page.until("ui-config")
            yield page


@asynccontextmanager
async def field(
    programs: Programs, folder: Path, *, plugin: str | None = None, io_middleware: bool = False
) -> AsyncIterator[Field]:
    """`io_middleware`: the instance keeps what each socket said about itself, and takes websockets without polls before."""
    port = free_port()
    said = {"slug": "field", "hosts": [HOST], "upstream": f"http://127.0.0.1:{port}", "admin_root": "/admin"}
    declared = estate([said])
    people = {"amy": "amber", "ben": "beryl"}
    customers = [{"slug": slug, "kind": "customer", "parent": "acme", "title": slug} for slug in people.values()]
    users = [
        {"username": name, "name": name.title(), "password_hash": HASH, "memberships": {slug: "member"}}
        for name, slug in people.items()
    ]
    declared = {**declared, "spaces": [*declared["spaces"], *customers], "users": [*declared["users"], *users]}  # type: ignore[misc]
    site = Site(folder, declared)
    site.settings = {"limits": {"login": "10000/1s", "anonymous": "10000/1s"}}
    module = folder / "settings-7.js"
    module.write_text(_SETTINGS)
    flows = write_flows(folder / "the-flows.json")
    modules = [module] if io_middleware else []
    async with site.running() as running:
        async with nodered(
            programs, folder / "node-red", flows=flows, plugin=plugin, modules=modules, admin_root="/admin", port=port
        ) as node:
            yield Field(site=site, running=running, node=node)
