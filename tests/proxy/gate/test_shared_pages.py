"""A dashboard that is shared page by page, through the gateway: on both lanes, before an instance that notes what reaches it."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from proxy.app import Running
from proxy.model.estate import Resource, ResourceKind
from tests.peers.answers import by_path, events, plain
from tests.peers.gateway import NAVIGATION, Site, Visitor, visitor
from tests.peers.upstream import Upstream, upstream
from tests.proxy.app.house import HOST, site, until

FAST = pytest.mark.parametrize("fast", [True, False], ids=["fast lane", "aiohttp lane"])
SCRIPT = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": "same-origin"}


@dataclass(frozen=True, slots=True)
class Shared:
    """Line 3 with an overview for the team, an office page of a customer's and a notice for anybody."""

    site: Site
    running: Running
    instance: Upstream

    def reached(self) -> list[str]:
        return [request.target.decode() for request in self.instance.requests]

    def at(self, path: str) -> str:
        return self.site.origin(HOST) + path

    async def becomes(self, *pages: Resource) -> None:
        await self.running.store.database.edit(pages, [])
        await self.running.gateway.watch.look()

    async def page(self, slug: str, match: str, owner: str | None = None, **said: object) -> Resource:
        found = await self.running.store.database.estate()
        line = next(each for each in found.resources.values() if each.slug == "line-3")
        space = next((each.id for each in found.spaces.values() if each.slug == owner), None)
        attributes = {"match": match, **said}
        kind = ResourceKind.PAGE
        return Resource(id=f"page-{slug}", kind=kind, slug=slug, parent=line.id, owner=space, attributes=attributes)


@asynccontextmanager
async def shared(folder: Path, *, fast: bool = True) -> AsyncIterator[Shared]:
    answers = by_path({"/api/office/events": events(b"first"), "*": plain(b"from the instance")})
    async with upstream(answers) as instance:
        made = site(folder, f"http://127.0.0.1:{instance.port}", fast_lane=fast, allow_public_http=True)
        spaces, users = made.estate["spaces"], made.estate["users"]
        assert isinstance(spaces, list)
        assert isinstance(users, list)
        spaces.append({"slug": "customer-a", "kind": "customer", "parent": "acme", "title": "Customer A"})
        emma = {"username": "emma", "name": "Emma", "memberships": {"customer-a": "dashboard"}}
        users.append({**emma, "password_hash": users[0]["password_hash"]})
        async with made.running() as running:
            found = Shared(made, running, instance)
            await found.becomes(
                await found.page("overview", "/overview"),
                await found.page("office", "/office", "customer-a", endpoints=["/api/office/*"]),
                await found.page("notice", "/notice", http_auth="none"),
            )
            yield found


async def statuses(who: Visitor, at: Shared, paths: Iterable[str]) -> Sequence[int]:
    return [(await who.request("GET", at.at(path), headers=SCRIPT)).status for path in paths]


HIDDEN = [
    "/dashboard/overview",
    "/dashboard/OVERVIEW/",
    "/dashboard/%6Fverview",
    "/dashboard/other",
    "/api/other",
    "/ui",
]
OWN = ["/dashboard/", "/dashboard/office", "/dashboard/assets/index.js", "/dashboard/manifest.webmanifest"]


@FAST
async def test_g_02_a_hidden_pages_path_is_404_and_the_instance_is_never_asked(tmp_path: Path, fast: bool) -> None:
    """G-02."""
    async with shared(tmp_path, fast=fast) as at, visitor(at.site, "emma", HOST) as emma:
        before = len(at.reached())
        assert await statuses(emma, at, HIDDEN) == [404] * len(HIDDEN)
        page = await emma.request("GET", at.at("/dashboard/overview"), headers=NAVIGATION)
        assert page.status == 404
        assert at.reached()[before:] == []
        assert await statuses(emma, at, [*OWN, "/api/office/rows"]) == [200] * 5
        assert at.reached()[before:] == [*OWN, "/api/office/rows"]


@FAST
async def test_g_02_what_looks_like_a_file_of_the_dashboard_takes_no_writes(tmp_path: Path, fast: bool) -> None:
    """G-02: neither from who has pages alone nor from who has none but the public one; their own endpoints do."""
    async with shared(tmp_path, fast=fast) as at, visitor(at.site, "emma", HOST) as emma, visitor(at.site) as nobody:
        await at.becomes(
            await at.page("office", "/office", "customer-a", endpoints=["/dashboard/office.d/*"]),
            await at.page("export", "", endpoints=["/dashboard/export/**"]),
        )
        before = len(at.reached())
        fields = {**SCRIPT, "Origin": at.site.origin(HOST)}
        for path in ("/dashboard/export/order.do", "/dashboard/order.do", "/dashboard/assets/index.js", "/dashboard/"):
            assert (await emma.request("POST", at.at(path), headers=fields)).status == 404
            assert (await nobody.request("POST", at.at(path), headers=fields)).status == 401
        assert await statuses(emma, at, ["/dashboard/export/rows.csv"]) == [404]
        assert at.reached()[before:] == []
        own = "/dashboard/office.d/order.do"
        assert (await emma.request("POST", at.at(own), headers=fields)).status == 200
        assert at.reached()[before:] == [own]


