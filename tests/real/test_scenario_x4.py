"""X-4: a house lets its offices to two customers. Each sees the building and what is theirs of one dashboard, and of the
other not a name, a row or an id in all that is sent to them; the house goes on managing everything.

Set up and used as people do it, through pages and API. Each page is also kept as a picture, in the folder that pytest
names by `--basetemp`.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from tests.peers.browser import Chromium
from tests.peers.gateway import PASSWORD
from tests.peers.nodered import Programs
from tests.real.buildings import CUSTOMERS, HELD, LABEL, LENT, OFFICES, OWN, Portal, portal
from tests.real.personas import PROGRAM, Persona, Transport, at_browser
from tests.real.scenario import asked, log_in

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

PEOPLE = {"emma": "customer-a", "jack": "customer-b"}
STALE = {"flows": [], "rev": "stale"}
"""A deploy that Node-RED itself refuses with 409, so that it changes nothing where it may be sent."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(node_red_programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Portal]:
    async with portal(node_red_programs, tmp_path_factory.mktemp("house")) as made:
        yield made


def secrets(house: Portal, name: str) -> Sequence[str]:
    """What somebody never gets to read: all that is the other customer's, and the page that is shared with nobody."""
    (other,) = set(PEOPLE) - {name}
    customer = PEOPLE[other]
    things = (OFFICES[customer], *HELD[customer])
    named = (other, house.ids[other], customer, house.ids[customer], CUSTOMERS[customer], *things)
    ids = [house.ids[each] for each in things]
    return [*named, *ids, "Boiler", "boilers", LENT, house.ids["boilers"], "group-boilers", '"heat"']


def leaks(house: Portal, persona: Persona) -> list[str]:
    """The secrets that came to somebody, in any answer or message. Programs of the Dashboard's own are what they are."""
    texts = [text for text in persona.got if len(text) < PROGRAM]
    return [secret for secret in secrets(house, persona.name) if any(secret in text for text in texts)]


@asynccontextmanager
async def people(chromium: Chromium, transport: Transport = "websocket") -> AsyncIterator[dict[str, Persona]]:
    """Both, each in a browser of their own, in which nothing is open yet."""
    async with AsyncExitStack() as stack:
        present: dict[str, Persona] = {}
        for name in PEOPLE:
            present[name] = await stack.enter_async_context(at_browser(chromium, name, transport))
        yield present


