"""Instances that are shared page by page: who enters, what of them passes, and what ends when that changes."""

from dataclasses import replace

import pytest

from proxy.access.pages import PageView
from proxy.gate.judge import explain_judgement, explain_part
from proxy.gate.live import rights_of
from proxy.gate.principal import Kind
from proxy.gate.verdict import Pass, Refusal
from proxy.gate.world import Ground, Station, world_of
from proxy.model.access import Decision, Reason, Role
from proxy.model.estate import (
    HttpAuth,
    InstanceSettings,
    PlatformSettings,
    Resource,
    ResourceKind,
    RowKind,
    RowPolicy,
)
from proxy.model.identity import Actor, Membership, Person, Token, TokenKind, User
from proxy.nodered.surfaces import Surface
from tests.proxy.gate.house import GROUND, LINE_3, LINE_4, WALL, House, head, instance, person, told

POLL = "/dashboard/socket.io/?EIO=4&transport=polling"


def page(name: str, match: str = "", owner: str | None = None, **said: object) -> Resource:
    attributes = {"match": match, **said}
    kind = ResourceKind.PAGE
    return Resource(id=f"r-{name}", kind=kind, slug=name, parent="r-line-3", owner=owner, attributes=attributes)


OVERVIEW = page("overview", "/overview")
OFFICE = page("office", "/Office", "s-customer", endpoints=["/api/office/**"])
WATCHED = page("watched", "/watched", "s-customer", readonly=True, endpoints=["/api/watched"])
PAGES = (OVERVIEW, OFFICE, WATCHED)
LINE = instance("line-3", LINE_3)
CUSTOMERS = Membership(space="s-customer", role=Role.DASHBOARD)
EMMA = Person(user=User(id="u-emma", username="emma", name="Emma"), memberships={"s-customer": CUSTOMERS})
STAFF = person("dora", Role.DASHBOARD)


def house(*resources: Resource) -> House:
    return House().open(resources or (LINE, *PAGES))


async def answered(
    at: House, who: Person | None, target: str, method: str = "GET", upgrade: bool = False, **fields: str
) -> int:
    """The status with which a request is refused, or 200."""
    cookie = at.login(who) if who is not None else None
    sent = {"Origin": f"https://{LINE_3}", **fields} if method != "GET" or upgrade or "socket.io" in target else fields
    sent |= {"Upgrade": "websocket", "Connection": "Upgrade"} if upgrade else {}
    verdict = await at.ask(
        at.caller(inspects=True), head(target, sent, method=method, cookie=cookie, treatments=at.gate.fields)
    )
    assert isinstance(verdict, Pass | Refusal)
    return verdict.status if isinstance(verdict, Refusal) else 200


# path, status for who has pages alone, status for staff, who have a role on the instance but none on the customer's pages
PATHS = [
    ("/dashboard", 200, 200),
    ("/dashboard/", 200, 200),
    ("/dashboard/_setup", 200, 200),
    (POLL, 200, 200),
    ("/dashboard/manifest.webmanifest", 200, 200),
    ("/dashboard/assets/index-CrLoQPpq.js", 200, 200),
    ("/dashboard/favicon.svg", 200, 200),
    ("/dashboard/overview", 404, 200),
    ("/dashboard/undeclared", 404, 200),
    ("/dashboard/undeclared/deep", 404, 200),
    ("/dashboard/undeclared/rows.json", 404, 200),
    ("/dashboard/office", 200, 404),
    ("/dashboard/OFFICE/", 200, 404),
    ("/Dashboard/office", 200, 404),
    ("/dashboard//office", 200, 404),
    ("/dashboard/%6Fffice", 404, 404),
    ("/dashboard/%6fffice/?x=1", 404, 404),
    ("/dashboard/office;v=1", 404, 404),
    ("/dashboard%2Foffice", 404, 404),
    ("/dashboard/watched", 200, 404),
    ("/api/office/rows", 200, 404),
    ("/api/office/rows/deep", 200, 404),
    ("/API/Office/rows", 200, 404),
    ("/api/%6Fffice/rows", 404, 404),
    ("/api/office/a%20b", 200, 404),
    ("/api/rows", 404, 200),
    ("/ui", 404, 200),
    ("/ui/socket.io/?EIO=4", 404, 200),
]


