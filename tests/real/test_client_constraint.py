"""What a flow means for one user, tenant or tab reaches nobody else, whatever the widget; and rows are their owners' alone.

On a Dashboard as it comes, without any add-on: it sends everything to everybody.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from proxy.model.audit import AuditQuery
from proxy.model.estate import RowKind, RowMode, RowPolicy
from tests.peers.changes import DEADLINE
from tests.peers.nodered import Programs
from tests.real.governed import Field, field, page_of
from tests.real.socketio import SocketIo

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

TRANSPORTS = pytest.mark.parametrize("upgrade", [True, False], ids=["websocket", "polling"])
ROWS = RowPolicy(name="tenants", kind=RowKind.SOCKET, tag="@tenant", field="owner", types=("ui-table",))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(node_red_programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Field]:
    async with field(node_red_programs, tmp_path_factory.mktemp("constraint")) as found:
        for page in ("oil", "gas", "tips"):
            await found.share(page, "amber", "beryl")
        await found.change(enforce_client_constraint=True, rows=(ROWS,))
        await found.settle()
        yield found


async def told(page: SocketIo, widget: str) -> list[object]:
    """What a widget was told up to the end of all that was sent."""
    await page.until("msg-input:notice-7")
    return [msg["payload"] for [msg] in page.of(f"msg-input:{widget}")]  # type: ignore[index]


@TRANSPORTS
async def test_d_11_a_text_for_one_user_or_tenant_reaches_only_them(place: Field, upgrade: bool) -> None:
    """D-11, D-05, D-10: ui-text accepts no client data, so the instance sends it to everybody."""
    amy_id = await place.user_id("amy")
    async with page_of(place, "amy", upgrade=upgrade) as amy, page_of(place, "ben", upgrade=upgrade) as ben:
        await place.tell("tx-oil-7", payload="amy's", _client={"user": {"userId": amy_id}})
        await place.tell("tx-oil-7", payload="beryl's", _client={"tenant": "beryl"})
        await place.tell("tx-oil-7", payload="amber's", _client={"user": {"tenant": "amber"}})
        await place.tell("tx-oil-7", payload="this tab's", _client={"socketId": ben.socket_id})
        await place.tell("tx-oil-7", payload="all's", _client={"socketIp": "127.0.0.1"})
        await place.tell("notice-7", payload="done")
        assert await told(amy, "tx-oil-7") == ["amy's", "amber's", "all's"]
        assert await told(ben, "tx-oil-7") == ["beryl's", "this tab's", "all's"]
        assert amy_id not in "".join(ben.raw)
        assert "socketIp" not in str([page.of("msg-input:tx-oil-7")[-1] for page in (amy, ben)])


async def test_d_11_what_was_meant_for_somebody_is_loaded_by_nobody_else(place: Field) -> None:
    """D-11: the instance keeps the last message of such a widget, and gives it to whoever asks."""
    await place.tell("tx-gas-7", payload="amy's own", _client={"user": {"userId": await place.user_id("amy")}})
    async with page_of(place, "amy") as amy, page_of(place, "ben") as ben:
        for page in (amy, ben):
            await page.say("widget-load", "tx-gas-7")
            await page.until("widget-load:tx-gas-7")
        assert amy.of("widget-load:tx-gas-7")[-1][0]["payload"] == "amy's own"  # type: ignore[index]
        assert ben.of("widget-load:tx-gas-7")[-1][0] is None
        assert "amy's own" not in "".join(ben.raw)


async def test_d_06_nobody_speaks_in_anybody_elses_name(place: Field) -> None:
    """D-06: a Dashboard without an add-on believes what a page says of itself."""
    async with page_of(place, "amy") as amy:
        await place.asked()
        await amy.say("widget-change", "sl-oil-7", {"payload": 3, "_client": {"user": {"userId": "root"}}})
        root = {"user": {"userId": "root"}, "isAdmin": True}
        page = {"page": {"id": "pg-oil-7"}}
        await amy.say("ui-event", "all", {"topic": "$pageview", "payload": page, "_client": root})
        seen = []
        while not any(one["from"] == "event" for one in seen):
            seen += (await place.asked())["seen"]
        assert {str(sorted(one["_client"])) for one in seen} == {"['socketId', 'socketIp']"}  # type: ignore[call-overload]


@TRANSPORTS
async def test_c_07_a_table_shows_each_customer_their_own_rows(place: Field, upgrade: bool) -> None:
    """C-07, T-10, T-11: one dashboard, two tenants, disjoint rows; what the instance keeps is judged as well."""
    rows = [{"owner": "amber", "device": "SD-001"}, {"owner": "beryl", "device": "AM-307"}]
    async with page_of(place, "amy", upgrade=upgrade) as amy, page_of(place, "ben", upgrade=upgrade) as ben:
        await place.tell("tb-oil-7", payload=rows)
        await place.tell("notice-7", payload="done")
        assert await told(amy, "tb-oil-7") == [rows[:1]]
        assert await told(ben, "tb-oil-7") == [rows[1:]]
        for page, foreign in ((amy, "AM-307"), (ben, "SD-001")):
            await page.say("widget-load", "tb-oil-7")
            await page.until("widget-load:tb-oil-7")
            assert foreign not in "".join(page.raw)


async def test_t_10_a_flow_that_breaks_its_word_is_stopped_and_put_on_record(place: Field) -> None:
    """T-10, mode assert."""
    asserting = RowPolicy(
        name="word", kind=RowKind.SOCKET, tag="@tenant", field="owner", widgets=("tb-tips-7",), mode=RowMode.ASSERT
    )
    await place.change(rows=(asserting,))
    await place.settle()
    async with page_of(place, "amy") as amy:
        await place.tell("tb-tips-7", payload=[{"owner": "amber"}, {"owner": "beryl"}])
        await place.tell("notice-7", payload="done")
        assert await told(amy, "tb-tips-7") == []
        assert "beryl" not in "".join(amy.raw)
    async with asyncio.timeout(DEADLINE):
        while not (found := await place.running.store.database.events(AuditQuery(events=("rls.violation",)))).items:
            pass
    assert {(each.event.actor_name, each.event.body["widget"]) for each in found.items} == {("amy", "tb-tips-7")}
    await place.change(rows=(ROWS,))
    await place.settle()
