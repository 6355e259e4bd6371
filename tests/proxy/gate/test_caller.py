"""One connection's way through the gate."""

import asyncio
import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.gate.caller import Caller
from proxy.gate.principal import Principal
from proxy.gate.verdict import LOCAL, Missing, PersonFact, SessionFact
from proxy.model.access import Reason, Role
from proxy.model.estate import HttpAuth
from proxy.nodered.presets import PRESETS
from proxy.nodered.surfaces import Surface
from tests.proxy.gate.house import BASIC, LINE_3, LINE_4, SHARED, House, head, instance, person, told

ADA = person("ada", Role.OWNER)
VIC = person("vic", Role.VIEWER)
DAN = person("dan", Role.DASHBOARD)
EVERY_PRESET = tuple(PRESETS)


@pytest.fixture
def house() -> House:
    return House().open()


def basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


# -- facts first


async def test_facts_are_asked_for_one_kind_at_a_time_and_then_known(house: House) -> None:
    cookie, caller = house.login(ADA), house.caller()
    request = head("/dashboard", cookie=cookie)
    first = caller.judge(request, house.steady)
    assert isinstance(first, Missing)
    assert [type(fact) for fact in first.facts] == [SessionFact]
    await house.gate.learn(first)
    assert caller.judge(request, house.steady) == Missing([PersonFact("u-ada")])
    await house.gate.learn(Missing([PersonFact("u-ada")]))
    assert told(await house.passed(caller, request))["x-flowward-user"] == ["ada"]
    assert house.facts.asked == ["session", "person u-ada"]
    await house.passed(house.caller(), request)
    assert len(house.facts.asked) == 2


async def test_nobody_needs_no_facts(house: House) -> None:
    refused = house.caller().judge(head("/dashboard"), house.steady)
    assert (refused.reason, refused.status) == (Reason.LOGIN_REQUIRED, 401)
    assert refused.surface is Surface.DASHBOARD
    assert not house.facts.asked


# -- hosts and targets


@pytest.mark.parametrize(
    "host", [None, "", "a b", "a/b", "user@line-3.example", "line-3.example:x", "line-3.example, x", "[::1", "a:123456"]
)
async def test_a_request_names_exactly_one_valid_host(house: House, host: str | None) -> None:
    refused = await house.refused(house.caller(), head("/", host=host))
    assert (refused.reason, refused.status) == (Reason.BAD_REQUEST, 400)


@pytest.mark.parametrize("host", ["line-3.example", "LINE-3.Example", "line-3.example.", "line-3.example:8443"])
async def test_case_port_and_trailing_dot_of_a_host_do_not_matter(house: House, host: str) -> None:
    """Authelia CVE-2026-48794; the Host itself is passed on as it came."""
    cookie = house.login(ADA)
    fields = told(await house.passed(house.caller(), head("/dashboard", host=host, cookie=cookie)))
    assert fields["host"] == [host]


async def test_an_unknown_host_has_nothing_but_the_public_keys(house: House) -> None:
    caller = house.caller()
    for target in ("/", "/-/login", "/-/jwks.jsonx"):
        refused = await house.refused(caller, head(target, host="other.example"))
        assert (refused.reason, refused.status) == (Reason.UNKNOWN_HOST, 404)
    assert await house.ask(caller, head("/-/jwks.json?x", host="other.example")) is LOCAL


@pytest.mark.parametrize(
    ("target", "host"),
    [
        ("/", "gate.example"),
        ("/flows", "gate.example"),
        ("/-/login", "gate.example"),
        ("/-/enter?code=x", LINE_3),
        ("/-/", LINE_3),
        ("/", "127.0.0.1:8080"),
        ("/", "[::1]:8080"),
    ],
)
async def test_the_gateway_answers_for_itself(house: House, target: str, host: str) -> None:
    assert await house.ask(house.caller(), head(target, host=host)) is LOCAL


async def test_the_host_is_looked_up_again_when_it_changes_on_a_connection(house: House) -> None:
    cookie, caller = house.login(ADA), house.caller()
    await house.passed(caller, head("/dashboard", cookie=cookie))
    assert caller.site is not None
    assert caller.site.name == LINE_3
    refused = await house.refused(caller, head("/dashboard", host=LINE_4, cookie=cookie))
    assert refused.reason is Reason.SESSION_ENDED
    await house.passed(caller, head("/dashboard", cookie=cookie))


