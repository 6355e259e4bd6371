"""The pages on which people help themselves, in a whole gateway: with a mail server, without one, and with one that is away."""

import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast
from urllib.parse import urlencode

import pytest
from aiohttp import ClientResponse

from config import schema
from proxy.services.lockout import Lockout
from proxy.services.recovery import Recovery
from proxy.store import Database, Shared
from tests.peers.changes import promised
from tests.peers.gateway import NAVIGATION, PASSWORD
from tests.peers.ports import free_port
from tests.peers.smtp import Sink, sink
from tests.proxy.web.api.house import Client, House, house

NEW = "tin roof marmalade 7"
SIGN_UP = {"sign_up": {"enabled": True, "domains": ["acme.example"]}}
BEHIND = {"trusted_proxies": ["127.0.0.1/32"]}


@asynccontextmanager
async def opened(folder: Path, **settings: dict[str, object]) -> AsyncIterator[tuple[House, Sink]]:
    """With a mail server."""
    async with sink(folder / "mail") as server, house(folder, mail=server.settings, **settings) as found:
        yield found, server


async def page(client: Client, path: str) -> str:
    answer = await client.visitor.navigate(client.visitor.site.home + path)
    return await answer.text()


async def post(client: Client, path: str, page_of: str, fields: Mapping[str, str]) -> ClientResponse:
    """Send a form that a page of ours holds."""
    text = await page(client, page_of)
    found = re.search(r'name="csrf" value="([^"]*)"', text)
    assert found, "the page has no form"
    return await send(client, path, {"csrf": found[1], **fields})


async def send(client: Client, path: str, fields: Mapping[str, str]) -> ClientResponse:
    """As a browser sends a form of this very host."""
    home = client.visitor.site.home
    headers = {**NAVIGATION, "Origin": home, "Content-Type": "application/x-www-form-urlencoded"}
    return await client.visitor.request("POST", home + path, headers=headers, data=urlencode(fields))


async def test_s_05_a_page_asks_for_the_name_and_the_link_leads_to_another_password(tmp_path: Path) -> None:
    async with opened(tmp_path) as (gate, mails), gate.nobody() as nobody, gate.user("max") as before:
        assert "/-/forgot" in await page(nobody, "/-/login")
        answers = [await post(nobody, "/-/forgot", "/-/forgot", {"login": name}) for name in ("max", "nobody-at-all")]
        texts = [await answer.text() for answer in answers]
        assert [answer.status for answer in answers] == [200, 200]
        assert texts[0] == texts[1]
        assert "on its way" in texts[0]
        (mail,) = await mails.mails_to("max@acme.example")
        found = re.search(r"/-/reset/[\w-]+", mail.text)
        assert found
        for password, again, told in (("short", "short", "at least 8"), (NEW, "other", "differ")):
            wrong = await post(nobody, found[0], found[0], {"password": password, "again": again})
            assert wrong.status == 422
            assert told in await wrong.text()
        done = await post(nobody, found[0], found[0], {"password": NEW, "again": NEW})
        assert "Your password is set" in await done.text()
        assert (await before.get("/me")).status == 401
        assert "no longer works" in await page(nobody, found[0])
        async with gate.user("max", NEW):
            pass


CHANGE = "/-/security/confirm"


async def asks_for(client: Client, email: str, password: str = PASSWORD) -> ClientResponse:
    """Fill in the form on which one changes one's own address."""
    return await post(client, CHANGE, f"{CHANGE}?do=email", {"do": "email", "email": email, "password": password})


