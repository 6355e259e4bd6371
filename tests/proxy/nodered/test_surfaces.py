"""Which part of a Node-RED a request addresses: every route there is, however it is spelled."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.model.access import Permission, Role, Write
from proxy.nodered.surfaces import RULES, Layout, Roots, Surface
from proxy.wire.target import BadTarget
from tests.proxy.nodered.admin_routes import ROUTES

S = Surface
SHARED = Layout(Roots())
SEPARATE = Layout(Roots(admin="/admin", node="/n"))
LAYOUTS = {"/": SHARED, "/admin": SEPARATE, "/Admin/": Layout(Roots(admin="/Admin/"))}
OPENED = Roots(public=("/**", "/hooks/*"), endpoints=("/**",))
WIDE_OPEN = (Layout(OPENED), Layout(Roots(admin="/admin", node="/n", public=("/**",), endpoints=("/**",))))


def under(root: str, path: str) -> bytes:
    return f"{root.rstrip('/')}/{path}".encode()


@pytest.mark.parametrize("root", LAYOUTS)
@pytest.mark.parametrize(("method", "path", "surface"), ROUTES)
def test_every_admin_route_has_its_surface(root: str, method: str, path: str, surface: S) -> None:
    assert LAYOUTS[root].surface(method.encode(), under(root, path)) is surface


@pytest.mark.parametrize(
    ("method", "path", "shared", "separate"),
    [
        ("GET", "dashboard", S.DASHBOARD, S.DASHBOARD),
        ("GET", "dashboard/", S.DASHBOARD, S.DASHBOARD),
        ("GET", "dashboard/page1", S.DASHBOARD, S.DASHBOARD),
        ("HEAD", "dashboard/assets/x.js", S.DASHBOARD, S.DASHBOARD),
        ("POST", "dashboard/upload", S.DASHBOARD, S.DASHBOARD),
        ("GET", "dashboard/manifest.webmanifest", S.DASHBOARD, S.DASHBOARD),
        ("GET", "dashboard/_setup", S.SETUP, S.SETUP),
        ("GET", "dashboard/socket.io/?EIO=4&transport=polling", S.SOCKET, S.SOCKET),
        ("POST", "dashboard/socket.io/?EIO=4&transport=polling&sid=a", S.SOCKET, S.SOCKET),
        ("GET", "dashboard/_debug/datastore/id", S.DEBUG, S.DEBUG),
        ("GET", "dashboard/_debug/statestore/id", S.DEBUG, S.DEBUG),
        ("OPTIONS", "dashboard/_debug/statestore/id", S.DEBUG, S.DEBUG),
        ("PATCH", "dashboard/api/v1/base1/flows", S.DEPLOY, S.DEPLOY),
        ("POST", "dashboard/chart/c1/clear", S.OTHER, S.OTHER),
        ("GET", "dashboard/chart/c1/clear", S.DASHBOARD, S.DASHBOARD),
        ("OPTIONS", "dashboard", S.PREFLIGHT, S.PREFLIGHT),
        ("GET", "ui", S.DASHBOARD, S.DASHBOARD),
        ("GET", "ui/socket.io/?EIO=3", S.SOCKET, S.SOCKET),
        ("GET", "ui/x", S.DASHBOARD, S.DASHBOARD),
        ("GET", "elsewhere/socket.io/?EIO=4", S.SOCKET, S.SOCKET),
        ("GET", "else/where/Socket.IO", S.SOCKET, S.SOCKET),
        ("POST", "elsewhere/socket.io/?EIO=4&sid=a", S.UNLISTED, S.SOCKET),
        ("GET", "elsewhere/socket.iox", S.ENDPOINT, S.ENDPOINT),
        ("GET", "api/measurements", S.ENDPOINT, S.ENDPOINT),
        ("GET", "dashboards", S.ENDPOINT, S.ENDPOINT),
        ("GET", "uis", S.ENDPOINT, S.ENDPOINT),
        ("OPTIONS", "api/measurements", S.PREFLIGHT, S.PREFLIGHT),
        ("POST", "api/measurements", S.UNLISTED, S.ENDPOINT),
        ("DELETE", "api/measurements", S.UNLISTED, S.ENDPOINT),
        ("BREW", "api/measurements", S.UNLISTED, S.ENDPOINT),
        ("get", "api/measurements", S.UNLISTED, S.ENDPOINT),
        ("GET", "auth/other", S.ENDPOINT, S.ENDPOINT),
    ],
)
def test_what_lies_below_the_node_root_has_its_surface(method: str, path: str, shared: S, separate: S) -> None:
    assert SHARED.surface(method.encode(), under("/", path)) is shared
    assert SEPARATE.surface(method.encode(), under("/n", path)) is separate


@pytest.mark.parametrize(
    ("roots", "method", "path", "surface"),
    [
        (Roots(admin="/admin", node="/n"), "GET", "/admin/any", S.READ),
        (Roots(admin="/admin", node="/n"), "POST", "/admin/any", S.OTHER),
        (Roots(admin="/admin", node="/n"), "GET", "/admin", S.EDITOR),
        (Roots(admin="/admin", node="/n"), "GET", "/administrator", S.ENDPOINT),
        (Roots(admin="/admin", node="/n"), "GET", "/flows", S.ENDPOINT),
        (Roots(admin="/admin", node="/n"), "POST", "/static", S.ENDPOINT),
        (Roots(admin="/admin", node="/n"), "GET", "/dashboard", S.ENDPOINT),
        (Roots(admin="/admin"), "POST", "/api/x", S.ENDPOINT),
        (Roots(admin="/admin"), "POST", "/flows", S.ENDPOINT),
        (Roots(admin="/admin"), "PATCH", "/admin/dashboard/api/v1/b/flows", S.DEPLOY),
        # The admin root is at the top, endpoints are not: what is not theirs is the admin API's.
        (Roots(node="/n"), "GET", "/any", S.READ),
        (Roots(node="/n"), "POST", "/any", S.OTHER),
        (Roots(node="/n"), "POST", "/n/api/x", S.ENDPOINT),
        (Roots(node="/n"), "GET", "/n/dashboard/flows", S.DASHBOARD),
        (Roots(node="/n"), "GET", "/dashboard", S.READ),
        # Both at the same place that is not the top.
        (Roots(admin="/red", node="/red"), "POST", "/red/api/x", S.UNLISTED),
        (Roots(admin="/red", node="/red"), "GET", "/red/api/x", S.ENDPOINT),
        # One root within another: the longer one wins, and what Node-RED itself serves is always its own.
        (Roots(admin="/admin", node="/", dashboard="/"), "GET", "/admin/any", S.READ),
        (Roots(admin="/admin", node="/", dashboard="/"), "POST", "/admin/flows", S.DEPLOY),
        (Roots(admin="/admin", node="/", dashboard="/"), "GET", "/page1", S.DASHBOARD),
        (Roots(dashboard="/"), "GET", "/flows", S.READ),
        (Roots(dashboard="/"), "POST", "/flows", S.DEPLOY),
        (Roots(dashboard="/"), "GET", "/page1", S.DASHBOARD),
        (Roots(admin="/dashboard/admin"), "GET", "/dashboard/admin/settings", S.SETTINGS),
        (Roots(admin="/dashboard/admin"), "POST", "/dashboard/admin/any", S.OTHER),
        (Roots(admin="/dashboard/admin"), "GET", "/dashboard/page1", S.DASHBOARD),
        (Roots(admin="/a", node="/a/n"), "GET", "/a/n/dashboard", S.DASHBOARD),
        (Roots(admin="/a", node="/a/n"), "POST", "/a/n/api", S.ENDPOINT),
        (Roots(admin="/a", node="/a/n"), "POST", "/a/any", S.OTHER),
        (Roots(), "POST", "/settings%2Fuser", S.OTHER),
        (Roots(), "GET", "/%61uth/login", S.AUTH_LOGIN),
        (Roots(dashboard="/boards/main"), "GET", "/boards/main/_setup", S.SETUP),
        (Roots(dashboard="/boards/main"), "PATCH", "/boards/main/api/v1/b/flows", S.DEPLOY),
        (Roots(dashboard="/dashboard/x"), "PATCH", "/dashboard/x/api/v1/b/flows", S.DEPLOY),
    ],
)
def test_roots_may_lie_anywhere(roots: Roots, method: str, path: str, surface: S) -> None:
    assert Layout(roots).surface(method.encode(), path.encode()) is surface


@pytest.mark.parametrize(
    ("method", "path", "surface"),
    [
        ("GET", "/hooks/a", S.PUBLIC),
        ("POST", "/hooks/a", S.PUBLIC),
        ("POST", "/HOOKS/a/", S.PUBLIC),
        ("POST", "/hooks/a;x?y=/z", S.PUBLIC),
        ("POST", "/hooks/a/b", S.UNLISTED),
        ("GET", "/hooks", S.ENDPOINT),
        ("GET", "/other?/hooks/a", S.ENDPOINT),
        ("GET", "/hooks%2fa", S.ENDPOINT),
        ("GET", "/hooks/a%2fb", S.ENDPOINT),
        ("OPTIONS", "/hooks/a", S.PREFLIGHT),
        ("GET", "/open", S.PUBLIC),
        ("POST", "/api/x/y", S.ENDPOINT),
        ("POST", "/api", S.UNLISTED),
    ],
)
def test_public_and_listed_paths_match_the_path_alone(method: str, path: str, surface: S) -> None:
    """oauth2-proxy CVE-2025-54576: a pattern that matched the query opened everything."""
    layout = Layout(Roots(public=("/Hooks/*", "/open/"), endpoints=("/api/**",)))
    assert layout.surface(method.encode(), path.encode()) is surface


@pytest.mark.parametrize("layout", WIDE_OPEN)
@pytest.mark.parametrize("root", ["/", "/admin"])
@pytest.mark.parametrize(("method", "path", "surface"), ROUTES)
def test_no_pattern_opens_an_admin_route(layout: Layout, root: str, method: str, path: str, surface: S) -> None:
    if (root == "/") is (layout is WIDE_OPEN[0]):
        assert layout.surface(method.encode(), under(root, path)) is surface


@pytest.mark.parametrize("path", ["dashboard", "dashboard/_setup", "dashboard/socket.io/", "ui", "dashboard/_debug/x"])
def test_no_pattern_opens_a_dashboard(path: str) -> None:
    assert WIDE_OPEN[0].surface(b"GET", under("/", path)) is SHARED.surface(b"GET", under("/", path))


@pytest.mark.parametrize("root", ["/", "/admin"])
@pytest.mark.parametrize("path", sorted({path for _, path, _ in ROUTES}))
def test_a_preflight_of_an_admin_route_is_a_write_to_it(root: str, path: str) -> None:
    if not path.startswith("dashboard/") or root != "/":
        assert LAYOUTS[root].surface(b"OPTIONS", under(root, path)) is S.OTHER


def stricter_or_same(found: S, than: S) -> bool:
    """Whether nobody may do more on one surface than on the other."""
    if than in {S.AUTH, S.AUTH_LOGIN, S.AUTH_REVOKE}:
        return found is than
    mine, other = RULES[found], RULES[than]
    return (
        mine.least >= other.least
        and mine.write >= other.write
        and (mine.admin or not other.admin)
        and (mine.permission is not Permission.HTTP or other.permission is Permission.HTTP)
    )


@given(st.sampled_from(ROUTES), st.sampled_from(["/", "/admin"]), st.booleans(), st.data())
def test_no_spelling_of_an_admin_path_is_weaker_than_the_canonical_one(
    route: tuple[str, str, S], root: str, wide: bool, data: st.DataObject
) -> None:
    method, path, surface = route
    layout = WIDE_OPEN[root != "/"] if wide else LAYOUTS[root]
    spelled = b""
    for byte in under(root, path):
        one = bytes([byte])
        ways = [one, one.upper(), one.lower(), b"%%%02X" % byte, b"%%%02x" % byte]
        if one == b"/":
            ways += [b"//", b";x=1/", b"/;/", b"///"]
        spelled += data.draw(st.sampled_from(ways))
    spelled = b"/" + spelled if not spelled.startswith(b"/") else spelled
    spelled += data.draw(st.sampled_from([b"", b"/", b";", b";a=b", b"//"]))
    query = data.draw(st.sampled_from([b"", b"?", b"?/hooks/a", b"?x=/dashboard/"]))
    found = layout.surface(method.encode(), spelled + query)
    assert stricter_or_same(found, surface)


@given(st.binary(max_size=30), st.sampled_from([b"GET", b"POST", b"OPTIONS"]), st.sampled_from(WIDE_OPEN))
def test_whatever_is_asked_has_a_surface_or_is_refused_and_the_memory_agrees(
    noise: bytes, method: bytes, layout: Layout
) -> None:
    target = b"/" + noise
    try:
        first = layout.surface(method, target)
    except BadTarget:
        return
    assert layout.surface(method, target) is first
    assert layout.classify(method, target.partition(b"?")[0]) is first


def test_a_client_does_not_choose_how_much_is_remembered() -> None:
    layout = Layout(Roots())
    for number in range(3000):
        layout.surface(b"GET", b"/%d" % number)
    layout.surface(b"GET", b"/" + b"x" * 8000)
    assert len(layout._safe) <= 2048
    assert max(map(len, layout._safe)) <= 256
    assert layout.surface(b"GET", b"/" + b"x" * 8000) is S.ENDPOINT


def test_r_65_method_overrides_do_not_exist() -> None:
    """A query that names another method changes nothing."""
    assert SHARED.surface(b"GET", b"/flows?_method=DELETE") is S.READ
    assert SHARED.surface(b"POST", b"/flows?_method=GET") is S.DEPLOY


def test_every_surface_has_a_rule_and_a_name() -> None:
    assert set(RULES) == set(S)
    assert S.AUTH_LOGIN.label == "auth_login"
    for surface, rule in RULES.items():
        assert (rule.write is Write.NONE) is (rule.permission is not Permission.FLOWS_EDIT), surface
        assert rule.permission is Permission.HTTP or rule.admin or surface in {S.DEBUG, S.UNLISTED}
        assert rule.write is Write.NONE or rule.least >= Role.MEMBER


@pytest.mark.parametrize("path", [b"/;x/pub/a", b"/%3Bx/pub/a", b"/pub;/a", b"/;%2fpub/a"])
def test_a_parameter_that_the_instance_takes_for_part_of_a_path_makes_nothing_public(path: bytes) -> None:
    layout = Layout(Roots(admin="/admin", public=("/pub/**",)))
    assert layout.surface(b"GET", path) is S.ENDPOINT
    assert layout.surface(b"GET", b"/pub/;x/a") is S.PUBLIC


def test_without_its_parameters_a_path_is_as_strict_as_it_ever_was() -> None:
    assert SHARED.surface(b"POST", b"/flows;x") is S.DEPLOY
    assert SEPARATE.surface(b"GET", b"/admin;x/flows") is S.READ
    assert SEPARATE.surface(b"GET", b"/n/dashboard;x/_setup") is S.SETUP