async def test_what_one_host_was_sent_is_not_passed_on_to_the_next() -> None:
    """A proxy in front may carry many visitors on one connection."""
    house = House().open(
        [instance("a", LINE_3, http_auth=HttpAuth.NONE), instance("b", LINE_4, http_auth=HttpAuth.NONE)]
    )
    caller = house.caller()
    assert told(await house.passed(caller, head("/x", cookie="secret=1")))["cookie"] == ["secret=1"]
    assert "cookie" not in told(await house.passed(caller, head("/x", host=LINE_4)))
    assert not caller.presented


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("http://other.example/dashboard", Reason.BAD_TARGET),
        ("/dashboard#x", Reason.BAD_TARGET),
        ("*", Reason.BAD_TARGET),
        ("/x/../flows", Reason.BAD_TARGET),
        ("/dashboard/..%2fflows", Reason.BAD_TARGET),
        ("/dashboard/socket.io/?sid=a&sid=b", Reason.BAD_TARGET),
    ],
)
async def test_a_target_that_could_be_read_differently_is_refused(house: House, target: str, reason: Reason) -> None:
    cookie = house.login(ADA)
    refused = await house.refused(house.caller(), head(target, cookie=cookie))
    assert (refused.reason, refused.status) == (reason, 400)
    assert refused.detail


async def test_an_absolute_target_is_forwarded_as_its_path(house: House) -> None:
    cookie = house.login(ADA)
    request = head(f"http://{LINE_3}/dashboard?x=1", cookie=cookie)
    assert told(await house.passed(house.caller(), request))[""] == ["GET /dashboard?x=1 HTTP/1.1"]


async def test_what_was_judged_is_forwarded_byte_for_byte(house: House) -> None:
    cookie = house.login(ADA)
    request = head("//dashboard;a/%66oo?%2e%2e", cookie=cookie)
    assert told(await house.passed(house.caller(), request))[""] == ["GET //dashboard;a/%66oo?%2e%2e HTTP/1.1"]


# -- instances below a path


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/line-3/", "/"),
        ("/line-3/?x=1", "/?x=1"),
        ("/line-3/dashboard/?x", "/dashboard/?x"),
        ("/line-3//flows", "//flows"),
    ],
)
async def test_an_instance_below_a_path_does_not_see_it_but_is_told(target: str, path: str) -> None:
    house = House().open([instance("line-3", SHARED, path="/line-3/"), instance("top", SHARED)])
    cookie = house.login(ADA, SHARED)
    fields = told(await house.passed(house.caller(), head(target, host=SHARED, cookie=cookie)))
    assert fields[""] == [f"GET {path} HTTP/1.1"]
    assert fields["x-forwarded-prefix"] == ["/line-3"]
    beside = told(await house.passed(house.caller(), head("/line-33/x", host=SHARED, cookie=cookie)))
    assert "x-forwarded-prefix" not in beside


@pytest.mark.parametrize(("target", "location"), [("/line-3", b"/line-3/"), ("/line-3?x=1", b"/line-3/?x=1")])
async def test_a_mount_without_its_slash_leads_to_the_one_with_it(target: str, location: bytes) -> None:
    """Relative addresses on the page would miss the mount otherwise."""
    house = House().open([instance("line-3", SHARED, path="/line-3/"), instance("top", SHARED)])
    refused = await house.refused(house.caller(), head(target, host=SHARED))
    assert (refused.status, refused.location) == (308, location)


async def test_beside_the_mounted_paths_of_a_host_there_is_nothing() -> None:
    house = House().open([instance("line-3", SHARED, path="/line-3"), instance("x", "gate.example", path="/x")])
    refused = await house.refused(house.caller(), head("/line-4", host=SHARED))
    assert (refused.reason, refused.status) == (Reason.NOT_FOUND, 404)
    assert await house.ask(house.caller(), head("/line-4", host="gate.example")) is LOCAL


# -- cookies


async def test_a_cookie_opens_one_host_alone(house: House) -> None:
    cookie = house.login(ADA, LINE_4)
    refused = await house.refused(house.caller(), head("/dashboard", cookie=cookie))
    assert (refused.reason, refused.status) == (Reason.SESSION_ENDED, 401)
    await house.passed(house.caller(), head("/dashboard", host=LINE_4, cookie=cookie))


