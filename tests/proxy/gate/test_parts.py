"""Endpoints below the dashboard of an instance that is shared page by page, where it has a path of its own and all of it."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.model.estate import Resource
from tests.proxy.gate.house import LINE_3, instance
from tests.proxy.gate.test_pages import EMMA, OFFICE, OVERVIEW, STAFF, answered, house, page

EXPORTS = page("exports", endpoints=["/dashboard/export/**", "/export/**", "/assets/pumps/*"], owner="s-crew")
WITHIN = page("within", "/within", "s-customer", endpoints=["/dashboard/api/rows/*", "/api/rows/*", "/assets/belts/*"])
LOOK = page("look", "/look", "s-customer", readonly=True, endpoints=["/dashboard/look/*.json", "/look/*.json"])
BELOW = (OVERVIEW, EXPORTS, WITHIN, LOOK, page("notice", "/notice", http_auth="none", readonly=True))
AT_DASHBOARD = instance("line-3", LINE_3, admin_root="/admin")
AT_ROOT = instance("line-3", LINE_3, admin_root="/admin", dashboard="/")
ROOTS = pytest.mark.parametrize(
    ("line", "root"), [(AT_DASHBOARD, "/dashboard"), (AT_ROOT, "")], ids=["dashboard below", "dashboard at the root"]
)

# path below the dashboard, method, status for: who has pages alone, staff with a role on the instance, nobody
WITHIN_DASHBOARD = [
    # another's endpoints, however they look
    ("/export/data", "GET", 404, 404, 401),
    ("/export/data.csv", "GET", 404, 404, 401),
    ("/EXPORT/data.csv", "GET", 404, 404, 401),
    ("/export/%64ata.csv", "GET", 404, 404, 401),
    ("/export/order.do", "POST", 404, 404, 401),
    ("/export/order", "DELETE", 404, 404, 401),
    ("/export/live.ws", "upgrade", 404, 404, 401),
    # one's own
    ("/api/rows/7", "GET", 200, 404, 401),
    ("/api/rows/7.json", "GET", 200, 404, 401),
    ("/api/rows/7.json", "PUT", 200, 404, 401),
    ("/api/rows/live", "upgrade", 200, 404, 401),
    # one's own to look at
    ("/look/now.json", "GET", 200, 404, 401),
    ("/look/now.json", "POST", 403, 404, 401),
    ("/look/live.json", "upgrade", 403, 404, 401),
    # nobody's in particular
    ("/order.do", "POST", 404, 200, 401),
    ("/order.do", "upgrade", 404, 200, 401),
    ("/17.", "POST", 404, 200, 401),
    ("/api/other", "PATCH", 404, 200, 401),
    ("/api/other.json", "GET", 404, 200, 401),
    # what the Dashboard itself is made of is there to be read
    ("", "GET", 200, 200, 401),
    ("/_setup", "GET", 200, 200, 200),
    ("/assets/index.js", "GET", 200, 200, 200),
    ("/favicon.svg", "GET", 200, 200, 200),
    ("/socket.io/?EIO=4&transport=polling", "GET", 200, 200, 200),
    ("/socket.io/?EIO=4&transport=polling", "POST", 200, 200, 200),
    ("/socket.io/?EIO=4&transport=websocket", "upgrade", 200, 200, 200),
    ("", "POST", 404, 200, 401),
    ("/_setup", "POST", 404, 200, 401),
    ("/assets/index.js", "POST", 404, 200, 401),
    # pages
    ("/within", "GET", 200, 404, 401),
    ("/within", "POST", 200, 404, 401),
    ("/look", "GET", 200, 404, 401),
    ("/look", "POST", 403, 404, 401),
    ("/overview", "GET", 404, 200, 401),
    ("/overview", "POST", 404, 200, 401),
    ("/notice", "GET", 200, 200, 200),
    ("/notice", "POST", 403, 403, 403),
]


@ROOTS
@pytest.mark.parametrize(
    ("below", "how", "emma", "staff", "nobody"),
    WITHIN_DASHBOARD,
    ids=[f"{how} {below}" for below, how, *_ in WITHIN_DASHBOARD],
)
async def test_g_02_below_the_dashboard_endpoints_are_of_the_pages_that_name_them(
    line: Resource, root: str, below: str, how: str, emma: int, staff: int, nobody: int
) -> None:
    """G-02, G-03: and what is no endpoint of a page takes writes of those alone who have a role on the instance."""
    at, target = house(line, *BELOW), root + below or "/"
    method, upgrade = ("GET", True) if how == "upgrade" else (how, False)
    assert [await answered(at, who, target, method, upgrade) for who in (EMMA, STAFF, None)] == [emma, staff, nobody]


@ROOTS
async def test_who_has_a_page_of_endpoints_alone_reaches_them_below_the_dashboard_and_no_more_of_it(
    line: Resource, root: str
) -> None:
    hooks = page("hooks", owner="s-customer", endpoints=["/dashboard/hooks/*", "/hooks/*"])
    at = house(line, OVERVIEW, hooks)
    assert await answered(at, EMMA, f"{root}/hooks/7") == 200
    assert await answered(at, EMMA, f"{root}/hooks/7", "POST") == 200
    for below in ("/", "/_setup", "/assets/index.js", "/favicon.svg", "/overview", "/socket.io/?EIO=4"):
        assert await answered(at, EMMA, root + below) == 404


@ROOTS
async def test_a_page_that_names_all_endpoints_takes_from_no_other_its_address_nor_the_dashboards_own_files(
    line: Resource, root: str
) -> None:
    at = house(line, OFFICE, page("all", owner="s-crew", endpoints=["/**"]))
    for below in ("/", "/office", "/_setup", "/assets/index.js", "/socket.io/?EIO=4"):
        assert await answered(at, EMMA, root + below) == 200
    for below in ("/other", "/data.csv", "/api/x.json"):
        assert await answered(at, EMMA, root + below) == 404


async def test_what_a_page_names_among_the_dashboards_files_is_its_own() -> None:
    at = house(AT_ROOT, *BELOW)
    assert await answered(at, EMMA, "/assets/belts/7") == 200
    assert await answered(at, EMMA, "/assets/belts/7", "POST") == 200
    assert await answered(at, EMMA, "/assets/pumps/7.json") == 404
    assert await answered(at, EMMA, "/assets/pumps/7.json", "POST") == 404


# fmt: off
SEGMENTS = st.sampled_from([
    "dashboard", "Dashboard", "export", "EXPORT", "%65xport", "api", "rows", "look", "within", "overview", "notice", "assets",
    "pumps", "belts", "_setup", "socket.io", "ui", "order.do", "now.json", "17.", "x", "a;b.c", "",
])
# fmt: on
WRITES = st.sampled_from(["POST", "PUT", "PATCH", "DELETE", "upgrade"])


@ROOTS
@settings(max_examples=400)
@given(path=st.lists(SEGMENTS, max_size=4).map("/".join), how=WRITES)
def test_whatever_the_path_a_write_by_who_has_pages_alone_reaches_what_their_pages_name_and_the_socket(
    line: Resource, root: str, path: str, how: str
) -> None:
    """G-02, G-03."""
    target = f"/{path}"
    method, upgrade = ("GET", True) if how == "upgrade" else (how, False)
    read = "/" + "/".join(part for part in path.lower().split("/") if part)
    is_socket = f"{read}/".startswith(f"{root}/socket.io/")
    hers = ("/dashboard/api/rows", "/api/rows", "/assets/belts")
    is_hers = read == f"{root}/within" or read.rpartition("/")[0] in hers
    at = house(line, *BELOW)
    assert asyncio.run(answered(at, None, target, method, upgrade)) != 200 or is_socket
    assert asyncio.run(answered(at, EMMA, target, method, upgrade)) != 200 or is_socket or is_hers
