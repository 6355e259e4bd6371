"""One dashboard and one endpoint for two customers, on real Node-RED: who receives which rows, every byte looked at."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import aiohttp
import pytest
import pytest_asyncio

from proxy.model.audit import AuditQuery
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import PlatformSettings, Resource, ResourceKind, RowKind, RowMode, RowPolicy
from tests.peers.gateway import visitor as as_visitor
from tests.peers.nodered import Programs
from tests.real.governed import HOST, Field, field, page_of
from tests.real.socketio import SocketIo

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

TABLE = "tb-tips-7"
ROWS = [
    {"tenant": slug, "device": f"pump-of-{slug}", "reading": f"reading-{number}-{slug}"}
    for number in (1, 2)
    for slug in ("amber", "beryl")
]
AMBER, BERYL = ROWS[::2], ROWS[1::2]
TRANSPORTS = pytest.mark.parametrize("upgrade", [True, False], ids=["websocket", "polling"])

BY_TENANT = RowPolicy(name="own", kind=RowKind.HTTP, tag="tenantid", field="tenant", paths=("/api/rows",))
BY_THING = RowPolicy(name="devices", kind=RowKind.HTTP, tag="@things", field="device", paths=("/api/devices",))
IN_TABLE = RowPolicy(
    name="table", kind=RowKind.SOCKET, tag="tenantid", field="tenant", types=("ui-table",), pages=("/tips-7",)
)
POLICIES = (BY_TENANT, BY_THING, IN_TABLE)


def endpoints() -> dict[str, object]:
    """A flow that answers all rows to whoever asks, and one that answers those it was told to."""
    nodes: list[dict[str, object]] = [{"id": "rows-reply", "type": "http response", "wires": []}]
    tagged = "const own = (msg.req.headers['x-flowward-tag-tenantid'] || '').split(',')\n"
    kept = f"{tagged}msg.payload = {json.dumps(ROWS)}.filter(row => own.includes(row.tenant) || own[0] === '*')\nreturn msg"
    for name, code in (
        ("rows", f"msg.payload = {json.dumps(ROWS)}\nreturn msg"),
        ("devices", f"msg.payload = {{ rows: {json.dumps(ROWS)} }}\nreturn msg"),
        ("own", kept),
    ):
        nodes.append(
            {"id": f"in-{name}", "type": "http in", "url": f"/api/{name}", "method": "get", "wires": [[f"all-{name}"]]}
        )
        nodes.append({"id": f"all-{name}", "type": "function", "func": code, "outputs": 1, "wires": [["rows-reply"]]})
    return {"label": "Rows", "nodes": [{**node, "x": 100, "y": 100} for node in nodes]}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(node_red_programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Field]:
    """Tips are for amy of amber and ben of beryl; each of the two customers has a value, and a pump."""
    async with field(node_red_programs, tmp_path_factory.mktemp("rows")) as found:
        async with aiohttp.ClientSession() as session:
            async with session.post(f"{found.node.url}/admin/flow", json=endpoints()) as made:
                assert made.status == 200, await made.text()
        spaces = {space.slug: space for space in (await found.estate()).spaces.values()}
        customers = [spaces["amber"], spaces["beryl"]]
        pumps = [
            Resource(
                id=f"pump-{space.slug}",
                kind=ResourceKind.THING,
                slug="pump",
                owner=space.id,
                attributes={"subtype": "device", "external_id": f"pump-of-{space.slug}"},
            )
            for space in customers
        ]
        tagged = [replace(space, tags={"tenantid": space.slug}) for space in customers]
        await found.running.store.database.edit([*pumps, *tagged, PlatformSettings(tags={"tenantid": None})], [])
        await found.share("tips", "amber", "beryl", endpoints=["/api/*"])
        await found.change(rows=())
        await found.settle()
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def governed(place: Field) -> AsyncIterator[Field]:
    """The same under policies."""
    await govern(place, *POLICIES)
    yield place
    await govern(place)


async def govern(place: Field, *policies: RowPolicy) -> None:
    await place.change(rows=policies)
    await place.settle()


async def answered(place: Field, name: str, path: str) -> object:
    async with as_visitor(place.site, name, HOST) as somebody:
        answer = await somebody.request("GET", f"{place.origin}{path}")
        return await answer.json(content_type=None)


def assert_only(page: SocketIo, slug: str) -> None:
    """Nothing that came in says anything of another customer's rows."""
    other = "beryl" if slug == "amber" else "amber"
    assert not [payload for payload in page.raw if f"-{other}" in payload or f'"{other}"' in payload]


async def shown(page: SocketIo) -> object:
    [message] = await page.until(f"msg-input:{TABLE}")
    assert isinstance(message, dict)
    return message["payload"]


@TRANSPORTS
async def test_t_08_without_a_policy_everybody_sees_all_rows_of_a_shared_page(place: Field, upgrade: bool) -> None:
    """T-08. Tenant mode filters no rows: what a flow broadcasts, all who have the page get."""
    async with page_of(place, "amy", upgrade=upgrade) as amy, page_of(place, "ben", upgrade=upgrade) as ben:
        await place.tell(TABLE, payload=ROWS)
        assert (await shown(amy), await shown(ben)) == (ROWS, ROWS)
    assert await answered(place, "ben", "/api/rows") == ROWS