async def test_a_remembered_credential_never_outlives_its_field(house: House) -> None:
    cookie, caller = house.login(ADA), house.caller()
    await house.passed(caller, head("/dashboard", cookie=cookie + "; theme=dark"))
    refused = await house.refused(caller, head("/dashboard"))
    assert refused.reason is Reason.LOGIN_REQUIRED
    refused = await house.refused(caller, head("/dashboard", cookie="theme=dark"))
    assert refused.reason is Reason.LOGIN_REQUIRED
    vic = house.login(VIC)
    assert told(await house.passed(caller, head("/dashboard", cookie=vic)))["x-flowward-user"] == ["vic"]


async def test_of_several_cookies_of_our_name_the_one_that_opens_this_host_counts(house: House) -> None:
    right, elsewhere = house.login(ADA), house.login(VIC, LINE_4)
    many = f"__Host-flowward=a; {elsewhere}; __Host-flowward=c; {right}; __Host-flowward="
    caller = house.caller()
    missing = caller.judge(head("/dashboard", cookie=many), house.steady)
    assert isinstance(missing, Missing)
    assert len(missing.facts) == 4
    assert told(await house.passed(caller, head("/dashboard", cookie=many)))["x-flowward-user"] == ["ada"]


async def test_more_than_four_cookies_of_our_name_are_not_tried(house: House) -> None:
    right = house.login(ADA)
    many = "; ".join([*(f"__Host-flowward={letter}" for letter in "abcd"), right])
    refused = await house.refused(house.caller(), head("/dashboard", cookie=many))
    assert refused.reason is Reason.SESSION_ENDED
    assert house.facts.asked == ["session"] * 4


async def test_our_cookies_never_reach_the_instance(house: House) -> None:
    """R-68."""
    cookie = house.login(ADA)
    sent = f"a=1;{cookie};  __Host-flowward-hop=x; flowward=y; flowward-hop=z; flowwards=2;; b=3"
    passed = await house.passed(house.caller(), head("/dashboard", cookie=sent))
    assert told(passed)["cookie"] == ["a=1; flowwards=2; b=3"]
    passed = await house.passed(house.caller(), head("/dashboard", cookie=cookie))
    assert "cookie" not in told(passed)


async def test_without_tls_the_cookie_has_its_plain_name() -> None:
    house = House().open(cookie=b"flowward")
    cookie = house.login(ADA).replace("__Host-", "")
    assert "cookie" not in told(await house.passed(house.caller(), head("/dashboard", cookie=cookie)))


# -- sessions that end


async def test_an_ended_session_is_refused_at_once(house: House) -> None:
    cookie, caller = house.login(ADA), house.caller()
    await house.passed(caller, head("/dashboard", cookie=cookie))
    house.facts.sessions.clear()
    house.gate.forget_session("session-ada")
    refused = await house.refused(caller, head("/dashboard", cookie=cookie))
    assert (refused.reason, refused.status) == (Reason.SESSION_ENDED, 401)


@pytest.mark.parametrize("later", [3600.0, 8 * 86400.0])
async def test_a_session_ends_by_itself(house: House, later: float) -> None:
    cookie, caller = house.login(ADA), house.caller()
    await house.passed(caller, head("/dashboard", cookie=cookie))
    house.steady += later
    refused = await house.refused(caller, head("/dashboard", cookie=cookie))
    assert refused.reason is Reason.SESSION_ENDED


async def test_activity_keeps_a_session_alive_and_open_pages_alone_do_not(house: House) -> None:
    cookie, caller = house.login(ADA), house.caller()
    for _ in range(4):
        await house.passed(caller, head("/dashboard", cookie=cookie))
        house.steady += 3000.0
    for _ in range(2):
        verdict = await house.ask(caller, head("/dashboard/socket.io/?EIO=4", cookie=cookie))
        house.steady += 500.0
    assert not hasattr(verdict, "reason")
    refused = await house.refused(caller, head("/dashboard/socket.io/?EIO=4", cookie=cookie))
    assert refused.reason is Reason.SESSION_ENDED


@pytest.mark.parametrize("idle", [60.0, 7200.0])
async def test_an_instance_may_have_its_own_idle_time(idle: float) -> None:
    house = House().open([instance("line-3", LINE_3, session_idle=idle)])
    cookie, caller = house.login(ADA), house.caller()
    await house.passed(caller, head("/dashboard", cookie=cookie))
    house.steady += idle - 1
    await house.passed(caller, head("/dashboard", cookie=cookie))
    house.steady += idle
    assert (await house.refused(caller, head("/dashboard", cookie=cookie))).reason is Reason.SESSION_ENDED


