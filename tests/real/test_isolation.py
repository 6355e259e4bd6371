"""T-19: each of the five faults by which tenants get at what is another's, planted on a real instance, is named; mended, none is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from proxy.app import Running
from proxy.cli.nodered_setup import OWN_PLUGIN
from proxy.model.estate import HttpAuth, InstanceSettings, Resource, RowKind, RowPolicy
from proxy.services.checks_reach import own_addresses
from tests.peers.gateway import HASH, PASSWORD, Site, estate, visitor
from tests.peers.nodered import Programs, nodered
from tests.peers.ports import free_port
from tests.proxy.web.api.house import Client
from tests.real.flows import write_flows
from tests.real.place import INSTANCE, flowward

pytestmark = [pytest.mark.real]

WIDE = "module.exports = { uiHost: '0.0.0.0' }\n"
ROWS = RowPolicy(name="own", kind=RowKind.SOCKET, tag="@tenant", field="tenant")


@dataclass(slots=True, kw_only=True)
class Stage:
    """A gateway in tenant mode, and an instance shared with a customer."""

    site: Site
    running: Running
    programs: Programs
    client: Client
    port: int

    async def instance(self, **settings: object) -> None:
        """Say something else of the instance."""
        database = self.running.store.database
        known = await database.estate()
        (line,) = (each for each in known.resources.values() if each.instance is not None)
        await database.edit([_with(line, settings)], [])
        await self.running.gateway.watch.look()

    @asynccontextmanager
    async def node(self, name: str, *, accepting: list[str] | None = None, mended: bool) -> AsyncIterator[None]:
        """Node-RED as it comes, or as the remedies have it."""
        module = self.site.folder / f"{name}.settings.js"
        module.write_text(await flowward(self.site, "nodered", "snippet", INSTANCE) if mended else WIDE)
        flows = write_flows(self.site.folder / f"{name}.json", accepting=accepting or [])
        home, plugin = self.site.folder / name, OWN_PLUGIN if mended else None
        start = nodered(
            self.programs, home, flows=flows, plugin=plugin, modules=[module], admin_root="/admin", port=self.port
        )
        async with start:
            yield

    async def found(self) -> dict[str, str]:
        """Code -> severity of everything that the report names."""
        answer = await self.client.get("/checks/isolation")
        assert answer.status == 200, answer.text
        assert answer.json["instances"] == 1
        faults = answer.json["faults"]
        assert isinstance(faults, list)
        assert all(each["address"] == INSTANCE and each["remedy"] and each["message"] for each in faults)
        return {each["code"]: each["severity"] for each in faults}


def _with(line: Resource, settings: dict[str, object]) -> Resource:
    assert isinstance(line.instance, InstanceSettings)
    return replace(line, instance=replace(line.instance, **settings))  # type: ignore[arg-type]


@asynccontextmanager
async def stage(programs: Programs, folder: Path) -> AsyncIterator[Stage]:
    port = free_port()
    line = {
        "slug": "line-3",
        "hosts": ["line-3.localhost"],
        "upstream": f"http://127.0.0.1:{port}",
        "admin_root": "/admin",
    }
    customer = {"slug": "customer-a", "kind": "customer", "parent": "acme", "title": "Customer A"}
    declared = {
        "spaces": [{"slug": "acme", "kind": "team", "title": "Acme"}, customer],
        "users": [{"username": "ada", "name": "Ada", "admin": True, "password_hash": HASH}],
        "grants": [{"target": INSTANCE, "space": "customer-a", "role": "dashboard"}],
    }
    site = Site(folder, estate([line], **declared))
    site.settings = {"server": {"allow_public_http": True}}
    async with site.running() as running, visitor(site) as somebody:
        known = await running.store.database.estate()
        await running.store.database.edit([replace(known.settings, tenant_mode=True)], [])
        await running.gateway.watch.look()
        client = Client(somebody)
        answer = await client.post("/auth/login", {"username": "ada", "password": PASSWORD})
        assert answer.status == 200, answer.text
        yield Stage(site=site, running=running, programs=programs, client=client, port=port)


async def test_t_19_each_planted_fault_is_named_and_mended_none_is(node_red_programs: Programs, tmp_path: Path) -> None:
    async with stage(node_red_programs, tmp_path) as here:
        planted = {"http_auth": HttpAuth.NONE, "enforce_client_constraint": False, "dashboard": "/elsewhere"}
        await here.instance(**planted)
        reachable = {"upstream_reachable": "error"} if list(own_addresses()) else {}
        async with here.node("as-it-comes", mended=False):
            assert await here.found() == {
                "no_row_policy": "error",
                "open_instance": "error",
                "client_data_ignored": "error",
                "debug_reachable": "error",
                "admin_api_open": "error" if reachable else "warning",
                **reachable,
            }
            upstreams = (await here.client.get("/checks/upstreams")).json["upstreams"]
            assert isinstance(upstreams, list)
            assert (upstreams[0]["answers"], upstreams[0]["admin_open"]) == (True, True)
        assert await here.found() == {
            "no_row_policy": "error",
            "open_instance": "error",
            "not_looked_at": "info",
        }
        await here.instance(
            http_auth=HttpAuth.USER, enforce_client_constraint=None, dashboard="/dashboard", rows=(ROWS,)
        )
        async with here.node("mended", mended=True):
            assert await here.found() == {}
            await here.instance(rows=())
            assert await here.found() == {"no_row_policy": "error"}, "T-08: add a policy, and the report is clean"
            await here.instance(rows=(ROWS,), dashboard="/elsewhere")
            assert await here.found() == {"debug_reachable": "error"}
            await here.instance(dashboard="/dashboard", enforce_client_constraint=False)
            assert await here.found() == {"client_data_ignored": "error"}
