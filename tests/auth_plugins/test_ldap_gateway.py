"""A login at a real gateway by a real directory, over HTTP."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from aiohttp import ClientResponse

from proxy.app import Running
from tests.conftest import Needs
from tests.peers.changes import promised
from tests.peers.gateway import PASSWORD as LOCAL_PASSWORD
from tests.peers.gateway import Site, estate, visitor
from tests.peers.slapd import GROUPS, PASSWORD, PEOPLE, READER, READER_PASSWORD, Slapd, slapd

INVITED = {"username": "vic", "email": "vic@example.org", "provider": "corp", "memberships": {"acme": "viewer"}}
MAPPED = {"table": {"unique (ones)": {"acme": "owner"}}, "required": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A gateway with a directory of its own beside its own accounts."""

    site: Site
    directory: Slapd
    running: Running

    async def log_in(self, username: str, password: str = PASSWORD, *, by: str = "corp") -> ClientResponse:
        """The page that is shown in the end."""
        async with visitor(self.site) as browser:
            return await browser.log_in(username, f"{self.site.home}/-/login?with={by}", password)

    async def form(
        self, stack: AsyncExitStack, *, by: str
    ) -> Callable[[str, str], Coroutine[None, None, ClientResponse]]:
        """A login page that somebody has before them, and what sends it."""
        browser = await stack.enter_async_context(visitor(self.site))
        page = await (await browser.navigate(f"{self.site.home}/-/login?with={by}")).text()
        return lambda username, password: browser.fill_in(page, username=username, password=password)

    async def known_as(self, username: str, password: str = PASSWORD) -> dict[str, object]:
        """Who the gateway says that somebody is who logs in."""
        async with visitor(self.site) as browser:
            shown = await browser.log_in(username, f"{self.site.home}/-/login?with=corp", password)
            assert shown.status == 200, await shown.text()
            me = await browser.request("GET", f"{self.site.home}/-/me")
            assert me.status == 200, await me.text()
            found: dict[str, object] = await me.json()
            return found


@pytest.fixture
async def house(tmp_path: Path, needs: Needs, authority: trustme.CA) -> AsyncIterator[House]:
    (tmp_path / "reader").write_text(READER_PASSWORD)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with slapd(needs("slapd"), authority) as directory:
        corp = {
            "name": "corp",
            "plugin": "ldap",
            "url": directory.ldaps,
            "ca": "ca.pem",
            "bind_dn": READER,
            "bind_password": {"file": "reader"},
            "base_dn": PEOPLE,
            "groups_from": {"base_dn": GROUPS},
            "groups": MAPPED,
            "provision": True,
            "timeout": "30s",  # a busy machine is not the directory's fault; what people wait for, the gateway bounds
            "connect_timeout": "10s",
        }
        people = estate([])
        people["users"] = [*[each for each in people["users"] if each["username"] == "nora"], INVITED]
        site = Site(tmp_path, people)
        site.settings["auth"] = [{"name": "local", "plugin": "local"}, corp]
        site.settings["limits"] = {"login": "20/1s", "lockout": {"failures": 3}}
        async with site.running() as running:
            yield House(site=site, directory=directory, running=running)


async def test_people_of_the_directory_log_in_with_their_names_and_groups(house: House) -> None:
    """S-28, S-30."""
    invited, made = await house.known_as("vic"), await house.known_as("ada")
    assert (invited["username"], invited["email"]) == ("vic", "vic@example.org")
    assert (made["username"], made["name"], made["email"]) == ("ada", "Ada Lovelace", "ada@example.org")
    people = {each.user.username: each for each in await house.running.store.database.people()}
    assert [each.role.name for each in people["ada"].memberships.values()] == ["OWNER"], "by a group of unique names"


async def test_whoever_is_refused_is_told_the_same_and_has_no_account(house: House) -> None:
    """S-29, R-40, R-41. Why, only the log says."""
    pages: set[str] = set()
    for username, password in (
        ("ada", "wrong"),
        ("nobody", "wrong"),
        ("*)(uid=*", PASSWORD),
        ("expired", PASSWORD),
        ("fresh", PASSWORD),
        ("barred", PASSWORD),
    ):
        refused = await house.log_in(username, password)
        assert refused.status == 403
        pages.update(re.findall(r"Wrong username or password[^<]*", await refused.text()))
    assert len(pages) == 1
    assert {each.username for each in await house.running.store.database.users()} == {"nora", "vic"}


async def test_a_directory_that_is_gone_or_silent_is_503_in_time_and_held_against_nobody(house: House) -> None:
    """Whoever logs in by another way in the meantime does not notice."""
    await house.known_as("vic")
    for away, back in (
        (house.directory.hang, house.directory.go_on),
        (house.directory.kill, house.directory.start),
    ):
        async with AsyncExitStack() as stack:
            forms = [await house.form(stack, by="corp") for _ in range(6)]
            other = await house.form(stack, by="local")
            away()
            async with promised(3):
                tries = [asyncio.create_task(sent("vic", PASSWORD)) for sent in forms]
                assert (await other("nora", LOCAL_PASSWORD)).status == 200
                if away == house.directory.hang:
                    assert not any(each.done() for each in tries), "it waited for the directory too"
                answers = await asyncio.gather(*tries)
        assert {answer.status for answer in answers} == {503}
        assert "Wrong username" not in await answers[0].text()
        back()
        assert (await house.known_as("vic"))["username"] == "vic"


async def test_wrong_passwords_lock_the_account_here_too(house: House) -> None:
    for _ in range(3):
        assert (await house.log_in("vic", "wrong")).status == 403
    assert (await house.log_in("vic")).status == 403