@pytest.mark.parametrize(("target", "emma", "staff"), PATHS, ids=[path for path, *_ in PATHS])
async def test_g_02_a_path_is_there_for_who_may_see_its_page(target: str, emma: int, staff: int) -> None:
    """G-02."""
    at = house()
    assert await answered(at, EMMA, target) == emma
    assert await answered(at, STAFF, target) == staff
    assert await answered(at, None, target) == 401


async def test_who_has_no_page_and_no_role_finds_no_instance() -> None:
    at = house()
    nora = person("nora", None)
    for target in ("/dashboard", "/dashboard/office", POLL, "/api/rows"):
        assert await answered(at, nora, target) == 404


async def test_who_has_pages_alone_has_no_editor() -> None:
    at = house()
    for target in ("/", "/flows", "/comms", "/dashboard/_debug/datastore/x"):
        assert await answered(at, EMMA, target) == 404


async def test_a_page_of_endpoints_alone_opens_no_dashboard_and_one_of_the_dashboard_no_endpoint() -> None:
    at = house(LINE, page("hooks", owner="s-customer", endpoints=["/api/*"]))
    assert (await answered(at, EMMA, "/dashboard"), await answered(at, EMMA, "/api/x")) == (404, 200)
    at = house(LINE, page("office", "/office", "s-customer"))
    assert (await answered(at, EMMA, "/dashboard"), await answered(at, EMMA, "/api/x")) == (200, 404)


async def test_a_page_known_by_its_id_may_have_any_path_that_no_other_page_has() -> None:
    at = house(LINE, OVERVIEW, page("by-id", "f00dcafe12345678", "s-customer"))
    assert await answered(at, EMMA, "/dashboard/wherever-it-is") == 200
    assert await answered(at, EMMA, "/dashboard/overview") == 404


async def test_g_02_where_the_dashboard_has_a_page_that_is_known_by_its_id_is_learned_from_what_it_says() -> None:
    """G-02."""
    theirs, others = page("by-id", "f00dcafe12345678", "s-customer"), page("other", "0123456789abcdef")
    at = house(LINE, theirs, others)
    assert await answered(at, EMMA, "/dashboard/elsewhere") == 200
    assert await answered(at, STAFF, "/dashboard/here") == 200
    said = {"f00dcafe12345678": "/Here", "0123456789abcdef": "/elsewhere", "unheard-of": "/undeclared"}
    at.gate.place_pages("r-line-3", said)
    renamed = replace(others, name="Other")
    estate = at.gate.world.estate
    resources = {**estate.resources, renamed.id: renamed}
    at.gate.change_world(world_of(replace(estate, resources=resources), GROUND, at.gate.world))
    assert await answered(at, EMMA, "/dashboard/elsewhere") == 404
    assert await answered(at, EMMA, "/dashboard/here") == 200
    assert await answered(at, STAFF, "/dashboard/here") == 404
    assert await answered(at, STAFF, "/dashboard/undeclared") == 200


async def test_g_03_an_endpoint_of_a_page_for_looking_at_takes_no_writes() -> None:
    """G-03."""
    at = house()
    assert await answered(at, EMMA, "/api/watched") == 200
    assert await answered(at, EMMA, "/api/watched", upgrade=True) == 403
    apart = (instance("line-3", LINE_3, admin_root="/admin"), *PAGES)
    at = house(*apart)
    assert await answered(at, EMMA, "/api/watched", "POST") == 403
    assert await answered(at, EMMA, "/api/office/x", "POST") == 200
    member = replace(EMMA, memberships={"s-customer": replace(CUSTOMERS, role=Role.MEMBER)})
    assert await answered(house(*apart), member, "/api/watched", "POST") == 200


