"""C-19: an admin who looks on as somebody passes where they would, and nothing that is sent changes anything."""

from dataclasses import replace

import pytest

from proxy.model.access import Reason, Role
from proxy.model.identity import UserState
from tests.proxy.gate.doorman import Doorman, standing
from tests.proxy.gate.house import BASIC, LINE_3, House, head, instance, person, told
from tests.proxy.gate.test_credentials import CI, WRONG

ROOT = person("root", None, admin=True)
EMMA = person("emma", Role.MEMBER)
DORA = person("dora", Role.DASHBOARD)
OWN = {"Origin": f"https://{LINE_3}", "Sec-Fetch-Site": "same-origin"}
UPGRADE = {"Upgrade": "websocket", "Connection": "Upgrade", **OWN}


@pytest.fixture
def house() -> House:
    return House().open([instance("line-3", LINE_3, admin_root="/admin", public=("/hooks/*",))])


@pytest.mark.parametrize("target", ["/dashboard", "/dashboard/page1", "/api/rows", "/admin/flows", "/hooks/ping"])
async def test_what_they_may_read_passes_and_the_instance_is_told_both_names(house: House, target: str) -> None:
    cookie = house.look_on(ROOT, EMMA)
    passed = await house.passed(house.caller(inspects=True), head(target, cookie=cookie))
    assert passed.principal.user_id == "u-emma"
    if target != "/hooks/ping":
        assert told(passed)["x-flowward-user"] == ["emma"]
    assert {(claims["username"], claims["viewer"]) for claims in house.claims} <= {("emma", "root")}
    assert house.claims or target == "/hooks/ping"


async def test_a_login_of_their_own_names_no_viewer(house: House) -> None:
    await house.passed(house.caller(), head("/dashboard", cookie=house.login(EMMA)))
    assert all("viewer" not in claims for claims in house.claims)


@pytest.mark.parametrize(
    ("method", "target", "fields"),
    [
        ("POST", "/api/rows", OWN),
        ("DELETE", "/api/rows", OWN),
        ("PATCH", "/dashboard/x", OWN),
        ("POST", "/hooks/ping", OWN),
        ("POST", "/admin/flows", OWN),
        ("POST", "/admin/inject/1", OWN),
        ("POST", "/admin/settings/user", OWN),
        ("DELETE", "/admin/context/x", OWN),
        ("POST", "/admin/auth/revoke", OWN),
        ("GET", "/api/live", UPGRADE),
    ],
)
async def test_whatever_might_change_something_is_refused(
    house: House, method: str, target: str, fields: dict[str, str]
) -> None:
    cookie = house.look_on(ROOT, EMMA)
    refused = await house.refused(house.caller(inspects=True), head(target, fields, method=method, cookie=cookie))
    assert (refused.status, refused.reason) == (403, Reason.VIEWING_AS)
    own = house.login(EMMA)
    await house.passed(house.caller(inspects=True), head(target, fields, method=method, cookie=own))


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_a_browser_sends_by_itself_gives_nobody_their_own_rights_back(house: House, method: str) -> None:
    """A certificate, a field of a proxy's, a password: the admin's own on every request, also while they look on."""
    card, proxy, corp = Doorman(name="card", reads=()), Doorman(name="proxy", reads=("remote-user",)), Doorman()
    standing(house, card, proxy, corp)
    for doorman, sent in ((card, "root's card"), (proxy, "root"), (corp, "Basic root")):
        doorman.lets_in(sent, "u-root")
    cookie = house.look_on(ROOT, DORA)
    for fields, certificate in (
        ({"Remote-User": "root"}, b""),
        ({"Authorization": "Basic root"}, b""),
        ({}, b"root's card"),
    ):
        caller = house.caller(inspects=True, certificate=certificate)
        asked = head("/admin/flows", {**OWN, **fields}, method=method, cookie=cookie, treatments=house.gate.fields)
        assert (await house.refused(caller, asked)).reason in (Reason.ROLE_TOO_LOW, Reason.VIEWING_AS)
        here = head("/api", {**OWN, **fields}, method=method, cookie=cookie, treatments=house.gate.fields)
        if method == "GET":
            passed = told(await house.passed(caller, here))
            assert passed["x-flowward-user"] == ["dora"]
            assert "authorization" not in passed
        else:
            assert (await house.refused(caller, here)).reason is Reason.VIEWING_AS
        assert caller.credential(here) is None, "the API takes them for nobody else either"
    assert card.asked + proxy.asked + corp.asked == []


