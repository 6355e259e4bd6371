"""C-19: `/-/view-as`: an admin begins to look on as somebody, sees it said on every page, and ends it."""

from dataclasses import replace

import pytest

from proxy.store import PutPerson
from tests.proxy.web.house import HOME, LINE_3, Answer, Browser, House
from tests.proxy.web.test_attempts import events

PAGE = f"{HOME}/-/view-as"
SAID = "You are looking on as <strong>Dan</strong>"


@pytest.fixture
async def admin(house: House) -> Browser:
    """Ada, an admin, logged in a moment ago."""
    ada = await house.desk.person("u-ada")
    assert ada is not None
    await house.desk.database.edit([PutPerson(person=replace(ada, user=replace(ada.user, admin=True)))], [])
    browser = house.browser()
    await browser.log_in()
    return browser


async def begin(browser: Browser, username: str = "dan") -> Answer:
    page = await browser.get(PAGE)
    return await browser.post(PAGE, {"csrf": page.hidden("csrf"), "username": username})


async def end(browser: Browser) -> Answer:
    page = await browser.get(PAGE)
    return await browser.post(f"{PAGE}/end", {"csrf": page.hidden("csrf")})


async def test_c_19_every_page_says_so_and_leads_to_where_it_ends(admin: Browser) -> None:
    _, launcher = await admin.follow(await begin(admin))
    assert SAID in launcher.text
    assert 'href="https://gate.example/-/view-as"' in launcher.text
    for path in ("/-/", "/-/security", "/-/sessions", "/-/view-as"):
        page = await admin.get(HOME + path)
        assert SAID in page.text, path
    _, at_instance = await admin.follow(await admin.get(f"{LINE_3}/dashboard"))
    assert at_instance.text == "<h1>Hello Dan</h1>"


async def test_nobody_else_reads_it(admin: Browser, house: House) -> None:
    await begin(admin)
    dan = house.browser()
    await dan.log_in("dan")
    for path in ("/", "/-/sessions"):
        assert "looking on" not in (await dan.get(HOME + path)).text
    assert "view-as" not in (await dan.get(HOME + "/-/sessions")).text


async def test_c_19_whatever_is_posted_is_refused(admin: Browser) -> None:
    await begin(admin)
    for path in (
        "/-/login",
        "/-/password",
        "/-/sessions",
        "/-/security/confirm",
        "/-/second-factor/enrol",
        "/-/view-as",
    ):
        refused = await admin.post(HOME + path, {"do": "off", "end": "others", "username": "nora"})
        assert refused.status == 403, path
        assert "You are looking on as somebody else" in refused.text
        assert SAID in refused.text
    assert (await admin.get(f"{HOME}/-/me")).text.count('"viewer":"u-ada"') == 1


async def test_ending_it_leads_back_to_the_admins_login_on_every_host(admin: Browser) -> None:
    await admin.follow(await admin.get(f"{LINE_3}/dashboard"))
    await begin(admin)
    _, page = await admin.follow(await admin.get(f"{LINE_3}/dashboard"))
    assert "Hello Dan" in page.text
    back = await end(admin)
    assert (back.status, back.location) == (303, "/-/view-as")
    _, home = await admin.follow(await admin.get(HOME))
    assert "looking on" not in home.text
    _, page = await admin.follow(await admin.get(f"{LINE_3}/dashboard"))
    assert "Hello Ada" in page.text


async def test_logging_out_leads_back_as_well(admin: Browser) -> None:
    await begin(admin)
    shown = await admin.get(f"{HOME}/-/logout")
    assert (shown.status, shown.location) == (303, "/-/view-as")
    page = await admin.get(PAGE)
    left = await admin.post(f"{HOME}/-/logout", {"csrf": page.hidden("csrf")})
    assert left.location == "/-/view-as"
    assert '"username":"ada"' in (await admin.get(f"{HOME}/-/me")).text


async def test_a_login_that_ended_meanwhile_leads_to_the_login(admin: Browser, house: House) -> None:
    await begin(admin)
    page = await admin.get(PAGE)
    await house.desk.sessions.end_all("u-ada")
    gone = await admin.post(f"{PAGE}/end", {"csrf": page.hidden("csrf")})
    assert (gone.status, gone.location) == (303, "/-/login")


async def test_c_19_two_events_name_both(admin: Browser, house: House) -> None:
    await begin(admin)
    await end(admin)
    started, ended = await events(house, "platform.view-as.started", "platform.view-as.ended")
    for event in (started, ended):
        assert (event.actor, event.actor_name, event.user) == ("u-ada", "ada", "u-dan")
        assert event.body["username"] == "dan"
    assert started.body["until"] == house.time() + 1800


@pytest.mark.parametrize(
    ("username", "status", "words"),
    [("nobody", 404, "Nobody here"), ("ada", 409, "That is you"), ("sue", 409, "cannot log in")],
)
async def test_whom_nobody_can_look_on_as(admin: Browser, username: str, status: int, words: str) -> None:
    refused = await begin(admin, username)
    assert refused.status == status
    assert words in refused.text
    assert "looking on as <strong>" not in (await admin.get(HOME)).text


async def test_it_is_for_admins_who_have_just_proved_who_they_are(admin: Browser, house: House) -> None:
    dan = house.browser()
    await dan.log_in("dan")
    assert (await dan.get(PAGE)).status == 404
    assert "/-/view-as" not in (await dan.get(HOME)).text
    assert "/-/view-as" in (await admin.get(HOME)).text
    house.time.now += 601
    asked = await admin.get(PAGE)
    assert (asked.status, asked.location) == (303, "/-/security/confirm?do=view-as")
    form = await admin.get(HOME + asked.location)
    fields = {"csrf": form.hidden("csrf"), "do": "view-as", "password": "correct horse battery"}
    proven = await admin.post(f"{HOME}/-/security/confirm", fields)
    assert (proven.status, proven.location) == (303, "/-/view-as")
    assert (await admin.get(PAGE)).status == 200


async def test_a_form_of_another_browser_begins_and_ends_nothing(admin: Browser) -> None:
    stale = await admin.post(PAGE, {"csrf": "x", "username": "dan"})
    assert stale.status == 403
    foreign = await admin.post(PAGE, {"csrf": "x", "username": "dan"}, Origin=LINE_3)
    assert foreign.status == 403
    await begin(admin)
    assert (await admin.post(f"{PAGE}/end", {"csrf": "x"})).status == 403
    assert '"viewer":"u-ada"' in (await admin.get(f"{HOME}/-/me")).text
