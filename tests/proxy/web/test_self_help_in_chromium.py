"""Recovery and sign-up as a person goes through them in a real browser, without script."""

import re
from pathlib import Path

from playwright.async_api import expect

from tests.peers.browser import Chromium
from tests.peers.smtp import sink
from tests.proxy.web.api.house import house

NEW = "tin roof marmalade 7"
SIGN_UP = {"sign_up": {"enabled": True, "domains": ["acme.example"]}}


async def test_s_05_who_forgot_a_password_is_back_in_by_mail(tmp_path: Path, chromium: Chromium) -> None:
    async with sink(tmp_path / "mail") as mails, house(tmp_path, mail=mails.settings) as gate:
        async with chromium.visitor(java_script=False) as visitor:
            page = visitor.page
            await page.goto(f"{gate.site.home}/-/login")
            await page.get_by_role("link", name="Forgot your password?").click()
            await page.get_by_label("Username or mail address").fill("max")
            await page.get_by_role("button", name="Mail me a link").click()
            await page.get_by_role("heading", name="Look into your mail").wait_for()
            (mail,) = await mails.mails_to("max@acme.example")
            found = re.search(r"http://\S+/-/reset/\S+", mail.text)
            assert found
            await page.goto(found[0])
            for password, again in ((NEW, "not the same"), (NEW, NEW)):
                await page.get_by_label("New password").fill(password)
                await page.get_by_label("The same again").fill(again)
                await page.get_by_role("button", name="Set password").click()
            await page.get_by_role("link", name="Log in").click()
            await page.get_by_label("Username").fill("max")
            await page.get_by_label("Password", exact=True).fill(NEW)
            await page.get_by_role("button", name="Log in", exact=True).click()
            await page.get_by_role("heading", name="Your instances").wait_for()
            assert [error for error in visitor.errors if "422" not in error] == []


async def test_s_32_somebody_makes_an_account_and_then_ends_a_session_elsewhere(
    tmp_path: Path, chromium: Chromium
) -> None:
    async with sink(tmp_path / "mail") as mails, house(tmp_path, mail=mails.settings, accounts=SIGN_UP) as gate:
        async with chromium.visitor(java_script=False) as visitor:
            page = visitor.page
            await page.goto(f"{gate.site.home}/-/login")
            await page.get_by_role("link", name="Create an account").click()
            await page.get_by_label("Mail address").fill("zoe@acme.example")
            await page.get_by_label("Username").fill("max")
            await page.get_by_label("Password", exact=True).fill(NEW)
            await page.get_by_label("The same again").fill(NEW)
            await page.get_by_role("button", name="Mail me a code").click()
            (mail,) = await mails.mails_to("zoe@acme.example")
            code = re.findall(r"^(\d{6})$", mail.text, re.MULTILINE)[0]
            await page.get_by_label("Code").fill(code)
            await page.get_by_role("button", name="Create the account").click()
            assert "Somebody has that username" in await page.get_by_role("alert").inner_text()
            await page.get_by_label("Code").fill(code)
            await page.get_by_label("Another username").fill("zoe")
            await page.get_by_role("button", name="Create the account").click()
            await page.get_by_role("heading", name="Nothing to open yet").wait_for()
            async with gate.user("zoe", NEW) as elsewhere:
                await page.goto(f"{gate.site.home}/-/sessions")
                await page.get_by_role("button", name="End the session of").click()
                await page.get_by_role("heading", name="Your sessions").wait_for()
                await expect(page.get_by_role("listitem")).to_have_count(1)
                assert (await elsewhere.get("/me")).status == 401