@FAST
async def test_g_02_a_customers_page_is_hidden_from_the_team_and_all_else_is_as_ever(
    tmp_path: Path, fast: bool
) -> None:
    """G-02, C-03."""
    async with shared(tmp_path, fast=fast) as at, visitor(at.site, "vic", HOST) as vic:
        assert await statuses(vic, at, ["/dashboard/office", "/api/office/rows"]) == [404, 404]
        assert await statuses(vic, at, ["/dashboard/overview", "/dashboard/other", "/api/other"]) == [200, 200, 200]
    async with shared(tmp_path, fast=fast) as at, visitor(at.site, "olga", HOST) as olga:
        assert await statuses(olga, at, ["/dashboard/office", "/api/office/rows"]) == [200, 200]


@FAST
async def test_c_17_anybody_opens_the_public_page_and_is_led_to_the_login_for_all_others(
    tmp_path: Path, fast: bool
) -> None:
    """C-17."""
    async with shared(tmp_path, fast=fast) as at, visitor(at.site) as nobody:
        assert await statuses(nobody, at, ["/dashboard/notice", "/dashboard/assets/index.js"]) == [200, 200]
        others = ["/dashboard/overview", "/dashboard/office", "/dashboard/other", "/api/other"]
        assert await statuses(nobody, at, others) == [401] * 4
        led = await nobody.request("GET", at.at("/dashboard/overview"), headers=NAVIGATION)
        assert led.status in (302, 303)
        assert led.headers["Location"].startswith(at.site.home)
        assert [path for path in at.reached() if path.startswith("/dashboard")] == [
            "/dashboard/notice",
            "/dashboard/assets/index.js",
        ]


@FAST
async def test_g_02_a_stream_of_a_page_ends_within_a_second_when_the_page_is_taken_away(
    tmp_path: Path, fast: bool
) -> None:
    """G-02, 3.5."""
    async with shared(tmp_path, fast=fast) as at, visitor(at.site, "emma", HOST) as emma:
        cookie = emma.cookie(HOST)
        url = f"http://127.0.0.1:{at.site.port}/api/office/events"
        fields = {"Host": f"{HOST}:{at.site.port}", "Cookie": cookie}
        async with emma.session.get(url, headers=fields) as answer:
            assert answer.status == 200
            assert b"first" in await answer.content.readany()
            await at.becomes(await at.page("office", "/office", "acme", endpoints=["/api/office/*"]))

            async def ended() -> bool:
                return answer.content.at_eof() or answer.content.exception() is not None

            await until(ended, seconds=1)
        assert (await emma.request("GET", at.at("/api/office/rows"), headers=SCRIPT)).status == 404


async def test_g_04_who_has_a_page_alone_finds_it_in_the_launcher_and_in_the_list_of_dashboards(
    tmp_path: Path,
) -> None:
    """G-04, R-03: and of the instance and its other pages nothing."""
    async with shared(tmp_path) as at, visitor(at.site, "emma") as emma:
        launcher = await (await emma.navigate(f"{at.site.home}/-/")).text()
        assert at.at("/dashboard/office") in launcher
        listed = await (await emma.request("GET", f"{at.site.home}/-/api/v1/dashboards")).json()
        tiles = [(each["name"], each["dashboard_url"]) for each in listed["items"]]
        assert tiles == [("office", at.at("/dashboard/office"))]
        home = await (await emma.request("GET", f"{at.site.home}/-/api/v1/me/home")).json()
        (opening,) = home["openings"]
        assert (opening["dashboard"], opening["editor"]) == (at.at("/dashboard/office"), "")
        for text in (launcher, str(listed), str(home)):
            assert "overview" not in text
            assert "notice" not in text


async def test_g_04_who_has_the_instance_has_one_tile_for_it_and_its_pages(tmp_path: Path) -> None:
    """G-04."""
    async with shared(tmp_path) as at, visitor(at.site, "dora") as dora:
        launcher = await (await dora.navigate(f"{at.site.home}/-/")).text()
        assert f'"{at.at("/dashboard")}"' in launcher
        assert at.at("/dashboard/office") not in launcher
        listed = await (await dora.request("GET", f"{at.site.home}/-/api/v1/dashboards")).json()
        assert [each["name"] for each in listed["items"]] == ["line-3", "notice", "overview"]