async def test_g_03_the_view_says_on_which_pages_input_is_passed_on() -> None:
    """G-03."""
    found = await view(house(), EMMA, POLL)
    assert found is not None
    assert found.shows("", "/watched")
    assert not found.takes_input("", "/watched")
    assert found.takes_input("", "/office")


async def test_an_instance_is_told_of_who_has_pages_alone_as_of_somebody_who_may_look_at_dashboards() -> None:
    at = house()
    owner = replace(EMMA, memberships={"s-customer": replace(CUSTOMERS, role=Role.OWNER)})
    passed = await at.passed(at.caller(inspects=True), head("/dashboard", cookie=at.login(owner)))
    assert told(passed)["x-flowward-role"] == ["dashboard"]
    assert passed.lease.decision.role is Role.DASHBOARD


async def test_a_token_for_endpoints_is_for_the_whole_instance_with_its_pages() -> None:
    at = house()
    token = Token(id="t", kind=TokenKind.HTTP, name="plc", created=0.0, instance="r-line-3")
    fields = at.give(token)
    for target in ("/dashboard/office", "/dashboard/overview", "/api/office/rows", "/api/rows", POLL):
        passed = await at.passed(at.caller(inspects=True), head(target, fields, treatments=at.gate.fields))
        assert passed.lease.view is None


async def test_a_token_limited_to_the_customers_space_opens_its_pages_alone() -> None:
    at = house()
    both = Person(
        user=User(id="u-both", username="both"),
        memberships={**EMMA.memberships, "s-acme": Membership(space="s-acme", role=Role.DASHBOARD)},
    )
    token = Token(
        id="t", kind=TokenKind.PERSONAL, name="ci", created=0.0, user="u-both", spaces=frozenset({"s-customer"})
    )
    fields = at.give(token, both)
    passed = await at.passed(at.caller(inspects=True), head("/dashboard/office", fields, treatments=at.gate.fields))
    assert told(passed)["x-flowward-user"] == ["both"]
    refused = await at.refused(at.caller(inspects=True), head("/dashboard/overview", fields, treatments=at.gate.fields))
    assert refused.status == 404


# -- pages for anybody


NOTICE = page("notice", "/notice", http_auth=HttpAuth.NONE)


async def test_c_17_anybody_opens_a_public_page_and_that_alone() -> None:
    """C-17."""
    at = house(LINE, *PAGES, NOTICE)
    for target in ("/dashboard/notice", "/dashboard/_setup", POLL, "/dashboard/assets/x.js"):
        assert await answered(at, None, target) == 200
    for target in ("/dashboard", "/dashboard/overview", "/dashboard/office", "/dashboard/undeclared", "/api/rows"):
        assert await answered(at, None, target) == 401
    found = await view(at, None, POLL)
    assert found is not None
    assert found.shows("", "/notice")
    assert not found.shows("", "/overview")


async def test_c_17_who_has_nothing_here_opens_it_as_a_stranger() -> None:
    """C-17."""
    at = house(LINE, *PAGES, NOTICE)
    nora = person("nora", None)
    passed = await at.passed(at.caller(inspects=True), head("/dashboard/notice", cookie=at.login(nora)))
    assert "x-flowward-user" not in told(passed)
    assert await answered(at, nora, "/dashboard/overview") == 404


async def test_c_17_where_nothing_may_be_public_no_page_is() -> None:
    """C-17."""
    at = house(LINE, NOTICE)
    closed = Ground(public_url=GROUND.public_url, open_instances=False)
    at.gate.change_world(world_of(at.gate.world.estate, closed))
    assert await answered(at, None, "/dashboard/notice") == 401


