"""Refusals as each kind of client can use them."""

import orjson
import pytest

from proxy.gate.answers import DETAILS, PHRASES, RELOAD, answer, is_navigation, wants_page
from proxy.gate.verdict import Refusal
from proxy.gate.world import Station
from proxy.model.access import Reason
from proxy.nodered.surfaces import Surface
from tests.proxy.gate.house import LINE_3, House, head, instance

NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
POLL = "/dashboard/socket.io/?EIO=4&transport=polling"


@pytest.fixture
def station() -> Station:
    world = House().world([instance("line-3", LINE_3, origins=("https://wall.example",))])
    return world.stations["r-line-3"]


@pytest.mark.parametrize(
    ("method", "fields", "is_one"),
    [
        ("GET", NAVIGATION, True),
        ("HEAD", NAVIGATION, True),
        ("POST", NAVIGATION, False),
        ("GET", {"Sec-Fetch-Mode": "navigate"}, True),
        ("GET", {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, False),
        ("GET", {"Sec-Fetch-Mode": "cors", "Accept": "text/html"}, False),
        ("GET", {"Sec-Fetch-Dest": "document"}, False),
        ("GET", {"Accept": "text/html,*/*"}, True),
        ("GET", {"Accept": "application/xhtml+xml"}, True),
        ("GET", {"Accept": "*/*"}, False),
        ("GET", {}, False),
        ("GET", {"Accept": "text/html", "X-Requested-With": "XMLHttpRequest"}, False),
        ("GET", {"Accept": "text/html", "Upgrade": "websocket"}, False),
    ],
)
def test_only_what_a_browser_is_about_to_show_is_a_navigation(
    method: str, fields: dict[str, str], is_one: bool
) -> None:
    assert is_navigation(head("/", fields, method=method)) is is_one


@pytest.mark.parametrize(
    ("surface", "fields", "method", "page"),
    [
        (Surface.DASHBOARD, NAVIGATION, "GET", True),
        (None, NAVIGATION, "GET", True),
        (Surface.ENDPOINT, NAVIGATION, "POST", True),
        (Surface.DASHBOARD, NAVIGATION | {"Sec-Fetch-Dest": "iframe"}, "GET", True),
        (Surface.SETUP, NAVIGATION, "GET", False),
        (Surface.SOCKET, NAVIGATION, "GET", False),
        (Surface.COMMS, NAVIGATION, "GET", False),
        (Surface.DASHBOARD, {"Accept": "application/json"}, "GET", False),
    ],
)
def test_a_person_gets_a_page_and_a_machine_a_problem(
    surface: Surface | None, fields: dict[str, str], method: str, page: bool
) -> None:
    assert wants_page(head("/", fields, method=method), Refusal(Reason.LOGIN_REQUIRED, 401, surface=surface)) is page


@pytest.mark.parametrize("reason", Reason)
def test_a_machine_is_told_the_reason_as_a_code(reason: Reason) -> None:
    found = answer(Refusal(reason, 403))
    fields = dict(found.fields)
    assert fields["Content-Type"] == "application/problem+json"
    assert fields["Cache-Control"] == "no-store"
    problem = orjson.loads(found.body)
    assert (problem["status"], problem["code"], problem["title"]) == (403, reason, "Forbidden")
    assert problem["detail"] == DETAILS.get(reason, "")


def test_what_the_gate_says_goes_before_the_general_detail() -> None:
    assert orjson.loads(answer(Refusal(Reason.BAD_TARGET, 400, "no backslash")).body)["detail"] == "no backslash"
    assert orjson.loads(answer(Refusal(Reason.BAD_REQUEST, 418)).body)["title"] == "Error"
    assert PHRASES[401] == "Unauthorized"


@pytest.mark.parametrize(
    ("refusal", "name", "value"),
    [
        (Refusal(Reason.LOGIN_REQUIRED, 401), "WWW-Authenticate", 'Bearer realm="flowward"'),
        (Refusal(Reason.SESSION_ENDED, 401), "WWW-Authenticate", 'Bearer realm="flowward", error="invalid_token"'),
        (
            Refusal(Reason.LOGIN_REQUIRED, 401, realm='a"\\b'),
            "WWW-Authenticate",
            'Basic realm="a\\"\\\\b", charset="UTF-8"',
        ),
        (Refusal(Reason.ROLE_TOO_LOW, 403), "WWW-Authenticate", None),
        (Refusal(Reason.TOO_MANY_REQUESTS, 429, retry_after=7), "Retry-After", "7"),
        (Refusal(Reason.DRAINING, 503), "Retry-After", "1"),
        (Refusal(Reason.ROLE_TOO_LOW, 403), "Retry-After", None),
    ],
)
def test_the_client_is_told_what_to_do_about_it(refusal: Refusal, name: str, value: str | None) -> None:
    """Basic pops up a browser's dialog, so it is asked for only where an instance has its own password."""
    assert dict(answer(refusal).fields).get(name) == value


@pytest.mark.parametrize(
    ("reason", "status", "fields", "method", "realm", "reloads"),
    [
        (Reason.SESSION_ENDED, 401, {}, "GET", None, True),
        (Reason.LOGIN_REQUIRED, 401, {}, "GET", None, True),
        (Reason.ROLE_TOO_LOW, 403, {}, "GET", None, True),
        (Reason.NO_ACCESS, 403, {}, "GET", None, True),
        (Reason.NOT_FOUND, 404, {}, "GET", None, True),
        (Reason.FOREIGN_SID, 403, {}, "GET", None, False),
        (Reason.FOREIGN_ORIGIN, 403, {}, "GET", None, False),
        (Reason.TOO_MANY_REQUESTS, 429, {}, "GET", None, False),
        (Reason.FACTS_UNAVAILABLE, 503, {}, "GET", None, False),
        (Reason.SESSION_ENDED, 401, {}, "POST", None, False),
        (Reason.SESSION_ENDED, 401, {"Upgrade": "websocket"}, "GET", None, False),
        (Reason.CREDENTIALS_WRONG, 401, {"Authorization": "Bearer x"}, "GET", None, False),
        (Reason.LOGIN_REQUIRED, 401, {}, "GET", "line-3", False),
    ],
)
def test_a_poll_whose_session_is_over_makes_the_page_reload_itself(
    reason: Reason, status: int, fields: dict[str, str], method: str, realm: str | None, reloads: bool
) -> None:
    refusal = Refusal(reason, status, surface=Surface.SOCKET, realm=realm)
    found = answer(refusal, head(POLL, fields, method=method))
    assert (found.status, found.body == RELOAD) == ((200, True) if reloads else (status, False))
    if reloads:
        assert dict(found.fields) == {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"}


def test_other_surfaces_hear_the_truth() -> None:
    refusal = Refusal(Reason.SESSION_ENDED, 401, surface=Surface.SETUP)
    assert answer(refusal, head("/dashboard/_setup")).status == 401


@pytest.mark.parametrize(("origin", "readable"), [("https://Wall.example", True), ("https://evil.example", False)])
def test_a_listed_origins_script_may_read_the_refusal(station: Station, origin: str, readable: bool) -> None:
    refusal = Refusal(Reason.LOGIN_REQUIRED, 401, "", station, Surface.ENDPOINT)
    fields = dict(answer(refusal, head("/api/x", {"Origin": origin})).fields)
    assert ("Access-Control-Allow-Origin" in fields) is readable
    if readable:
        assert fields["Access-Control-Allow-Origin"] == "https://wall.example"
        assert fields["Vary"] == "Origin"