@pytest.mark.parametrize(
    ("name", "rows"),
    [("amy", AMBER), ("ben", BERYL), ("olga", []), ("ada", ROWS)],
    ids=["amy", "ben", "untagged", "admin"],
)
async def test_t_10_of_one_endpoint_two_tenants_get_disjoint_rows_and_who_has_no_tag_none(
    governed: Field, name: str, rows: Sequence[object]
) -> None:
    """T-10."""
    assert await answered(governed, name, "/api/rows") == rows


async def test_t_10_a_flow_that_filters_by_the_verified_tag_is_held_to_it(governed: Field) -> None:
    """T-10, mode assert: the preferred way. The flow believes the gateway's header, and no other."""
    own = replace(BY_TENANT, name="kept", paths=("/api/own",), mode=RowMode.ASSERT)
    leaky = replace(BY_TENANT, name="leaky", paths=("/api/rows",), mode=RowMode.ASSERT)
    await governed.change(rows=(own, leaky), identity=("flowward",))
    await governed.settle()
    assert await answered(governed, "amy", "/api/own") == AMBER
    assert await answered(governed, "ben", "/api/own") == BERYL
    assert await answered(governed, "ada", "/api/own") == ROWS
    problem = await answered(governed, "amy", "/api/rows")
    assert isinstance(problem, dict)
    assert problem["code"] == "rls_violation"
    await governed.running.gateway.inspection.notes.close()
    found = await governed.running.store.database.events(AuditQuery(events=("rls.violation",)))
    assert [each.event.body["policy"] for each in found.items] == ["leaky"]


@pytest.mark.parametrize(("name", "rows"), [("amy", AMBER), ("ben", BERYL), ("ada", ROWS)])
async def test_c_07_each_sees_the_rows_of_their_own_things(governed: Field, name: str, rows: Sequence[object]) -> None:
    """C-07: ownership drives the rows, no second list is kept."""
    await govern(governed, replace(BY_THING, rows="$.rows"))
    assert await answered(governed, name, "/api/devices") == {"rows": rows}


@TRANSPORTS
async def test_t_10_of_one_table_each_receives_their_own_rows(governed: Field, upgrade: bool) -> None:
    """T-10, C-07: by both transports, when it is sent and when a page asks for it later."""
    async with page_of(governed, "amy", upgrade=upgrade) as amy, page_of(governed, "ben", upgrade=upgrade) as ben:
        await governed.tell(TABLE, payload=ROWS)
        assert (await shown(amy), await shown(ben)) == (AMBER, BERYL)
        assert_only(amy, "amber")
        assert_only(ben, "beryl")
    async with page_of(governed, "amy", upgrade=upgrade) as later:
        await later.say("widget-load", TABLE)
        loaded = await later.until(f"widget-load:{TABLE}")
        assert "reading-1-amber" in json.dumps(loaded)
        assert_only(later, "amber")


async def test_c_07_of_one_table_each_receives_the_rows_of_their_own_things(governed: Field) -> None:
    """C-07."""
    await govern(governed, replace(IN_TABLE, tag="@things", field="device"))
    async with page_of(governed, "amy") as amy, page_of(governed, "ben") as ben, page_of(governed, "ada") as ada:
        await governed.tell(TABLE, payload=ROWS)
        assert [await shown(page) for page in (amy, ben, ada)] == [AMBER, BERYL, ROWS]
        assert_only(amy, "amber")


async def test_t_11_one_canned_page_is_changed_once_and_each_sees_the_new_one_with_their_own_rows(
    governed: Field,
) -> None:
    """T-11: shared with everyone, in tenant mode, under a policy."""
    everyone = Space(id="s-everyone", kind=SpaceKind.EVERYONE, slug="everyone")
    await governed.running.store.database.edit([everyone], [])
    await governed.take_away("tips", "amber")
    await governed.take_away("tips", "beryl")
    await governed.share("tips", everyone.slug, endpoints=["/api/*"])
    tenants = PlatformSettings(tags={"tenantid": None}, tenant_mode=True)
    await governed.running.store.database.edit([tenants], [])
    await governed.settle()
    async with page_of(governed, "ada") as witness:
        await _relabel(governed, "tips page table", "the new table of tips")
        # Dashboard starts a moment after the deploy is answered, and tells all pages that it has no widgets before it has some.
        await witness.changes.until(lambda: "the new table of tips" in json.dumps(witness.of("ui-config")[-1]))
    async with page_of(governed, "amy") as amy, page_of(governed, "ben") as ben:
        await governed.tell(TABLE, payload=ROWS)
        assert (await shown(amy), await shown(ben)) == (AMBER, BERYL)
        for page in (amy, ben):
            assert "the new table of tips" in json.dumps(page.of("ui-config")[-1])


async def _relabel(place: Field, old: str, new: str) -> None:
    """Change the dashboard once, as whoever made it does."""
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{place.node.url}/admin/flows") as found:
            flows = json.loads((await found.text()).replace(old, new))
        async with session.post(f"{place.node.url}/admin/flows", json=flows) as deployed:
            assert deployed.status == 204
