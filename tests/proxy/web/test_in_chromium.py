"""The way through the login in a real browser: what it does with our policies, origins and cookies."""

from dataclasses import replace
from pathlib import Path

from proxy.store import PutPerson
from proxy.web.attempts import WRONG
from tests.peers.browser import Chromium
from tests.proxy.web import house as houses

PUBLIC = "http://gate.localhost:{port}"


async def test_one_login_opens_two_instances_without_script_and_logging_out_closes_both(
    tmp_path: Path, chromium: Chromium
) -> None:
    """Chromium checks form-action along the redirects after a post, and sends Origin only as the referrer policy lets it."""
    async with houses.house(tmp_path, PUBLIC) as house, chromium.visitor(java_script=False) as visitor:
        page, port = visitor.page, house.port
        await page.goto(f"http://line-3.localhost:{port}/dashboard?tab=2")
        assert page.url.startswith(f"http://gate.localhost:{port}/-/login?to=")
        await page.get_by_label("Username").fill("ada")
        await page.get_by_label("Password").fill("wrong")
        await page.get_by_role("button", name="Log in", exact=True).click()
        assert await page.get_by_role("alert").inner_text() == WRONG
        await page.get_by_label("Password").fill(houses.PASSWORD)
        await page.get_by_role("button", name="Log in", exact=True).click()
        await page.get_by_role("heading", name="Hello Ada").wait_for()
        assert page.url == f"http://line-3.localhost:{port}/dashboard?tab=2"
        await page.goto(f"http://line-4.localhost:{port}/dashboard")
        await page.get_by_role("heading", name="Hello Ada").wait_for()
        cookies = await visitor.cookies()
        sessions = {host: value for (host, name), value in cookies.items() if name == "flowward"}
        assert set(sessions) == {"gate.localhost", "line-3.localhost", "line-4.localhost"}
        assert len(set(sessions.values())) == 3
        await page.goto(f"http://line-4.localhost:{port}/-/logout")
        await page.get_by_role("button", name="Log out").click()
        await page.get_by_role("heading", name="You are logged out").wait_for()
        for host in ("line-3", "line-4"):
            await page.goto(f"http://{host}.localhost:{port}/dashboard")
            await page.get_by_role("heading", name="Log in").wait_for()
        assert [error for error in visitor.errors if "403" not in error] == []


async def test_a_script_of_an_instance_reaches_neither_home_nor_its_sibling(tmp_path: Path, chromium: Chromium) -> None:
    async with houses.house(tmp_path, PUBLIC) as house, chromium.visitor() as visitor:
        page, port = visitor.page, house.port
        for host in ("line-3", "line-4"):
            await page.goto(f"http://{host}.localhost:{port}/dashboard")
            if await page.get_by_label("Username").count():
                await page.get_by_label("Username").fill("ada")
                await page.get_by_label("Password").fill(houses.PASSWORD)
                await page.get_by_role("button", name="Log in", exact=True).click()
            await page.get_by_role("heading", name="Hello Ada").wait_for()
        home, sibling = f"http://gate.localhost:{port}", f"http://line-3.localhost:{port}"
        read = """async url => { try { return await (await fetch(url, {credentials: 'include'})).text() }
                               catch (error) { return 'nothing' } }"""
        for url in (f"{home}/-/me", f"{home}/", f"{home}/-/logout", f"{sibling}/dashboard", f"{sibling}/-/enter"):
            assert await page.evaluate(read, url) == "nothing", url
        own = "async () => (await fetch('/-/enter?code=x', {redirect: 'manual'})).status"
        assert await page.evaluate(own) == 403
        post = """async url => { await fetch(url, {method: 'POST', mode: 'no-cors', credentials: 'include',
                    headers: {'Content-Type': 'application/x-www-form-urlencoded'}, body: 'csrf=x'}) }"""
        await page.evaluate(post, f"{home}/-/logout")
        await page.goto(f"{home}/-/me")
        assert "ada" in await page.content(), "still logged in"


async def test_c_12_after_the_login_somebody_is_on_the_dashboard_they_see_first(
    tmp_path: Path, chromium: Chromium
) -> None:
    """Chromium would stop a redirect to another host that follows the login's form."""
    async with houses.house(tmp_path, PUBLIC) as house, chromium.visitor(java_script=False) as visitor:
        person = await house.desk.database.person("u-dan")
        assert person is not None
        user = replace(person.user, default_dashboard="r-line-3", fullscreen=True)
        await house.desk.database.edit([PutPerson(person=replace(person, user=user))], [])
        page, home = visitor.page, f"http://gate.localhost:{house.port}"
        await page.goto(home)
        await page.get_by_label("Username").fill("dan")
        await page.get_by_label("Password").fill(houses.PASSWORD)
        await page.get_by_role("button", name="Log in", exact=True).click()
        await page.get_by_role("heading", name="Hello Dan").wait_for()
        assert page.url == f"http://line-3.localhost:{house.port}/dashboard"
        await page.goto(f"{home}/-/")
        await page.get_by_role("heading", name="Hello Dan").wait_for()
        assert visitor.errors == []
