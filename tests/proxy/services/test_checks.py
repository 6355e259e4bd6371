"""T-08 and T-19: what the isolation report says of an estate, of flows and add-ons, and of ways past the gateway."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from proxy.model.access import Role
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import (
    Estate,
    Grant,
    HttpAuth,
    InstanceSettings,
    PlatformSettings,
    Resource,
    ResourceKind,
    RowKind,
    RowPolicy,
)
from proxy.services.administration.probing import Said, Unreachable
from proxy.services.checks import Fault, Probes
from proxy.services.checks_estate import open_to_anybody, rows_missing, shows_all_rows
from proxy.services.checks_instance import believing, nodes_of, sent_to_everybody, unaddressed
from proxy.services.checks_isolation import instances_of, isolation
from proxy.services.checks_reach import Reached, is_local, past_the_gateway

SPACES = (
    Space(id="everyone", kind=SpaceKind.EVERYONE, slug="everyone"),
    Space(id="acme", kind=SpaceKind.TEAM, slug="acme"),
    Space(id="customer", kind=SpaceKind.CUSTOMER, slug="customer", parent="acme"),
    Space(id="gone", kind=SpaceKind.CUSTOMER, slug="gone", parent="acme", active=False),
)
PLANT = Resource(id="plant", kind=ResourceKind.APPLICATION, slug="plant", owner="acme")
TENANTS = PlatformSettings(tenant_mode=True)
SOCKET = RowPolicy(name="own", kind=RowKind.SOCKET, tag="@tenant", field="tenant")
HTTP = RowPolicy(name="api", kind=RowKind.HTTP, tag="@tenant", field="tenant", paths=("/api/*",))


def settings(**more: object) -> InstanceSettings:
    return InstanceSettings(upstream="http://127.0.0.1:1880", **more)  # type: ignore[arg-type]


def line(**more: object) -> Resource:
    return Resource(id="line", kind=ResourceKind.INSTANCE, slug="line", parent="plant", instance=settings(**more))


def page(name: str = "page", /, **said: object) -> Resource:
    return Resource(id=name, kind=ResourceKind.PAGE, slug=name, parent="line", attributes={"match": "/one", **said})


def estate(
    *resources: Resource, shares: Iterator[tuple[str, str]] | tuple[tuple[str, str], ...] = (), **more: object
) -> Estate:
    return Estate(
        spaces={space.id: space for space in SPACES},
        resources={each.id: each for each in (PLANT, *resources)},
        grants=tuple(Grant(target=target, space=space, role=Role.DASHBOARD) for target, space in shares),
        settings=replace(TENANTS, **more),  # type: ignore[arg-type]
    )


def gaps(world: Estate) -> list[tuple[str, str, str]]:
    instance = world.resources["line"]
    assert instance.instance is not None
    return [(fault.place.id, fault.severity, fault.code) for fault in rows_missing(world, instance, instance.instance)]


def missing(world: Estate) -> list[str]:
    return [place for place, _, _ in gaps(world)]


@pytest.mark.parametrize("target", ["line", "plant"])
def test_t_08_what_is_shared_without_rows_is_named_in_tenant_mode(target: str) -> None:
    shares = ((target, "customer"),)
    assert missing(estate(line(), shares=shares)) == ["line"]
    assert missing(estate(line(), shares=shares, tenant_mode=False)) == []
    assert missing(estate(line(rows=(SOCKET,)), shares=shares)) == []


@pytest.mark.parametrize(
    "rows",
    [
        (HTTP,),
        (replace(HTTP, paths=()),),
        (replace(SOCKET, widgets=("table",)),),
        (replace(SOCKET, types=("ui-table",)), HTTP),
        (replace(SOCKET, pages=("/one",)), replace(SOCKET, name="two", pages=("/two",))),
    ],
    ids=["endpoints", "all endpoints", "a widget", "a type", "some pages"],
)
def test_t_08_what_is_shared_as_a_whole_is_named_until_a_policy_is_for_every_widget(
    rows: tuple[RowPolicy, ...],
) -> None:
    """T-08, T-19: any other widget shows all rows to all."""
    shares = (("line", "customer"),)
    world = estate(line(rows=rows), shares=shares)
    assert gaps(world) == [("line", "warning", "partial_row_policy")]
    assert not shows_all_rows(world, world.resources["line"]), "some of them are told apart"
    assert gaps(estate(line(rows=rows), shares=shares, tenant_mode=False)) == []
    assert gaps(estate(line(rows=(*rows, replace(SOCKET, name="all"))), shares=shares)) == []


@pytest.mark.parametrize(
    ("said", "rows", "code"),
    [
        ({}, (replace(SOCKET, widgets=("table",)),), "partial_row_policy"),
        ({}, (replace(SOCKET, types=("ui-table",), pages=("/one",)),), "partial_row_policy"),
        ({}, (replace(SOCKET, types=("ui-table",), pages=("/two",)),), "no_row_policy"),
        ({}, (replace(SOCKET, types=("ui-table",)), replace(SOCKET, name="all", pages=("one",))), None),
        ({"endpoints": ["/api/rows"]}, (replace(SOCKET, widgets=("table",)),), "no_row_policy"),
        ({"endpoints": ["/api/rows"]}, (replace(SOCKET, widgets=("table",)), HTTP), "partial_row_policy"),
        ({"match": "", "endpoints": ["/api/rows"]}, (replace(HTTP, methods=("POST",)),), "no_row_policy"),
        ({"match": "", "endpoints": ["/api/rows"]}, (replace(HTTP, methods=("GET",)),), None),
    ],
)
def test_t_08_a_shared_page_is_named_until_a_policy_is_for_every_widget_on_it(
    said: dict[str, object], rows: tuple[RowPolicy, ...], code: str | None
) -> None:
    """T-08, T-19."""
    world = estate(line(rows=rows), page(**said), shares=(("page", "customer"),))
    assert [code for _, _, code in gaps(world)] == ([code] if code else [])


def test_a_partial_policy_is_told_with_what_covers_the_rest() -> None:
    world = estate(line(rows=(HTTP,)), shares=(("line", "customer"),))
    (fault,) = rows_missing(world, world.resources["line"], settings(rows=(HTTP,)))
    assert "what other widgets show, all of them see" in fault.message
    assert "of kind socketio without widgets, types and pages" in fault.remedy


@pytest.mark.parametrize("shares", [(), (("line", "acme"),), (("line", "gone"),)], ids=["none", "own", "suspended"])
def test_what_others_do_not_reach_needs_no_rows(shares: tuple[tuple[str, str], ...]) -> None:
    assert missing(estate(line(), shares=shares)) == []


def test_what_belongs_to_everyone_is_shared_until_everyone_counts_no_more() -> None:
    canned = replace(line(), owner="everyone")
    assert missing(estate(canned)) == ["line"]
    assert missing(estate(canned, disable_all_users=True)) == []
    shared = estate(line(), shares=(("line", "everyone"),), disable_all_users=True)
    assert missing(shared) == []


@pytest.mark.parametrize(
    ("said", "rows", "covered"),
    [
        ({}, (), False),
        ({}, (SOCKET,), True),
        ({}, (replace(SOCKET, pages=("one",)),), True),
        ({}, (replace(SOCKET, pages=("/two",)),), False),
        ({}, (HTTP,), False),
        ({"match": "", "endpoints": ["/api/rows"]}, (HTTP,), True),
        ({"match": "", "endpoints": ["/api/*"]}, (HTTP,), True),
        ({"match": "", "endpoints": ["/other"]}, (HTTP,), False),
        ({"endpoints": ["/api/rows"]}, (SOCKET,), False),
        ({"endpoints": ["/api/rows"]}, (SOCKET, HTTP), True),
        ({"match": "", "endpoints": ["/x"]}, (replace(HTTP, paths=()),), True),
    ],
)
def test_t_08_a_shared_page_is_named_unless_a_policy_covers_it(
    said: dict[str, object], rows: tuple[RowPolicy, ...], covered: bool
) -> None:
    world = estate(line(rows=rows), page(**said), page("other"), shares=(("page", "customer"),))
    assert missing(world) == ([] if covered else ["page"])


def codes(faults: Iterator[Fault]) -> list[str]:
    return [fault.code for fault in faults]


def test_what_takes_no_login_is_named_where_the_configuration_allows_it() -> None:
    open_ = line(http_auth=HttpAuth.NONE, public=("/hooks/*",))
    world = estate(open_, page(http_auth="none"))
    assert open_.instance is not None
    found = codes(open_to_anybody(world, open_, open_.instance, allowed=True))
    assert found == ["open_instance", "public_paths", "open_page"]
    assert codes(open_to_anybody(world, open_, open_.instance, allowed=False)) == ["public_paths"]
    assert codes(open_to_anybody(world, line(), settings(), allowed=True)) == ["open_page"]


def test_a_dashboard_that_is_not_declared_is_named_by_its_path() -> None:
    nodes = [{"type": "ui-base", "path": path} for path in ("/dashboard", "/wall", "")]
    assert list(unaddressed(settings(), nodes)) == ["/wall"]
    assert list(unaddressed(settings(node_root="/n", dashboard="/wall"), nodes)) == ["/n/dashboard", "/n/dashboard"]
    assert list(unaddressed(settings(public=("/wall/**",)), nodes)) == ["/wall"]


@pytest.mark.parametrize(
    ("flows", "count"),
    [([{"id": "a"}], 1), ({"flows": [{"id": "a"}], "rev": "1"}, 1), ({"rev": "1"}, None), ("no", None), (None, None)],
)
def test_flows_are_read_as_either_version_tells_them(flows: object, count: int | None) -> None:
    nodes = nodes_of(flows)
    assert (None if nodes is None else len(nodes)) == count


def test_t_19_an_add_on_that_believes_the_browser_is_named_unless_the_gateway_overrules_it() -> None:
    module = "@flowfuse/node-red-dashboard-2-user-addon"
    plugins = [{"id": "x", "module": module, "enabled": True}, {"id": "y", "module": "node-red", "enabled": True}]
    trusting, off = settings(enforce_client_constraint=False), [{**plugins[0], "enabled": False}]
    found = list(believing(estate(line()), line(), trusting, plugins))
    assert codes(iter(found)) == ["handshake_trusted"]
    assert module in found[0].message
    assert codes(believing(estate(line()), line(), settings(), plugins)) == [], "tenant mode enforces it"
    assert codes(believing(estate(line()), line(), trusting, off)) == []
    assert codes(believing(estate(line()), line(), trusting, {"odd": 1})) == []


def test_widgets_that_send_to_everybody_are_no_fault_where_the_gateway_holds_them_back() -> None:
    nodes: list[dict[str, object]] = [
        {"id": "base", "type": "ui-base"},
        {"id": "page", "type": "ui-page", "ui": "base"},
        {"id": "group", "type": "ui-group", "page": "page"},
        {"id": "button", "type": "ui-button", "z": "t", "group": "group", "wires": [["text"]]},
        {"id": "text", "type": "ui-text", "z": "t", "group": "group", "wires": []},
    ]
    world, loose = estate(line()), settings(enforce_client_constraint=False)
    (fault,) = sent_to_everybody(world, line(), loose, nodes)
    assert (fault.code, fault.severity) == ("client_data_ignored", "error")
    assert "1 ui-text" in fault.message
    assert codes(sent_to_everybody(world, line(), settings(), nodes)) == []
    (milder,) = sent_to_everybody(estate(line(), tenant_mode=False), line(), settings(), nodes)
    assert milder.severity == "warning"


@pytest.mark.parametrize(
    ("upstream", "local"),
    [
        ("http://127.0.0.1:1880", True),
        ("http://127.8.8.8:1880", True),
        ("http://[::1]:1880", True),
        ("http://localhost:1880", True),
        ("http+unix:///run/node-red.sock", True),
        ("http://10.1.2.3:1880", False),
        ("http://node-red:1880", False),
    ],
)
def test_an_upstream_is_local_by_its_address(upstream: str, local: bool) -> None:
    assert is_local(upstream) is local


@pytest.mark.parametrize(
    ("found", "named"),
    [
        (Reached(answers=True, local=True), []),
        (Reached(answers=True, local=True, admin_open=True), [("admin_api_open", "warning")]),
        (
            Reached(answers=True, local=True, admin_open=True, listens_at=("192.0.2.2:1880",)),
            [("admin_api_open", "error"), ("upstream_reachable", "error")],
        ),
        (Reached(answers=True, local=False), [("upstream_elsewhere", "info")]),
        (
            Reached(answers=True, local=False, admin_open=True),
            [("admin_api_open", "error"), ("upstream_elsewhere", "info")],
        ),
        (Reached(answers=False, local=False), []),
    ],
)
def test_t_19_ways_past_the_gateway_are_named(found: Reached, named: list[tuple[str, str]]) -> None:
    assert [(each.code, each.severity) for each in past_the_gateway(line(), settings(), found)] == named


async def _nothing(_: Resource, __: str) -> Said:
    raise Unreachable("upstream_unreachable")


async def test_an_instance_that_does_not_answer_is_said_not_to_have_been_looked_at() -> None:
    world = estate(line())
    faults = await isolation(Probes(ask=_nothing, knock=_nothing), world, instances_of(world, None), open_allowed=True)
    assert [fault.code for fault in faults] == ["not_looked_at"]


async def test_flows_that_cannot_be_read_are_said_not_to_have_been_looked_at() -> None:
    async def refuses(_: Resource, __: str) -> Said:
        return Said(status=401, body=b"Unauthorized")

    world = estate(line())
    faults = await isolation(Probes(ask=refuses, knock=refuses), world, instances_of(world, None), open_allowed=True)
    assert [(fault.code, "flows cannot be read" in fault.message) for fault in faults] == [("not_looked_at", True)]


def test_a_space_has_the_instances_that_it_and_those_below_it_own() -> None:
    theirs = replace(line(), id="theirs", owner="customer")
    world = estate(line(), theirs)
    spaces = world.spaces
    assert [each.id for each in instances_of(world, spaces["customer"])] == ["theirs"]
    assert {each.id for each in instances_of(world, spaces["acme"])} == {"line", "theirs"}
    assert {each.id for each in instances_of(world, None)} == {"line", "theirs"}
