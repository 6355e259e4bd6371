"""C-19: a Dashboard's page says that an admin looks on, on both lanes, and is otherwise as it came."""

from dataclasses import replace
from pathlib import Path

import pytest

from proxy.model.access import Role
from proxy.services import viewing
from proxy.services.sessions import Visit
from proxy.services.viewing import Looking
from proxy.store import PutPerson
from tests.peers.answers import by_path, plain
from tests.peers.upstream import upstream
from tests.proxy.inspection.house import HOST, House, house, person

HTML = (b"Content-Type", b"text/html; charset=UTF-8")
SCRIPT = (b"Content-Type", b"text/javascript")
PAGE = b"<!doctype html><html><head><title>x</title></head><body class='v'><div id=app></div></body></html>"
BEFORE, AFTER = PAGE.split(b"<div id=app>")
PAGES = by_path(
    {
        "/dashboard/app.js": plain(b"'<body>'", SCRIPT),
        "/dashboard/odd": plain(PAGE, (b"Content-Type", b"text/plain")),
        "*": plain(PAGE, HTML),
    }
)
NAVIGATION = {"Accept": "text/html", "Sec_Fetch_Mode": "navigate"}


async def look_on(gate: House, name: str) -> str:
    """The Cookie field of mia, an admin, who looks on as somebody at the instance."""
    await gate.change("mia", Role.MEMBER, admin=True)
    sessions = gate.gateway.sessions
    own, _ = await sessions.start(Visit(user_id="u-mia", provider="local", amr=("pwd",), host="gate.localhost"))
    looking = Looking(user_id=f"u-{name}", host="gate.localhost", address="127.0.0.1", agent="")
    session, _ = await viewing.begin(sessions, own, looking)
    return f"flowward={await sessions.add_host(session.id, HOST)}"


@pytest.mark.parametrize("fast_lane", [True, False], ids=["fast", "slow"])
async def test_c_19_the_page_says_whom_one_looks_on_as_and_where_it_ends(tmp_path: Path, fast_lane: bool) -> None:
    async with upstream(PAGES) as instance, house(tmp_path, instance.url, fast_lane=fast_lane) as gate:
        dan = person("dan", Role.DASHBOARD)
        named = replace(dan, user=replace(dan.user, name="D<b>n & Co"))
        await gate.store.database.edit([PutPerson(person=named)], [])
        cookie = await look_on(gate, "dan")
        for path in ("/dashboard", "/dashboard/page1"):
            answer = await gate.ask(path, cookie, **NAVIGATION)
            banner = answer.body.removeprefix(BEFORE).removesuffix(b"<div id=app>" + AFTER)
            assert b"<strong>D&lt;b&gt;n &amp; Co</strong>" in banner
            assert f'href="{gate.home}/-/view-as"'.encode() in banner
            assert banner.startswith(b"<div ")
            assert banner.endswith(b"</div>")
            assert answer.headers["Cache-Control"] == "private, no-store"


async def test_whatever_is_no_page_passes_as_it_is(tmp_path: Path) -> None:
    async with upstream(PAGES) as instance, house(tmp_path, instance.url) as gate:
        cookie = await look_on(gate, "dan")
        assert (await gate.ask("/dashboard/app.js", cookie, Accept="*/*")).body == b"'<body>'"
        assert (await gate.ask("/dashboard/odd", cookie, **NAVIGATION)).body == PAGE
        assert (await gate.ask("/dashboard", cookie, Accept="*/*")).body == PAGE
        assert (await gate.ask("/dashboard", await gate.log_in("dan"), **NAVIGATION)).body == PAGE


async def test_their_editor_is_one_to_read_in_and_what_it_would_change_is_refused(tmp_path: Path) -> None:
    settings = by_path({"/admin/settings": plain(b"{}", (b"Content-Type", b"application/json")), "*": plain(b"", HTML)})
    async with upstream(settings) as instance, house(tmp_path, instance.url) as gate:
        cookie = await look_on(gate, "ada")
        shown = (await gate.ask("/admin/settings", cookie)).json()
        assert isinstance(shown, dict)
        assert shown["user"]["username"] == "ada"
        assert "flows.write" not in shown["user"]["permissions"]
        refused = await gate.ask("/admin/flows", cookie, method="POST", Origin=gate.origin)
        assert (refused.status, refused.json()["code"]) == (403, "viewing_as")  # type: ignore[index]