async def at_first(house: Portal, persona: Persona) -> None:
    """The dashboard of their own is what they have before them, with their rows in it."""
    page = persona.browser.page
    await page.wait_for_url(house.page)
    for thing in OWN[PEOPLE[persona.name]]:
        await page.get_by_role("cell", name=thing, exact=True).wait_for()
    shown = [(await cell.inner_text()).strip() for cell in await page.locator("tbody tr td:first-child").all()]
    assert set(shown) == OWN[PEOPLE[persona.name]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def present(house: Portal, chromium: Chromium) -> AsyncIterator[dict[str, Persona]]:
    """Both, as they come by their links for the first time."""
    async with people(chromium) as both:
        for persona in both.values():
            await activated(house, persona)
        yield both


async def activated(house: Portal, persona: Persona) -> None:
    page = persona.browser.page
    await page.goto(house.links[persona.name])
    await page.get_by_label("New password").fill(PASSWORD)
    await page.get_by_label("The same again").fill(PASSWORD)
    await page.get_by_role("button", name="Set password and log in").click()


async def test_x_4_each_customer_lands_on_the_building_and_sees_what_is_theirs_and_no_byte_of_the_other(
    house: Portal, present: dict[str, Persona], tmp_path: Path
) -> None:
    """C-07, C-11, C-12: opened by an activation link, all that they see is the one dashboard."""
    for persona in present.values():
        await at_first(house, persona)
        await persona.browser.page.screenshot(path=tmp_path / f"{persona.name}.png")
    await changed(house, present.values())
    for persona in present.values():
        page = persona.browser.page
        await page.goto(house.site.home + "/-/")
        await at_first(house, persona)
        await page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        await page.goto(house.hidden)  # the Dashboard's own worker in the browser answers it, and finds no such page
        await page.get_by_role("columnheader", name="Thing").wait_for()
        assert await page.get_by_text("Boiler house").count() == 0
        assert leaks(house, persona) == []
    emma = present["emma"].browser.page
    await emma.goto(house.site.home + "/-/logout")
    await emma.get_by_role("button", name="Log out").click()
    await emma.get_by_role("heading", name="You are logged out").wait_for()


async def changed(house: Portal, present: Iterable[Persona]) -> None:
    """The house lets its flow send all rows once more; each gets theirs."""
    olga = house.olga.visitor
    await olga.navigate(f"{house.origin}/admin/")
    assert (await asked(olga, f"{house.origin}/admin/inject/later", "POST", {})).status == 200
    for persona in present:
        await persona.browser.page.get_by_role("row", name="Building A 2").wait_for()


@pytest.mark.usefixtures("present")
async def test_x_4_by_polls_alone_it_is_the_same(house: Portal, chromium: Chromium) -> None:
    async with people(chromium, "polling") as polling:
        for persona in polling.values():
            await persona.browser.page.goto(house.site.home)
            await log_in(persona.browser, f"{persona.name}.{PEOPLE[persona.name]}")
            await at_first(house, persona)
        await changed(house, polling.values())
        for persona in polling.values():
            assert not persona.browser.frames
            assert leaks(house, persona) == []


@pytest.mark.usefixtures("present")
async def test_x_4_over_the_api_neither_finds_what_is_the_others(house: Portal) -> None:
    """C-06, C-09, C-15: every list holds the building and what is theirs; what is the other's is not there."""
    for name, customer in PEOPLE.items():
        client = await house.log_in(f"{name}.{customer}")
        things = await client.get("/things?limit=200")
        assert {str(item["attributes"]["external_id"]) for item in things.items} == OWN[customer]  # type: ignore[index]
        assert [item["id"] for item in (await client.get("/dashboards")).items] == [house.ids["building"]]
        paths = ("/spaces", "/things", "/devices", "/folders", "/dashboards", "/pages", "/counts", "/me", "/me/home")
        for path in (*paths, "/me/capabilities", "/instances?view=launcher", "/search?q=a", "/search?q=o"):
            answer = await client.get(path)
            assert answer.status == 200, path
            assert not [secret for secret in secrets(house, name) if secret in answer.text], path
        (other,) = set(PEOPLE) - {name}
        for thing in (OFFICES[PEOPLE[other]], *HELD[PEOPLE[other]]):
            hidden, missing = [await client.get(f"/things/{key}") for key in (house.ids[thing], "no-such")]
            assert (hidden.status, hidden.text) == (missing.status, missing.text), thing
        for path in (f"/spaces/{PEOPLE[other]}", f"/spaces/{PEOPLE[other]}/owned", f"/spaces/{PEOPLE[other]}/members"):
            assert (await client.get(path)).status == 404, path


@pytest.mark.usefixtures("present")
async def test_x_4_nobody_but_the_house_reaches_the_editor_or_changes_anything(house: Portal) -> None:
    """C-05, C-13: a share to look at is no more than that, and what a customer owns is the house's to change as before."""
    for name, customer in PEOPLE.items():
        client = await house.log_in(f"{name}.{customer}")
        somebody = client.visitor
        assert (await somebody.navigate(house.page)).status == 200
        assert (await somebody.navigate(house.hidden)).status == 404
        for method, path, body in (("GET", "flows", None), ("POST", "flows", STALE), ("POST", "inject/later", {})):
            answer = await asked(somebody, f"{house.origin}/admin/{path}", method, body)
            assert answer.status in {403, 404}, path
        for kind, id_ in (("pages", house.ids["building"]), ("things", house.ids[OFFICES[customer]])):
            assert (await client.put(f"/{kind}/{id_}", {"name": "Mine"})).status == 403
        assert (await client.put(f"/resources/{house.ids[OFFICES[customer]]}/owner", {"owner": "acme"})).status == 403
    olga = house.olga
    await house.said(f"/pages/{house.ids['building']}", {"name": "The building"})
    await house.said(f"/things/{house.ids['SD-001']}", {"data": {"battery": 80}})
    await house.said(f"/instances/{house.ids['portal']}", {"name": "The portal"})
    await olga.visitor.navigate(f"{house.origin}/admin/")
    deployed = await asked(olga.visitor, f"{house.origin}/admin/flows", "POST", STALE)
    assert deployed.status == 409, "asked of Node-RED itself"
    assert {str(item["slug"]) for item in (await olga.get(f"/spaces?label={LABEL.replace(' ', '%20')}")).items} == set(
        CUSTOMERS
    )


@pytest.mark.usefixtures("present")
async def test_x_4_what_is_handed_over_or_closed_goes_at_once(house: Portal, chromium: Chromium) -> None:
    """C-03, C-08, C-14: with a third customer, who is there for a while."""
    await house.make("spaces/acme/customers", slug="guests", title="Guests")
    await house.share("folder", "guests")
    device = await house.make("things", space="acme", slug="lent", subtype="device", external_id=LENT)
    kim = await house.olga.post("/spaces/guests/users", {"username": "kim"})
    house.ids["kim"], house.links["kim"] = str(kim.json["id"]), str(kim.json["link"])
    async with chromium.visitor() as browser:
        await activated(house, Persona(name="kim", browser=browser))
        await browser.page.get_by_role("heading", name="Your instances").wait_for()
        await house.said("/spaces/guests/home", {"dashboard": house.ids["building"]})
        await browser.page.goto(house.site.home)
        await browser.page.wait_for_url(house.page)
        await browser.page.get_by_role("columnheader", name="Thing").wait_for()
        assert await browser.page.get_by_role("cell", name=LENT, exact=True).count() == 0
        await house.said(f"/resources/{device}/owner", {"owner": "guests"})
        await browser.page.reload()
        await browser.page.get_by_role("cell", name=LENT, exact=True).wait_for()
        told = (await house.olga.delete("/spaces/guests?preview=1")).json
        assert (told["possible"], told["returned"], told["users"], told["shares"]) == (True, 1, ["kim.guests"], 1)
        sockets = len(browser.closed_sockets)
        assert (await house.olga.delete("/spaces/guests")).status == 204
        await browser.until(lambda: len(browser.closed_sockets) > sockets)
        await browser.page.get_by_label("Username").wait_for(
            timeout=60_000
        )  # the page finds by itself that it has to log in
    assert (await house.olga.get(f"/things/{device}")).json["address"] == "acme/lent"