async def test_who_was_logged_in_once_may_go_where_anybody_may() -> None:
    """A browser keeps sending the cookie of a session that is over."""
    house = House().open([instance("line-3", LINE_3, public=("/hooks/*",))])
    cookie, caller = house.login(ADA), house.caller()
    await house.passed(caller, head("/dashboard", cookie=cookie))
    house.steady += 7200.0
    passed = await house.passed(caller, head("/hooks/x", cookie=cookie))
    assert passed.principal is house.gate.nobody
    assert "x-flowward-user" not in told(passed)
    await house.passed(caller, head("/auth/login", cookie=cookie))


async def test_a_user_who_is_gone_is_refused(house: House) -> None:
    cookie, caller = house.login(ADA), house.caller()
    del house.facts.people["u-ada"]
    refused = await house.refused(caller, head("/dashboard", cookie=cookie))
    assert (refused.reason, refused.status) == (Reason.SESSION_ENDED, 401)


async def test_a_person_who_changed_is_judged_anew_at_once(house: House) -> None:
    cookie, caller = house.login(ADA), house.caller()
    await house.passed(caller, head("/flows", cookie=cookie))
    house.facts.people["u-ada"] = person("ada", Role.DASHBOARD)
    assert [principal.key for principal in house.gate.forget_person("u-ada")] == ["session-ada"]
    refused = await house.refused(caller, head("/flows", cookie=cookie))
    assert (refused.reason, refused.status) == (Reason.ROLE_TOO_LOW, 403)


async def test_a_world_that_changed_holds_at_once(house: House) -> None:
    cookie, caller = house.login(ADA), house.caller()
    await house.passed(caller, head("/flows", method="POST", cookie=cookie))
    house.gate.change_world(house.world([instance("line-3", LINE_3, protected=True)]))
    refused = await house.refused(caller, head("/flows", method="POST", cookie=cookie))
    assert (refused.reason, refused.status) == (Reason.PROTECTED_INSTANCE, 403)
    house.gate.change_world(house.world([]))
    refused = await house.refused(caller, head("/flows", method="POST", cookie=cookie))
    assert (refused.reason, refused.status) == (Reason.UNKNOWN_HOST, 404)


# -- somebody else's script

ACTS = [
    ("POST", "/api/x", {}),
    ("DELETE", "/flows", {}),
    ("GET", "/ws/echo", {"Upgrade": "websocket", "Connection": "Upgrade"}),
    ("GET", "/dashboard/socket.io/?EIO=4&transport=polling", {}),
    ("GET", "/comms", {"Upgrade": "websocket", "Connection": "Upgrade"}),
]