async def test_an_open_instance_keeps_the_pages_that_somebody_owns() -> None:
    at = house(instance("line-3", LINE_3, http_auth=HttpAuth.NONE), *PAGES)
    assert await answered(at, None, "/dashboard/overview") == 200
    assert await answered(at, None, "/dashboard/undeclared") == 200
    assert await answered(at, None, "/dashboard/office") == 401
    assert await answered(at, EMMA, "/dashboard/office") == 200


@pytest.mark.parametrize("target", ["/api/hidden/;1", "/api/hidden/%3B1", "/api/;x/hidden/1"])
async def test_g_02_what_instances_take_for_part_of_a_path_hides_no_page(target: str) -> None:
    """G-02: Express keeps `;x`, which others drop."""
    hidden = page("hidden", "/hidden", "s-customer", endpoints=["/api/hidden/*"])
    assert await answered(house(LINE, hidden), STAFF, target) == 404


# -- what is inspected


def station(*resources: Resource, settings: PlatformSettings | None = None) -> Station:
    return House().world(resources, settings).stations["r-line-3"]


def rows(kind: RowKind, *paths: str, **more: object) -> Resource:
    policy = RowPolicy(name="own", kind=kind, tag="customer", field="customer", paths=paths)
    return instance("line-3", LINE_3, rows=(policy,), **more)


TENANTS = PlatformSettings(tenant_mode=True)
UNCONSTRAINED = instance("line-3", LINE_3, enforce_client_constraint=False)
CONSTRAINED = instance("line-3", LINE_3, enforce_client_constraint=True)


@pytest.mark.parametrize(
    ("found", "inspected"),
    [
        (station(LINE), set()),
        (station(LINE, OVERVIEW), {Surface.SOCKET}),
        (station(rows(RowKind.SOCKET)), {Surface.SOCKET}),
        (station(rows(RowKind.HTTP)), {Surface.ENDPOINT, Surface.PUBLIC}),
        (station(CONSTRAINED), {Surface.SOCKET}),
        (station(LINE, settings=TENANTS), {Surface.SOCKET}),
        (station(UNCONSTRAINED, settings=TENANTS), set()),
    ],
    ids=["nothing", "pages", "rows of widgets", "rows of endpoints", "constraint", "tenant mode", "but not here"],
)
async def test_what_depends_on_who_is_there_is_read_and_nothing_else(found: Station, inspected: set[Surface]) -> None:
    """G-01, D-11: an instance without any of it stays on the fast lane."""
    assert found.inspected == inspected
    assert found.governed is (Surface.SOCKET in inspected)


def test_where_policies_name_paths_all_is_read_on_which_an_endpoint_may_come_to_lie() -> None:
    named = station(rows(RowKind.HTTP, "/api/rows/*"))
    assert named.inspected >= {Surface.ENDPOINT, Surface.PUBLIC, Surface.SOCKET, Surface.DASHBOARD, Surface.READ}
    assert not named.governed, "its socket is carried as it is"
    everywhere = station(rows(RowKind.HTTP, dashboard="/"))
    assert everywhere.inspected == {Surface.ENDPOINT, Surface.PUBLIC, Surface.DASHBOARD}


async def test_the_lease_of_an_instance_that_is_shared_as_a_whole_is_as_it_was() -> None:
    at = house(LINE)
    passed = await at.passed(at.caller(), head(POLL, {"Origin": f"https://{LINE_3}"}, cookie=at.login(STAFF)))
    lease = passed.lease
    assert (lease.view, lease.inspected, lease.partial) == (None, False, False)
    shared = house()
    passed = await shared.passed(
        shared.caller(), head(POLL, {"Origin": f"https://{LINE_3}"}, cookie=shared.login(EMMA))
    )
    lease = passed.lease
    assert isinstance(lease.view, PageView)
    assert (lease.inspected, lease.partial, passed.parts) == (True, True, [])


