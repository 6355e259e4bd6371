"""The people of a customer: made by its owners, by a link that is shown or mailed, and what they see first."""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from urllib.parse import urlencode

import pytest
import pytest_asyncio

from proxy.model.access import Role
from proxy.model.directory import Space
from proxy.model.estate import Grant, Resource, ResourceKind
from proxy.model.identity import Membership, UserState
from proxy.store import PutPerson
from tests.peers.smtp import Sink, sink
from tests.proxy.web.api.house import Client
from tests.proxy.web.api.yard import DASHBOARD, MEMBER, OWNER, VIEWER, Someone, Team, Yard, opened

pytestmark = pytest.mark.asyncio(loop_scope="module")

NEW = "tin roof marmalade 7"
OFTEN = dict.fromkeys(("invites", "activation", "anonymous", "login"), "1000/m")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def post_office(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sink]:
    async with sink(tmp_path_factory.mktemp("mail")) as opened_:
        yield opened_


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def yard(database: str, post_office: Sink, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Yard]:
    settings: dict[str, dict[str, object]] = {"mail": post_office.settings, "limits": dict(OFTEN)}
    async with opened(tmp_path_factory.mktemp("yard"), state={"database": database}, **settings) as made:
        yield made


async def houses(yard: Yard) -> tuple[Team, Space, Space]:
    team = await yard.team()
    return team, await yard.below(team.id), await yard.below(team.id)


async def made(who: Someone, customer: str, **more: object) -> Mapping[str, object]:
    answer = await who.post(f"/spaces/{customer}/users", {"username": "emma", **more})
    assert answer.status == 201, answer.text
    return answer.json


async def activated(client: Client, link: str, password: str = NEW) -> int:
    """The status of choosing a password on the page behind a link."""
    page = await client.visitor.request("GET", link, headers={"Accept": "text/html"})
    found = re.search(r'name="csrf" value="([^"]+)"', await page.text())
    if found is None:
        return page.status
    fields = {"csrf": found[1], "password": password, "again": password}
    home = client.visitor.site.home
    sent = {"Origin": home, "Content-Type": "application/x-www-form-urlencoded"}
    answer = await client.visitor.request("POST", link, headers=sent, data=urlencode(fields))
    return answer.status


async def test_c_10_c_11_an_administrator_of_a_customer_makes_its_people_who_are_logged_in_by_their_link(
    yard: Yard,
) -> None:
    _, a, b = await houses(yard)
    admin_a = await yard.someone({a.id: OWNER})
    emma = await made(admin_a, a.slug, name="Emma Stone")
    assert (emma["username"], emma["name"], emma["role"]) == (f"emma.{a.slug}", "Emma Stone", "dashboard")
    person = await yard.person(str(emma["id"]))
    assert (person.user.state, person.memberships[a.id].role) == (UserState.PENDING, DASHBOARD)
    async with yard.house.nobody() as browser, yard.house.nobody() as late:
        assert await activated(browser, str(emma["link"])) == 303
        me = await browser.get("/me")
        assert (me.status, me.json["username"]) == (200, f"emma.{a.slug}"), "opened, active and logged in"
        assert await activated(late, str(emma["link"])) == 409
        assert (
            await browser.post(f"/spaces/{a.id}/users", {"username": "x"}, X_Flowward_CSRF=str(me.json["csrf"]))
        ).status == 403
    assert (await admin_a.post(f"/spaces/{b.id}/users", {"username": "x"})).status == 404
    told = {event.event for event in await yard.events(str(emma["id"]))}
    assert told >= {"user.created-user", "user.activation.created", "user.activated", "account.login"}
    assert [each.user for each in await yard.events(a.id, "customer.user.added")] == [emma["id"]]


@pytest.mark.parametrize(("role", "status"), [(OWNER, 201), (MEMBER, 403), (VIEWER, 403), (DASHBOARD, 403)])
async def test_c_10_only_owners_of_a_customer_or_above_make_its_people(yard: Yard, role: Role, status: int) -> None:
    team, a, b = await houses(yard)
    inside, above = await yard.someone({a.id: role}), await yard.someone({team.id: OWNER})
    answer = await inside.post(f"/spaces/{a.id}/users", {"username": "emma"})
    assert answer.status == status, answer.text
    assert (await above.post(f"/spaces/{a.id}/users", {"username": "eve"})).status == 201
    beside = await yard.someone({b.id: OWNER})
    assert (await beside.post(f"/spaces/{a.id}/users", {"username": "jack"})).status == 404
    await made(above, a.id, username="adam", role="owner")