async def test_s_33_a_page_changes_the_mail_address_once_the_password_and_the_new_one_are_proven(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as (gate, mails), gate.user("max") as max_, gate.nobody() as nobody:
        assert f"{CHANGE}?do=email" in await page(max_, "/-/security")
        for email, password, status, told in (
            ("max@new.example", "wrong", 403, "not right"),
            ("no address", PASSWORD, 400, "no address"),
            ("max@acme.example", PASSWORD, 400, "your address already"),
        ):
            wrong = await asks_for(max_, email, password)
            text = await wrong.text()
            assert (wrong.status, told in text, f'value="{email}"' in text) == (status, True, True)
        asked = await asks_for(max_, "max@new.example")
        assert "mailed to max@new.example" in await asked.text()
        (mail,) = await mails.mails_to("max@new.example")
        found = re.search(r"/-/email/[\w-]+", mail.text)
        assert found
        assert "was changed" in await (await post(nobody, found[0], found[0], {})).text()
        assert (await max_.get("/me")).status == 401
        account = await gate.running.store.database.account("max@new.example")
        assert account is not None


async def test_s_33_a_mail_server_that_is_away_changes_no_address(tmp_path: Path) -> None:
    settings = {"server": f"smtp://127.0.0.1:{free_port()}", "sender": "gate@plant.example"}
    async with house(tmp_path, mail=settings) as gate, gate.user("max") as max_:
        answer = await asks_for(max_, "max@new.example")
        assert (answer.status, "does not answer" in await answer.text()) == (503, True)
    async with house(tmp_path / "none") as gate, gate.user("max") as max_:
        assert "do=email" not in await page(max_, "/-/security")
        assert (await asks_for(max_, "max@new.example")).status == 409


async def test_without_mail_people_are_told_whom_to_ask(tmp_path: Path) -> None:
    contact: dict[str, object] = {"contact": "Ida, room 7"}
    async with house(tmp_path, accounts=contact) as gate, gate.nobody() as nobody:
        assert "Please ask Ida, room 7" in await page(nobody, "/-/forgot")
        answer = await nobody.post("/auth/forgot", {"login": "max"})
        assert (answer.status, answer.code) == (409, "mail_missing")
        async with gate.user("max") as user, gate.user("ada") as ada:
            asked = await user.put("/me/email", {"email": "new@acme.example"})
            assert (asked.status, asked.code) == (409, "mail_missing")
            link = await ada.post("/users/max/activation-link?mail=1")
            assert (link.status, link.code) == (409, "mail_missing")
            shown = await ada.post("/users/max/activation-link")
            assert "/-/activate/" in str(shown.json["link"])


async def test_s_32_nobody_signs_up_where_it_is_not_switched_on(tmp_path: Path) -> None:
    wanted = {"username": "zoe", "email": "zoe@acme.example", "password": NEW}
    async with opened(tmp_path) as (gate, mails), gate.nobody() as nobody:
        answer = await nobody.post("/auth/register", wanted)
        assert (answer.status, answer.code) == (409, "sign_up_off")
        assert (await nobody.visitor.navigate(f"{gate.site.home}/-/register")).status == 404
        assert "/-/register" not in await page(nobody, "/-/login")
        assert mails.mails == []


async def test_s_32_the_page_asks_for_a_code_and_then_lets_in(tmp_path: Path) -> None:
    async with opened(tmp_path, accounts=SIGN_UP) as (gate, mails), gate.nobody() as nobody:
        assert "/-/register" in await page(nobody, "/-/login")
        fields = {"username": "zoe", "email": "zoe@acme.example", "name": "Zoe", "password": NEW, "again": NEW}
        wrong = await post(nobody, "/-/register", "/-/register", {**fields, "email": "zoe@evil.example"})
        assert wrong.status == 422
        assert "must be of one of these domains: acme.example" in await wrong.text()
        asked = await post(nobody, "/-/register", "/-/register", fields)
        text = await asked.text()
        ticket, csrf = (re.findall(rf'name="{name}" value="([^"]*)"', text)[0] for name in ("ticket", "csrf"))
        (mail,) = await mails.mails_to("zoe@acme.example")
        code = re.findall(r"^(\d{6})$", mail.text, re.MULTILINE)[0]
        sent = {"ticket": ticket, "csrf": csrf}
        refused = await send(nobody, "/-/verify", {**sent, "code": f"{(int(code) + 1) % 10**6:06}"})
        assert refused.status == 422
        done = await send(nobody, "/-/verify", {**sent, "code": f" {code} "})
        assert (done.status, done.headers["Location"]) == (303, "/")
        assert (await nobody.get("/me")).json["username"] == "zoe"


async def test_s_32_where_only_the_invited_sign_up_strangers_are_answered_alike_and_get_no_code(tmp_path: Path) -> None:
    invited: dict[str, object] = {"sign_up": {"invited": True}}
    wanted = {"username": "zoe", "password": NEW}
    async with opened(tmp_path, accounts=invited, limits={"sign_up": "9/m"}) as (gate, mails), gate.nobody() as nobody:
        async with gate.user("olga") as olga:
            sent = await olga.post("/spaces/acme/invitations", {"to": "zoe@far.example", "role": "viewer"})
            assert sent.status == 202, sent.text
        (offer,) = await mails.mails_to("zoe@far.example")
        assert "/-/register" in offer.text
        stranger = await nobody.post("/auth/register", {**wanted, "email": "eve@far.example"})
        guest = await nobody.post("/auth/register", {**wanted, "email": "Zoe@far.example"})
        assert (stranger.status, set(stranger.json)) == (guest.status, set(guest.json)) == (202, {"ticket", "expires"})
        (mail,) = await mails.mails_to("Zoe@far.example")
        code = re.findall(r"^(\d{6})$", mail.text, re.MULTILINE)[0]
        made = await nobody.post("/auth/verify", {"ticket": guest.json["ticket"], "code": code})
        assert made.status == 201
        assert mails.to("eve@far.example") == []


async def test_s_02_links_codes_and_accounts_are_asked_for_twice_a_minute(tmp_path: Path) -> None:
    """A forged X-Forwarded-For changes nothing; a trusted proxy's tells whose count it is."""
    calls = {
        "/auth/forgot": {"login": "max"},
        "/auth/register": {"username": "zoe", "email": "zoe@acme.example", "password": NEW},
        "/auth/verify": {"ticket": "x", "code": "000000"},
    }
    async with opened(tmp_path, accounts=SIGN_UP, server=BEHIND) as (gate, _), gate.nobody() as nobody:
        gate.stop()
        for path, body in calls.items():
            answers = [await nobody.post(path, body, X_Forwarded_For="192.0.2.1") for _ in range(3)]
            assert answers[1].status != 429
            assert (answers[2].status, answers[2].code) == (429, "too_many_requests"), path
            assert 1 <= int(answers[2].headers["Retry-After"]) <= 60
            assert (await nobody.post(path, body, X_Forwarded_For="192.0.2.2")).status != 429
            assert (await nobody.post(path, body, X_Forwarded_For="203.0.113.9, 192.0.2.1")).status == 429
            gate.pass_(61)
            assert (await nobody.post(path, body, X_Forwarded_For="192.0.2.1")).status != 429


async def away(_: Sink) -> str:
    return f"smtp://localhost:{free_port()}"


async def silent(server: Sink) -> str:
    server.greets = False
    return f"smtp://localhost:{server.port}"


@pytest.mark.parametrize("how", [away, silent])
async def test_a_mail_server_that_is_gone_or_slow_is_503_within_three_seconds_for_everybody_and_counts_as_nothing(
    tmp_path: Path, how: object
) -> None:
    async with sink(tmp_path / "mail") as server:
        at = await how(server)  # type: ignore[operator]
        async with house(tmp_path, mail={**server.settings, "server": at}, accounts=SIGN_UP) as gate:
            async with gate.nobody() as nobody, gate.user("max") as user:
                bodies: list[tuple[str, dict[str, str]]] = [
                    ("/auth/forgot", {"login": "max"}),
                    ("/auth/forgot", {"login": "nobody-at-all"}),
                    ("/auth/register", {"username": "zoe", "email": "zoe@acme.example", "password": NEW}),
                ]
                for path, body in [*bodies, *bodies]:
                    async with promised(3):
                        answer = await nobody.post(path, body)
                    assert (answer.status, answer.code) == (503, "facts_unavailable")
                    assert "Retry-After" in answer.headers
                assert (await user.put("/me/email", {"email": "new@acme.example"})).status == 503
                login = await nobody.post("/auth/login", {"username": "max", "password": PASSWORD})
                assert login.status == 200, "other things go on"
                database = gate.running.store.database
                assert await database.letters(time.time() + 1e6, 10) == []


async def test_s_05_what_is_done_for_nobody_is_the_same_work(tmp_path: Path) -> None:
    """The same questions to the stores, in the same order; the mail itself is sent later, beside all requests."""
    async with opened(tmp_path, limits={"forgot": "100/m"}) as (gate, _):
        asked: list[str] = []

        class Counting:
            def __init__(self, of: object) -> None:
                self._of = of

            def __getattr__(self, name: str) -> object:
                asked.append(name)
                return getattr(self._of, name)

        gateway, store = gate.running.gateway, gate.running.store
        database, shared = cast("Database", Counting(store.database)), cast("Shared", Counting(store.shared))
        counted = Recovery(
            database=database,
            shared=shared,
            accounts=replace(gateway.accounts, database=database, shared=shared),
            lockout=Lockout(database, shared, schema.Lockout, time.time),
            outbox=replace(gateway.outbox, database=database),
            now=time.time,
        )
        calls = []
        for name in ("max", "nobody-at-all", "x" * 200):
            asked.clear()
            await counted.ask(name, address="192.0.2.1")
            calls.append(list(asked))
    assert calls[0] == calls[1] == calls[2]


async def test_s_06_a_password_that_is_too_old_lets_its_user_do_nothing_but_choose_another(tmp_path: Path) -> None:
    rules: dict[str, object] = {"password": {"expires": "90d", "reuse": 2}}
    async with house(tmp_path, accounts=rules) as gate:
        async with gate.user("max") as user:
            assert (await user.put("/me/password", {"current": PASSWORD, "new": NEW})).status == 204
        gate.pass_(90 * 86400 - 60)
        async with gate.user("max", NEW) as user:
            assert (await user.get("/me")).json["password_expired"] is False
        gate.pass_(120)
        async with gate.user("max", NEW) as user:
            assert (await user.get("/me")).json["password_expired"] is True
            refused = await user.get("/me/sessions")
            assert (refused.status, refused.code) == (403, "password_expired")
            used = await user.put("/me/password", {"current": NEW, "new": PASSWORD})
            assert (used.status, used.code) == (400, "password_reused"), "S-04"
            assert (await user.put("/me/password", {"current": NEW, "new": f"{NEW} more"})).status == 204
            assert (await user.get("/me/sessions")).status == 200


async def test_sessions_are_listed_with_their_devices_and_ended_one_by_one_or_all(tmp_path: Path) -> None:
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0"
    async with house(tmp_path) as gate, gate.user("max") as here, gate.user("max") as there, gate.nobody() as phone:
        login = {"username": "max", "password": PASSWORD}
        await phone.post("/auth/login", login, User_Agent=firefox)
        text = await page(here, "/-/sessions")
        assert "Firefox on Linux" in text
        assert "this one" in text
        assert "127.0.0.1" in text
        (wanted,) = re.findall(r'value="([\w-]{20,})" aria-label="End the session of Firefox', text)
        assert (await post(here, "/-/sessions", "/-/sessions", {"end": wanted})).status == 303
        assert [(await client.get("/me")).status for client in (here, there, phone)] == [200, 200, 401]
        await post(here, "/-/sessions", "/-/sessions", {"end": "others"})
        assert [(await client.get("/me")).status for client in (here, there)] == [200, 401]
        async with gate.user("olga") as olga:
            await post(olga, "/-/sessions", "/-/logout", {"end": "not-a-session"})
            own = str((await here.get("/me")).json["session"]["id"])  # type: ignore[index]
            await post(olga, "/-/sessions", "/-/logout", {"end": own})
        assert (await here.get("/me")).status == 200, "nobody ends another's"
        assert "Log in" in await page(phone, "/-/sessions")