def test_stations_are_made_anew_where_pages_or_tenant_mode_have_changed_and_nowhere_else() -> None:
    other = instance("line-4", LINE_4, enforce_client_constraint=False)
    before = House().world([LINE, other, *PAGES])
    estate = before.estate
    again = world_of(replace(estate, version=2), GROUND, before)
    assert again.stations["r-line-3"] is before.stations["r-line-3"]
    handed_over = replace(OVERVIEW, owner="s-crew")
    moved = replace(estate, resources={**estate.resources, OVERVIEW.id: handed_over})
    after = world_of(moved, GROUND, before)
    assert after.stations["r-line-3"].pages is not before.stations["r-line-3"].pages
    assert after.stations["r-line-3"].number == before.stations["r-line-3"].number
    assert after.stations["r-line-4"] is before.stations["r-line-4"]
    tenants = world_of(replace(estate, settings=TENANTS), GROUND, before)
    assert tenants.stations["r-line-3"].constrained
    assert tenants.stations["r-line-4"] is before.stations["r-line-4"]


# -- what changes while something is open


async def test_what_a_socket_shows_is_part_of_its_rights() -> None:
    at = house()
    staff, emma = await lease_of(at, STAFF), await lease_of(at, EMMA)
    assert rights_of(*staff) == rights_of(*await lease_of(at, STAFF))
    assert rights_of(*staff) != rights_of(*emma)
    whole = house(LINE)
    assert rights_of(*await lease_of(whole, STAFF)) != rights_of(*staff)


async def lease_of(at: House, who: Person) -> tuple[Station, Surface, Decision]:
    lease = (await at.passed(at.caller(), head(POLL, {"Origin": f"https://{LINE_3}"}, cookie=at.login(who)))).lease
    return lease.station, lease.surface, lease.decision


async def view(at: House, who: Person | None, target: str) -> PageView | None:
    cookie = at.login(who) if who is not None else None
    passed = await at.passed(at.caller(), head(target, {"Origin": f"https://{LINE_3}"}, cookie=cookie))
    return passed.lease.view


# -- why


@pytest.mark.parametrize("who", [EMMA, STAFF, person("nora", None), person("olga", Role.OWNER)])
@pytest.mark.parametrize("surface", [Surface.DASHBOARD, Surface.ENDPOINT, Surface.SOCKET, Surface.EDITOR])
def test_what_is_explained_of_an_instance_with_pages_is_what_is_judged(who: Person, surface: Surface) -> None:
    at = house()
    station = at.gate.world.stations["r-line-3"]
    settings: InstanceSettings = station.settings
    actor, estate = Actor(person=who), at.gate.world.estate
    found = explain_judgement(estate, Kind.SESSION, actor, station.resource, settings, surface, WALL, station.pages)
    assert found.decision.allowed is not any(row.refuses for row in found.considered)
    if surface is not Surface.EDITOR and found.decision.allowed:
        rules = [row.words for row in found.considered if row.rule == "page"]
        assert len(rules) == len(PAGES)


def test_why_a_pages_address_is_refused_is_explained() -> None:
    at = house()
    station = at.gate.world.stations["r-line-3"]
    assert station.parts is not None
    found = explain_judgement(
        at.gate.world.estate,
        Kind.SESSION,
        Actor(person=EMMA),
        station.resource,
        station.settings,
        Surface.DASHBOARD,
        WALL,
        station.pages,
    )
    assert explain_part(found, station.parts.of(b"/dashboard/office")) is found
    refused = explain_part(found, station.parts.of(b"/dashboard/overview"))
    assert (refused.decision.allowed, refused.decision.status) == (False, 404)
    assert refused.considered[-1].refuses is Reason.NOT_FOUND
    watched = station.parts.of(b"/api/watched")
    assert explain_part(found, watched) is found
    refused = explain_part(found, watched, writes=True)
    assert (refused.decision.allowed, refused.decision.status) == (False, 403)
    assert refused.considered[-1].refuses is Reason.ROLE_TOO_LOW
    assert explain_part(found, station.parts.of(b"/api/office/x"), writes=True) is found