async def test_c_10_accounts_are_made_in_customers_alone(yard: Yard) -> None:
    team = await yard.team()
    owner = await yard.someone({team.id: OWNER})
    answer = await owner.post(f"/spaces/{team.id}/users", {"username": "emma"})
    assert (answer.status, answer.code) == (409, "no_customer")


async def test_t_06_whoever_makes_somebody_learns_of_nobody_elsewhere(yard: Yard) -> None:
    """C-11: names are a customer's own, and an address is looked at only once its mailbox was reached."""
    _, a, b = await houses(yard)
    jack = await yard.someone({b.id: DASHBOARD})
    admin_a = await yard.someone({a.id: OWNER})
    assert (await yard.person(jack.id)).user.email == f"{jack.username}@plant.example"
    for username, email in (("one", f"{jack.username}@plant.example"), ("two", "nobody@plant.example")):
        answer = await admin_a.post(f"/spaces/{a.id}/users", {"username": username, "email": email})
        assert (answer.status, answer.json["link"]) == (201, None)
    taken = await admin_a.post(f"/spaces/{a.id}/users", {"username": jack.username})
    assert taken.status == 201, "a name that somebody else has is free here"
    again = await admin_a.post(f"/spaces/{a.id}/users", {"username": "ONE"})
    assert (again.status, again.code, list(again.faults)) == (409, "exists", ["/username"])


async def test_c_11_a_link_is_mailed_and_makes_the_address_theirs(yard: Yard, post_office: Sink) -> None:
    _, a, _ = await houses(yard)
    admin_a, address = await yard.someone({a.id: OWNER}), f"{yard.name('emma')}@a.example"
    emma = await made(admin_a, a.id, email=address)
    assert emma["link"] is None
    assert (await yard.person(str(emma["id"]))).user.email == "", "so far anybody could have written it"
    *_, mail = await post_office.mails_to(address)
    post_office.mails.clear()  # the next database's customers have the same names
    link = re.search(r"http://\S+/-/activate/\S+", mail.text)
    assert link is not None
    async with yard.house.nobody() as browser:
        assert await activated(browser, link[0]) == 303
        assert (await browser.get("/me")).json["email"] == address
    async with yard.house.user(address, NEW) as client:
        assert (await client.get("/me")).json["username"] == emma["username"]


async def test_c_11_an_address_that_somebody_has_stays_theirs(yard: Yard, post_office: Sink) -> None:
    _, a, b = await houses(yard)
    jack, admin_a = await yard.someone({b.id: DASHBOARD}), await yard.someone({a.id: OWNER})
    address = f"{jack.username}@plant.example"
    emma = await made(admin_a, a.id, email=address)
    (mail,) = await post_office.mails_to(address)
    link = re.search(r"http://\S+/-/activate/\S+", mail.text)
    assert link is not None
    async with yard.house.nobody() as browser:
        assert await activated(browser, link[0]) == 303
    assert (await yard.person(str(emma["id"]))).user.email == ""
    assert (await yard.person(jack.id)).user.email == address


async def test_c_11_a_link_that_was_shown_proves_no_address(yard: Yard, post_office: Sink) -> None:
    _, a, _ = await houses(yard)
    admin_a, address = await yard.someone({a.id: OWNER}), f"{yard.name('emma')}@a.example"
    emma = await made(admin_a, a.id, email=address)
    shown = await admin_a.post(f"/spaces/{a.id}/users/{emma['id']}/activation-link", {})
    (mail,) = await post_office.mails_to(address)
    old = re.search(r"http://\S+/-/activate/\S+", mail.text)
    assert old is not None
    async with yard.house.nobody() as browser:
        assert await activated(browser, old[0]) == 409, "a newer link replaces it"
        assert await activated(browser, str(shown.json["link"])) == 303
    assert (await yard.person(str(emma["id"]))).user.email == ""


async def test_c_11_links_are_renewed_until_a_password_is_chosen_and_age(yard: Yard) -> None:
    _, a, _ = await houses(yard)
    admin_a = await yard.someone({a.id: OWNER})
    emma = await made(admin_a, a.id)
    path = f"/spaces/{a.id}/users/{emma['id']}/activation-link"
    renewed = (await admin_a.post(path, {})).json
    assert float(str(renewed["expires"])) > float(str(emma["expires"])) - 1
    async with yard.house.nobody() as browser:
        assert await activated(browser, str(emma["link"])) == 409
        assert await activated(browser, str(renewed["link"])) == 303
    again = await admin_a.post(path, {})
    assert (again.status, again.code) == (409, "activated"), "whose account is open is nobody's to open anew"
    eve = await made(admin_a, a.id, username="eve")
    yard.house.pass_(86401)
    async with yard.house.nobody() as browser:
        assert await activated(browser, str(eve["link"])) == 409