@pytest.mark.parametrize(("method", "target", "fields"), ACTS)
@pytest.mark.parametrize(
    "origin",
    [
        {"Origin": f"https://{LINE_4}"},
        {"Origin": "https://gate.example"},
        {"Origin": "null"},
        {"Origin": f"http://{LINE_3}"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_what_acts_by_cookie_comes_from_a_page_of_this_host(
    house: House, method: str, target: str, fields: dict[str, str], origin: dict[str, str]
) -> None:
    cookie = house.login(ADA)
    request = head(target, fields | origin, method=method, cookie=cookie)
    refused = await house.refused(house.caller(inspects=True), request)
    assert (refused.reason, refused.status) == (Reason.FOREIGN_ORIGIN, 403)
    assert "origins" in refused.detail


@pytest.mark.parametrize(("method", "target", "fields"), ACTS)
@pytest.mark.parametrize(
    "origin",
    [{"Origin": f"https://{LINE_3}"}, {"Origin": "https://WALL.example"}, {"Sec-Fetch-Site": "same-origin"}, {}],
)
async def test_our_own_pages_listed_origins_and_tools_may_act(
    method: str, target: str, fields: dict[str, str], origin: dict[str, str]
) -> None:
    house = House().open([instance("line-3", LINE_3, origins=("https://wall.example/",))])
    cookie = house.login(ADA)
    await house.passed(house.caller(inspects=True), head(target, fields | origin, method=method, cookie=cookie))


async def test_reading_is_not_acting(house: House) -> None:
    cookie = house.login(ADA)
    await house.passed(house.caller(), head("/dashboard", {"Origin": "https://evil.example"}, cookie=cookie))


async def test_on_a_public_path_nobodys_script_speaks_in_somebodys_name() -> None:
    house = House().open([instance("line-3", LINE_3, public=("/hooks/*",))])
    cookie = house.login(ADA)
    foreign = head("/hooks/x", {"Origin": f"https://{LINE_4}"}, method="POST", cookie=cookie)
    passed = await house.passed(house.caller(), foreign)
    assert passed.principal is house.gate.nobody
    assert "x-flowward-user" not in told(passed)
    own = head("/hooks/x", {"Origin": f"https://{LINE_3}"}, method="POST", cookie=cookie)
    assert told(await house.passed(house.caller(), own))["x-flowward-user"] == ["ada"]


async def test_a_poll_does_not_carry_the_origin_that_was_checked(house: House) -> None:
    """The Dashboard's default middleware ends a session whose first poll carries an Origin."""
    cookie, own = house.login(ADA), {"Origin": f"https://{LINE_3}"}
    target = "/dashboard/socket.io/?EIO=4&transport=polling"
    assert "origin" not in told(await house.passed(house.caller(), head(target, own, cookie=cookie)))
    upgrade = own | {"Upgrade": "websocket", "Connection": "Upgrade"}
    assert told(await house.passed(house.caller(), head(target, upgrade, cookie=cookie)))["origin"] == [own["Origin"]]
    post = head("/dashboard/x", own, method="POST", cookie=cookie)
    assert told(await house.passed(house.caller(), post))["origin"] == [own["Origin"]]


async def test_a_preflight_from_a_listed_origin_needs_no_login() -> None:
    house = House().open([instance("line-3", LINE_3, origins=("https://wall.example",))])
    listed, foreign = {"Origin": "https://wall.example"}, {"Origin": "https://evil.example"}
    await house.passed(house.caller(), head("/api/x", listed, method="OPTIONS"))
    for fields in (foreign, {}):
        refused = await house.refused(house.caller(), head("/api/x", fields, method="OPTIONS"))
        assert refused.reason is Reason.LOGIN_REQUIRED
    refused = await house.refused(house.caller(), head("/flows", listed, method="OPTIONS"))
    assert (refused.reason, refused.status) == (Reason.PREFLIGHT_REFUSED, 403)


# -- engine.io sessions


async def test_an_engineio_session_belongs_to_the_first_login_that_uses_it(house: House) -> None:
    ada, vic = house.login(ADA), house.login(VIC)
    target = "/dashboard/socket.io/?EIO=4&transport=polling&sid=abc"
    await house.passed(house.caller(), head(target, cookie=ada))
    await house.passed(house.caller(), head(target, method="POST", cookie=ada))
    for fields in ({}, {"Upgrade": "websocket", "Connection": "Upgrade"}):
        refused = await house.refused(house.caller(), head(target.replace("sid", "%73id"), fields, cookie=vic))
        assert (refused.reason, refused.status) == (Reason.FOREIGN_SID, 403)
    await house.passed(house.caller(), head(target.replace("abc", "def"), cookie=vic))
    assert house.facts.kept["sid:r-line-3:abc"] == "session-ada"


async def test_the_same_sid_of_another_instance_is_another_session(house: House) -> None:
    ada, vic = house.login(ADA), house.login(VIC, LINE_4)
    target = "/dashboard/socket.io/?EIO=4&sid=abc"
    await house.passed(house.caller(), head(target, cookie=ada))
    await house.passed(house.caller(), head(target, host=LINE_4, cookie=vic))


async def test_where_no_login_is_asked_for_a_sid_of_a_login_is_still_its_own() -> None:
    house = House().open([instance("line-3", LINE_3, http_auth=HttpAuth.NONE)])
    target, ada = "/dashboard/socket.io/?EIO=4&sid=abc", house.login(ADA)
    await house.passed(house.caller(), head(target, cookie=ada))
    assert (await house.refused(house.caller(), head(target))).reason is Reason.FOREIGN_SID


# -- what stands in a query, and workers


@pytest.mark.parametrize(
    "query",
    [
        "access_token=x",
        "a=1&access_token=x",
        "%61ccess_token=x",
        "ACCESS%5Ftoken=x",
        "access_token[]=x",
        "access_token",
    ],
)
async def test_no_token_in_a_query_reaches_the_admin_api(house: House, query: str) -> None:
    cookie = house.login(ADA)
    refused = await house.refused(house.caller(), head(f"/flows?{query}", cookie=cookie))
    assert (refused.reason, refused.status) == (Reason.TOKEN_IN_QUERY, 400)
    await house.passed(house.caller(), head(f"/dashboard?{query}", cookie=cookie))


async def test_other_queries_pass(house: House) -> None:
    cookie = house.login(ADA)
    await house.passed(house.caller(), head("/flows?access_tokens=x&my_access_token=y", cookie=cookie))


@pytest.mark.parametrize(("target", "allowed"), [("/sw.js", False), ("/sw.js?/a/b", False), ("/a/sw.js", True)])
async def test_no_worker_may_claim_the_whole_host(house: House, target: str, allowed: bool) -> None:
    cookie = house.login(ADA)
    request = head(target, {"Service-Worker": "script"}, cookie=cookie)
    if allowed:
        await house.passed(house.caller(), request)
    else:
        refused = await house.refused(house.caller(), request)
        assert (refused.reason, refused.status) == (Reason.SERVICE_WORKER_SCOPE, 403)


async def test_below_a_path_a_worker_claims_that_path_alone() -> None:
    house = House().open([instance("line-3", SHARED, path="/line-3")])
    cookie = house.login(ADA, SHARED)
    await house.passed(house.caller(), head("/line-3/sw.js", {"Service-Worker": "script"}, host=SHARED, cookie=cookie))


# -- Authorization


async def test_an_authorization_never_reaches_the_admin_api(house: House) -> None:
    cookie = house.login(ADA)
    fields = told(await house.passed(house.caller(), head("/flows", {"Authorization": "Bearer x"}, cookie=cookie)))
    assert "authorization" not in fields


@pytest.mark.parametrize("target", ["/api/x", "/dashboard", "/dashboard/socket.io/?EIO=4"])
async def test_an_explicit_bad_credential_beats_a_good_cookie(house: House, target: str) -> None:
    cookie = house.login(ADA)
    refused = await house.refused(house.caller(), head(target, {"Authorization": "Bearer x"}, cookie=cookie))
    assert (refused.reason, refused.status, refused.realm) == (Reason.CREDENTIALS_WRONG, 401, None)


@pytest.mark.parametrize(
    ("settings", "target"), [({"http_auth": HttpAuth.NONE}, "/api/x"), ({"public": ("/hooks/*",)}, "/hooks/x")]
)
async def test_where_the_gateway_asks_for_nothing_the_credential_is_the_instances(
    settings: dict[str, object], target: str
) -> None:
    house = House().open([instance("line-3", LINE_3, **settings)])
    passed = await house.passed(house.caller(), head(target, {"Authorization": "Bearer x"}))
    assert told(passed)["authorization"] == ["Bearer x"]


async def test_an_instances_own_password_opens_its_dashboards_and_endpoints_alone() -> None:
    house = House().open([instance("line-3", LINE_3, **BASIC)])
    right = {"Authorization": basic("wall", "opensesame")}
    for target in ("/dashboard", "/api/x"):
        fields = told(await house.passed(house.caller(), head(target, right)))
        assert "authorization" not in fields
        assert "x-flowward-user" not in fields
    assert house.passwords == ["opensesame"]
    for target in ("/flows", "/dashboard/_debug/x"):
        refused = await house.refused(house.caller(), head(target, right))
        assert (refused.reason, refused.realm) == (Reason.LOGIN_REQUIRED, None)


@pytest.mark.parametrize(
    "value",
    [
        basic("wall", "wrong"),
        basic("wal", "opensesame"),
        basic("", ""),
        "Basic !!!",
        "Basic " + base64.b64encode(b"\xff:x").decode(),
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Bearer opensesame",
        "",
    ],
)
async def test_a_wrong_password_is_refused_and_asked_for_again(value: str) -> None:
    house = House().open([instance("line-3", LINE_3, **BASIC)])
    refused = await house.refused(house.caller(), head("/dashboard", {"Authorization": value}))
    assert (refused.reason, refused.status) == (Reason.CREDENTIALS_WRONG, 401)
    assert refused.realm == "acme/plant/line-3"
    assert (await house.refused(house.caller(), head("/dashboard"))).realm == "acme/plant/line-3"
    assert (await house.refused(house.caller(), head("/flows"))).realm is None


async def test_a_session_opens_an_instance_with_a_password_too() -> None:
    house = House().open([instance("line-3", LINE_3, **BASIC)])
    cookie = house.login(ADA)
    assert told(await house.passed(house.caller(), head("/dashboard", cookie=cookie)))["x-flowward-user"] == ["ada"]


async def test_a_password_that_a_browser_keeps_is_not_lent_to_other_pages() -> None:
    house = House().open([instance("line-3", LINE_3, **BASIC)])
    fields = {"Authorization": basic("wall", "opensesame"), "Origin": f"https://{LINE_4}"}
    refused = await house.refused(house.caller(), head("/dashboard/socket.io/?EIO=4", fields))
    assert refused.reason is Reason.FOREIGN_ORIGIN


async def test_guessing_a_password_is_limited_before_it_is_checked() -> None:
    house = House().open([instance("line-3", LINE_3, **BASIC)], anonymous=3)
    for number in range(3):
        await house.refused(house.caller(), head("/dashboard", {"Authorization": basic("wall", str(number))}))
    refused = await house.refused(house.caller(), head("/dashboard", {"Authorization": basic("wall", "opensesame")}))
    assert (refused.reason, refused.status, refused.retry_after) == (Reason.TOO_MANY_REQUESTS, 429, 20)
    assert house.passwords == ["0", "1", "2"]


async def test_a_changed_password_holds_at_once() -> None:
    house = House().open([instance("line-3", LINE_3, **BASIC)])
    right = {"Authorization": basic("wall", "opensesame")}
    await house.passed(house.caller(), head("/dashboard", right))
    house.gate.change_world(
        house.world([instance("line-3", LINE_3, **BASIC | {"basic_password_hash": "hash of another"})])
    )
    assert (await house.refused(house.caller(), head("/dashboard", right))).reason is Reason.CREDENTIALS_WRONG


# -- limits


async def test_asking_without_a_login_is_limited_by_address() -> None:
    house = House().open(anonymous=2)
    for _ in range(2):
        assert (await house.refused(house.caller(), head("/dashboard"))).status == 401
    refused = await house.refused(house.caller(), head("/dashboard"))
    assert (refused.status, refused.retry_after) == (429, 30)
    assert (await house.refused(house.caller("203.0.113.8"), head("/dashboard"))).status == 401
    cookie = house.login(ADA)
    await house.passed(house.caller(), head("/dashboard", cookie=cookie))


# -- proxies in front

FORWARDED = {"X-Forwarded-For": "1.1.1.1, 198.51.100.1", "X-Forwarded-Proto": "http", "Forwarded": "for=x"}


async def test_a_strangers_forwarding_fields_are_replaced(house: House) -> None:
    cookie = house.login(ADA)
    sent = FORWARDED | {"X-Forwarded-Host": "evil", "X-Real-IP": "9.9.9.9", "X-Forwarded-Prefix": "/x"}
    fields = told(await house.passed(house.caller(), head("/dashboard", sent, cookie=cookie)))
    assert fields["x-forwarded-for"] == fields["x-real-ip"] == ["203.0.113.7"]
    assert fields["x-forwarded-proto"] == ["https"]
    assert fields["x-forwarded-host"] == [LINE_3]
    assert fields["forwarded"] == [f'for=203.0.113.7;host="{LINE_3}";proto=https']
    assert "x-forwarded-prefix" not in fields


async def test_a_trusted_proxy_says_who_is_there_request_by_request() -> None:
    house = House().open(trusted=True)
    cookie, caller = house.login(ADA), house.caller("10.0.0.1", secure=False)
    fields = told(await house.passed(caller, head("/dashboard", FORWARDED, cookie=cookie)))
    assert (fields["x-forwarded-for"], fields["x-forwarded-proto"]) == (["198.51.100.1"], ["http"])
    again = {"X-Forwarded-For": "2001:db8::7", "X-Forwarded-Proto": "HTTPS "}
    fields = told(await house.passed(caller, head("/dashboard", again, cookie=cookie)))
    assert (fields["x-forwarded-for"], fields["x-forwarded-proto"]) == (["2001:db8::7"], ["https"])
    assert fields["forwarded"] == [f'for="[2001:db8::7]";host="{LINE_3}";proto=https']
    assert house.claims[-1]["ip"] == "2001:db8::7"
    assert caller.secure
    await house.passed(caller, head("/dashboard", again, cookie=cookie))
    assert len(house.claims) == 2


async def test_a_proxy_that_says_nothing_of_tls_leaves_it_at_what_we_saw() -> None:
    house = House().open(trusted=True)
    caller = house.caller("10.0.0.1", secure=True)
    await house.ask(caller, head("/dashboard"))
    assert caller.secure


async def test_an_instance_is_told_ip_version_6_in_brackets(house: House) -> None:
    cookie = house.login(ADA)
    fields = told(await house.passed(house.caller("2001:db8::1"), head("/dashboard", cookie=cookie)))
    assert fields["forwarded"] == [f'for="[2001:db8::1]";host="{LINE_3}";proto=https']


# -- identity

PRESET_NAMES = sorted({name for lines in PRESETS.values() for name, _ in lines} | {"X-Flowward-Assertion"})


@st.composite
def _mutated(draw: st.DrawFn) -> str:
    name = draw(st.sampled_from(PRESET_NAMES))
    return "".join(
        draw(st.sampled_from("-_")) if at == "-" else draw(st.sampled_from((at.lower(), at.upper()))) for at in name
    )


FORGED = st.lists(st.tuples(_mutated(), st.just("forged")), min_size=1, max_size=8)
CONNECTIONS = st.lists(st.sampled_from([*PRESET_NAMES, "close", "Cookie", "Host", "X-Forwarded-For"]), max_size=4)


@given(FORGED, CONNECTIONS, st.sampled_from(["/dashboard", "/flows", "/hooks/x", "/api/x"]), st.booleans())
def test_whatever_a_client_sends_nothing_of_it_arrives_as_identity(
    forged: list[tuple[str, str]], connection: list[str], target: str, logged_in: bool
) -> None:
    """Also on public paths, and whatever Connection names (Fabio CVE-2025-48865, Apache CVE-2022-31813)."""
    house = House().open([instance("line-3", LINE_3, identity=("assertion", *EVERY_PRESET), public=("/hooks/*",))])
    cookie = house.login(ADA) if logged_in else None
    fields = [*forged, ("Connection", ", ".join(connection)), ("X-Plain", "kept")]
    verdict = asyncio.run(house.ask(house.caller(), head(target, fields, cookie=cookie)))
    if not logged_in and target != "/hooks/x":
        assert verdict.reason is Reason.LOGIN_REQUIRED
        return
    arrived = told(verdict)
    assert "forged" not in [value for values in arrived.values() for value in values]
    assert arrived["x-plain"] == ["kept"]
    assert arrived["host"] == [LINE_3]
    assert arrived["x-forwarded-for"] == ["203.0.113.7"]
    for name in PRESET_NAMES:
        assert len(arrived.get(name.lower(), [])) == (1 if logged_in else 0)


async def test_fields_that_connection_names_end_here_and_ours_never_do(house: House) -> None:
    cookie = house.login(ADA)
    fields = {"Connection": "X-Hop, X-Flowward-User, Cookie, keep-alive", "X-Hop": "1", "X-Stays": "2"}
    arrived = told(await house.passed(house.caller(), head("/dashboard", fields, cookie=f"{cookie}; a=1")))
    assert "x-hop" not in arrived
    assert arrived["x-stays"] == ["2"]
    assert arrived["x-flowward-user"] == ["ada"]
    assert arrived["cookie"] == ["a=1"]
    plain = {"Connection": "close", "Close": "kept"}
    assert told(await house.passed(house.caller(), head("/dashboard", plain, cookie=cookie)))["close"] == ["kept"]


async def test_an_inspected_exchange_is_only_written_by_the_lane_that_inspects(house: House) -> None:
    cookie = house.login(ADA)
    handed = await house.passed(house.caller(inspects=False), head("/settings", cookie=cookie))
    assert handed.lease.inspected
    assert handed.parts == []
    assert told(await house.passed(house.caller(inspects=True), head("/settings", cookie=cookie)))["x-flowward-user"]


async def test_a_caller_starts_as_nobody(house: House) -> None:
    caller: Caller = house.caller()
    assert isinstance(caller.principal, Principal)
    assert caller.principal is house.gate.nobody
    assert caller.address == "203.0.113.7"
    assert not caller.presented
