"""C-19: an admin who looks on as somebody passes where they would, and nothing that is sent changes anything."""

from dataclasses import replace

import pytest

from proxy.model.access import Reason, Role
from proxy.model.identity import UserState
from tests.proxy.gate.house import LINE_3, House, head, instance, person, told

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