async def test_c_11_no_password_is_taken_that_breaks_the_rules(yard: Yard) -> None:
    _, a, _ = await houses(yard)
    emma = await made(await yard.someone({a.id: OWNER}), a.id)
    async with yard.house.nobody() as browser:
        assert await activated(browser, str(emma["link"]), "short") == 422
        assert await activated(browser, str(emma["link"])) == 303


@pytest.mark.parametrize("username", ["", ".x", "x.", "a b", "x" * 65, "ä", "x@y/z"])
async def test_a_name_is_made_of_few_characters(yard: Yard, username: str) -> None:
    _, a, _ = await houses(yard)
    owner = await yard.someone({a.id: OWNER})
    answer = await owner.post(f"/spaces/{a.id}/users", {"username": username})
    assert (answer.status, list(answer.faults)) == (422, ["/username"])


async def test_c_10_whoever_is_of_other_spaces_too_is_not_the_customers_to_open_or_delete(yard: Yard) -> None:
    team, a, b = await houses(yard)
    admin_a, above = await yard.someone({a.id: OWNER}), await yard.someone({team.id: OWNER})
    both = await yard.someone({a.id: DASHBOARD, b.id: DASHBOARD})
    chief = await yard.someone({a.id: DASHBOARD}, admin=True)
    for other in (both, chief):
        path = f"/spaces/{a.id}/users/{other.id}"
        for answer in (
            await admin_a.post(f"{path}/activation-link", {}),
            await admin_a.put(f"{path}/home", {"dashboard": None, "fullscreen": True}),
            await admin_a.delete(path),
        ):
            assert (answer.status, answer.code) == (409, "kept_by_admins")
    assert (await above.delete(f"/spaces/{a.id}/users/{both.id}")).status == 204, "both are below the team"
    root = await yard.house.person("root")
    held = {a.id: Membership(space=a.id, role=DASHBOARD)}
    await yard.put(PutPerson(person=replace(root, memberships=held)))
    admin = await yard.someone(admin=True)
    kept = await admin.delete(f"/spaces/{a.id}/users/{root.user.id}")
    assert (kept.status, kept.code) == (409, "declared_in_file")
    emma = await yard.someone({a.id: DASHBOARD})
    assert (await admin_a.delete(f"/spaces/{a.id}/users/{emma.id}")).status == 204
    assert (await emma.get("/me")).status == 401


async def test_c_10_whom_an_admin_gave_tags_of_their_own_is_opened_by_no_owner(yard: Yard) -> None:
    """Those go before the spaces': whoever opened the account would see rows that are not the customer's."""
    _, a, _ = await houses(yard)
    owner, admin = await yard.someone({a.id: OWNER}), await yard.someone(admin=True)
    emma = str((await made(owner, a.id))["id"])
    path = f"/spaces/{a.id}/users/{emma}/activation-link"
    assert (await owner.post(path, {})).status == 200
    assert (await admin.post("/tags", {"name": "plot"})).status == 201
    assert (await admin.put(f"/users/{emma}/tags", {"tags": {"plot": "north"}})).status == 200
    refused = await owner.post(path, {})
    assert (refused.status, refused.code) == (409, "kept_by_admins")
    assert (await admin.post(path, {})).status == 200
    assert (await owner.delete(f"/spaces/{a.id}/users/{emma}")).status == 204, "nobody sees rows by that"


async def test_c_12_what_somebody_sees_first_is_their_own_then_their_customers_then_their_teams(yard: Yard) -> None:
    team, a, _ = await houses(yard)
    owner, emma = await yard.someone({team.id: OWNER}), await yard.someone({a.id: DASHBOARD})
    lines = [team.at(each, "line") for each in ("p1", "p2")]
    page = f"{team.id}-page"
    await yard.put(
        Resource(id=page, kind=ResourceKind.PAGE, slug="page", parent=lines[1], attributes={"match": "/building"}),
        *(Grant(target=each, space=a.id, role=DASHBOARD) for each in (*lines, page)),
    )

    async def landing() -> object:
        found = (await emma.get("/me/home")).json["landing"]
        return found["id"] if isinstance(found, dict) else None

    assert await landing() is None
    assert (await owner.put(f"/spaces/{team.id}/home", {"dashboard": lines[0]})).status == 200
    assert await landing() == lines[0]
    said = await owner.put(f"/spaces/{a.id}/home", {"dashboard": f"{team.slug}/p2/line"})
    assert said.json == (await owner.get(f"/spaces/{a.id}/home")).json
    assert await landing() == lines[1]
    own = await owner.put(f"/spaces/{a.id}/users/{emma.id}/home", {"dashboard": page, "fullscreen": True})
    assert (own.status, own.json["landing"]["id"], own.json["fullscreen"]) == (200, page, True)  # type: ignore[index]
    home = (await emma.get("/me/home")).json["landing"]
    assert home == {
        "id": page,
        "name": "page",
        "address": f"http://line.p2.{team.slug}.localhost:{yard.house.site.port}/dashboard/building",
        "fullscreen": True,
    }
    assert (await owner.delete(f"/resources/{page}/grants/{a.id}")).status == 204
    assert (await owner.delete(f"/resources/{lines[1]}/grants/{a.id}")).status == 204
    assert await landing() == lines[0], "what is theirs to open no more is passed over"
    assert (await owner.delete(f"/resources/{lines[0]}/grants/{a.id}")).status == 204
    assert await landing() is None
    assert [each.updates[0].key for each in await yard.events(a.id, "customer.updated")] == ["home_dashboard"]