async def test_an_instances_own_password_does_not_write_for_them_either() -> None:
    house = House().open([instance("line-3", LINE_3, admin_root="/admin", **BASIC)])
    caller, password = house.caller(), {"Authorization": "Basic d2FsbDpvcGVuc2VzYW1l", **OWN}  # wall:opensesame
    await house.passed(caller, head("/api", password, method="POST", cookie=house.login(EMMA)))
    cookie = house.look_on(ROOT, EMMA)
    for caller_ in (caller, house.caller()):
        refused = await house.refused(caller_, head("/api", password, method="POST", cookie=cookie))
        assert refused.reason is Reason.VIEWING_AS


async def test_a_token_that_is_shown_on_purpose_is_whose_it_is(house: House) -> None:
    chief = person("root", Role.MEMBER, admin=True)
    cookie, token = house.look_on(chief, EMMA), house.give(replace(CI, user="u-root"))
    passed = await house.passed(house.caller(), head("/api", token, method="POST", cookie=cookie))
    assert told(passed)["x-flowward-user"] == ["root"]
    assert (await house.refused(house.caller(), head("/api", WRONG, cookie=cookie))).status == 401


@pytest.mark.parametrize("target", ["/dashboard/socket.io/?EIO=4", "/dashboard/Socket.IO/x", "/ui/socket.io/"])
async def test_what_is_sent_over_a_dashboards_own_socket_is_read_there(house: House, target: str) -> None:
    cookie = house.look_on(ROOT, EMMA)
    passed = await house.passed(house.caller(inspects=True), head(target, OWN, method="POST", cookie=cookie))
    assert passed.lease.inspected


@pytest.mark.parametrize(
    "target",
    ["/api/socket.io/x", "/socket.io/", "/api/dashboard/socket.io/", "/api/socket.io/..%2f", "/api%2fsocket.io/"],
)
async def test_what_is_only_called_like_a_socket_takes_no_writes(house: House, target: str) -> None:
    cookie = house.look_on(ROOT, EMMA)
    for method, fields in (("POST", OWN), ("DELETE", OWN), ("GET", UPGRADE)):
        refused = await house.refused(house.caller(inspects=True), head(target, fields, method=method, cookie=cookie))
        assert refused.reason in (Reason.VIEWING_AS, Reason.BAD_TARGET)
    own = head("/api/socket.io/x", OWN, method="POST", cookie=house.login(EMMA))
    await house.passed(house.caller(inspects=True), own)


async def test_their_editor_is_one_to_read_in(house: House) -> None:
    cookie = house.look_on(ROOT, EMMA)
    await house.passed(house.caller(inspects=True), head("/admin/comms", UPGRADE, cookie=cookie))
    assert [claims["permissions"] for claims in house.claims] == [["read"]]


async def test_it_reaches_no_further_than_whom_they_look_on_as(house: House) -> None:
    cookie = house.look_on(ROOT, DORA)
    refused = await house.refused(house.caller(inspects=True), head("/admin/flows", cookie=cookie))
    assert (refused.status, refused.reason) == (403, Reason.ROLE_TOO_LOW)


@pytest.mark.parametrize("now", [{"admin": False}, {"state": UserState.SUSPENDED}], ids=["no admin", "suspended"])
async def test_it_ends_when_the_admin_is_none_any_more(house: House, now: dict[str, object]) -> None:
    cookie, caller = house.look_on(ROOT, EMMA), house.caller()
    principal = (await house.passed(caller, head("/dashboard", cookie=cookie))).principal
    house.facts.people["u-root"] = replace(ROOT, user=replace(ROOT.user, **now))  # type: ignore[arg-type]
    assert principal in house.gate.forget_person("u-root")
    refused = await house.refused(caller, head("/dashboard", cookie=cookie))
    assert (refused.status, refused.reason) == (401, Reason.SESSION_ENDED)


async def test_it_ends_with_the_admins_own_login(house: House) -> None:
    cookie, caller = house.look_on(ROOT, EMMA), house.caller()
    principal = (await house.passed(caller, head("/dashboard", cookie=cookie))).principal
    house.facts.sessions = {key: found for key, found in house.facts.sessions.items() if found[0].id != "session-root"}
    assert house.gate.forget_session("session-root") == [principal]
    assert principal.ended
    refused = await house.refused(caller, head("/dashboard", cookie=cookie))
    assert (refused.status, refused.reason) == (401, Reason.SESSION_ENDED)


async def test_a_login_that_has_ended_meanwhile_carries_nobody(house: House) -> None:
    cookie = house.look_on(ROOT, EMMA)
    house.wall += 3601  # the admin's own is idle for too long
    refused = await house.refused(house.caller(), head("/dashboard", cookie=cookie))
    assert (refused.status, refused.reason) == (401, Reason.SESSION_ENDED)