async def test_c_12_what_somebody_sees_first_is_said_by_admins_and_owners_of_their_customer(yard: Yard) -> None:
    team, a, b = await houses(yard)
    line = team.at("p1", "line")
    await yard.put(Grant(target=line, space=a.id, role=OWNER))
    admin, emma = await yard.someone(admin=True), await yard.someone({a.id: DASHBOARD})
    owner_a, owner_b = await yard.someone({a.id: OWNER}), await yard.someone({b.id: OWNER})
    wanted = {"dashboard": line, "fullscreen": False}
    path = f"/spaces/{a.id}/users/{emma.id}/home"
    assert [(await who.put(path, wanted)).status for who in (owner_a, emma, owner_b)] == [200, 403, 404]
    assert (await admin.get(f"/users/{emma.id}/home")).json["dashboard"]["id"] == line  # type: ignore[index]
    assert (await admin.put(f"/users/{emma.id}/home", {"dashboard": None, "fullscreen": False})).status == 200
    assert (await emma.put(f"/users/{emma.id}/home", wanted)).status == 404
    hidden = await owner_b.put(f"/spaces/{b.id}/home", {"dashboard": line})
    missing = await owner_b.put(f"/spaces/{b.id}/home", {"dashboard": "no-such"})
    assert (hidden.status, hidden.text) == (missing.status, missing.text) == (422, hidden.text)
    application = await owner_a.put(f"/spaces/{a.id}/home", {"dashboard": team.at("p1")})
    assert application.status in {403, 422}


@pytest.mark.parametrize("role", ["viewer", "member", "owner"])
async def test_h_10_by_a_token_somebody_is_made_who_looks_at_dashboards_and_no_more(yard: Yard, role: str) -> None:
    """A link is a session of whoever it is for, so it is worth no more than a token may have."""
    _, a, _ = await houses(yard)
    owner = await yard.someone({a.id: OWNER})
    async with yard.house.program(owner.client) as program:
        for more in ({}, {"email": "thief@plant.example"}):
            answer = await program.post(f"/spaces/{a.id}/users", {"username": "emma", "role": role, **more})
            assert (answer.status, answer.code) == (403, "interactive_session_required")
        looks = await program.post(f"/spaces/{a.id}/users", {"username": "emma"})
        assert (looks.status, looks.json["role"], bool(looks.json["link"])) == (201, "dashboard", True)
    assert (await made(owner, a.slug, username="nina", role=role))["role"] == role


@pytest.mark.parametrize(
    ("held", "overrides", "admin", "status"),
    [
        (DASHBOARD, {}, False, 200),
        (VIEWER, {}, False, 403),
        (OWNER, {}, False, 403),
        (DASHBOARD, {"line": MEMBER}, False, 403),
        (DASHBOARD, {"line": DASHBOARD}, False, 200),
        (DASHBOARD, {}, True, 403),
    ],
)
async def test_h_10_a_token_is_handed_no_link_of_who_may_more_than_look(
    yard: Yard, held: Role, overrides: Mapping[str, Role], *, admin: bool, status: int
) -> None:
    team, a, _ = await houses(yard)
    owner = await yard.someone({a.id: OWNER}, admin=admin)
    emma = str((await made(owner, a.slug))["id"])
    person = await yard.person(emma)
    said = {team.at("p1", at): role for at, role in overrides.items()}
    membership = Membership(space=a.id, role=held, overrides=said)
    user = replace(person.user, admin=admin)
    await yard.put(PutPerson(person=replace(person, user=user, memberships={a.id: membership})))
    path = f"/spaces/{a.id}/users/{emma}/activation-link"
    async with yard.house.program(owner.client, admin=admin) as program:
        for body in ({}, {"email": "thief@plant.example"}):
            answer = await program.post(path, body)
            assert (answer.status, answer.json.get("code")) == (
                status,
                None if status == 200 else "interactive_session_required",
            )
    assert (await owner.post(path, {})).status == 200
