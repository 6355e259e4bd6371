"""What every operation has in common: tags, bodies, queries, methods, and problems that say what to do."""

import json

import pytest

from proxy.model.audit import AuditQuery, Event
from tests.proxy.web.api.house import House

SETTINGS = {
    "tenant_mode": False,
    "disable_all_users": False,
    "admin_data_access": "full",
    "switched_off": ["space:create"],
    "upstream_allow": [],
}


async def test_a_change_without_if_match_is_told_to_look_first(house: House) -> None:
    async with house.user("max") as user:
        answer = await user.call("PUT", "/me", {"name": "Maxim"})
        assert (answer.status, answer.code) == (428, "precondition_required")
        assert "If-Match" in str(answer.json["detail"])
        assert (await user.get("/me")).json["name"] == "Max"


async def test_of_two_who_change_the_same_only_who_saw_it_last_succeeds(house: House) -> None:
    async with house.user("ada") as ada, house.user("root") as root:
        tag = (await ada.get("/settings")).headers["ETag"]
        assert (await root.get("/settings")).headers["ETag"] == tag
        first = await ada.put("/settings", {**SETTINGS, "admin_data_access": "read"}, If_Match=tag)
        second = await root.put("/settings", {**SETTINGS, "tenant_mode": True}, If_Match=tag)
        assert (first.status, second.status, second.code) == (200, 412, "changed")
        assert first.headers["ETag"] == (await root.get("/settings")).headers["ETag"] != tag
        assert (await root.get("/settings")).json["admin_data_access"] == "read"
        assert (await root.put("/settings", SETTINGS, If_Match=f'"other", {first.headers["ETag"]}')).status == 200


@pytest.mark.parametrize("sent", ["W/{tag}", "{bare}", '"x"', ""])
async def test_a_weak_or_wrong_tag_matches_no_change(house: House, sent: str) -> None:
    """RFC 9110 section 13.1.1: If-Match compares strongly."""
    async with house.user("max") as user:
        tag = (await user.get("/me")).headers["ETag"]
        said = sent.format(tag=tag, bare=tag.strip('"'))
        assert (await user.put("/me", {"name": "Maxim"}, If_Match=said)).status == 412


async def test_who_has_another_username_afterwards_is_answered_all_the_same(house: House) -> None:
    async with house.user("ada") as ada:
        answer = await ada.put("/users/vic", {"username": "victor"})
        assert (answer.status, answer.json["username"]) == (200, "victor")
        assert (await ada.get("/users/victor")).headers["ETag"] == answer.headers["ETag"]


async def test_what_is_known_already_is_not_sent_again(house: House) -> None:
    async with house.user("max") as user:
        tag = (await user.get("/me")).headers["ETag"]
        again = await user.get("/me", If_None_Match=f'"other", W/{tag}')
        assert (again.status, again.text, again.headers["ETag"]) == (304, "", tag)
        assert (await user.get("/me", If_None_Match='"other"')).status == 200


async def test_a_07_the_same_once_more_is_no_change_and_not_on_record(house: House) -> None:
    async with house.user("ada") as ada:
        before = (await ada.get("/audit")).total
        for _ in range(2):
            assert (await ada.put("/settings", SETTINGS)).status == 200
        assert (await ada.get("/audit")).total == before
        assert (await ada.put("/settings", {**SETTINGS, "admin_data_access": "none"})).status == 200
        (event,) = (await ada.get("/audit?limit=1")).items
    assert event["event"] == "platform.settings.updated"
    assert event["body"] == {"updates": [{"key": "admin_data_access", "old": "full", "new": "none"}]}


async def test_everything_that_is_wrong_is_told_at_once(house: House) -> None:
    async with house.user("ada") as ada:
        body = {"username": "-", "name": "two\nlines", "admin": "yes", "color": "red", "memberships": {"acme": "king"}}
        answer = await ada.post("/users?color=red", body)
    assert (answer.status, answer.code) == (422, "invalid")
    assert set(answer.faults) == {"/username", "/name", "/admin", "/color", "/memberships/acme", "?color"}


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b'{"name": NaN}', 400),
        (b'{"name": "a", "name": "b"}', 400),
        (b"\xff", 400),
        (b"[" * 100_000, 400),
        (b"[]", 422),
        (b'"name"', 422),
        (b"{}", 422),
        (b'{"name": "a\\u0000b"}', 422),
        (b'{"name": "\\ud800"}', 422),
        (b'{"name": ' + b'"' + b"x" * 300 + b'"}', 422),
        (b'{"name": "' + b"x" * 1024 * 1024 + b'"}', 413),
    ],
    ids=lambda value: str(value)[:24],
)
async def test_a_body_that_cannot_be_taken_is_refused(house: House, raw: bytes, status: int) -> None:
    async with house.user("max") as user:
        answer = await user.put("/me", raw)
        assert answer.status == status, answer.text
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert (await user.get("/me")).json["name"] == "Max"


@pytest.mark.parametrize(
    ("sent", "least"),
    [
        ({"k" * 20_000: ["\u0001"] * 2000}, 50),
        ({"k" * 20_000: [2**60] * 2000}, 50),
        ({"~" * 300: {"/" * 300: {"\ud800" * 300: [0]}}}, 1),
        ({f"member{number}": 0 for number in range(4000)}, 50),
        ({f"member{number}": 0 for number in range(25_000)}, 1),
        ({"a": {"b" * 99: {"c" * 99: {"d" * 99: {"e" * 99: ["\u0001"] * 60}}}}}, 50),
        ({"username": "u" * 500_000, "password": 0}, 2),
    ],
    ids=["long name", "long name, numbers", "escaped", "members", "too many members", "deep", "long value"],
)
async def test_a_refusal_stays_small_whatever_was_sent(house: House, sent: object, least: int) -> None:
    async with house.nobody() as nobody:
        answer = await nobody.post("/auth/login", json.dumps(sent).encode())
    errors = answer.json["errors"]
    assert isinstance(errors, list)
    assert (answer.status, answer.code) == (422, "invalid")
    assert least <= len(errors) <= 50
    assert len(answer.text.encode()) < 100_000
    assert ("there are more" in str(answer.json["detail"])) is (least == 50)


async def test_a_query_of_many_names_is_refused_with_few_words(house: House) -> None:
    async with house.user("max") as user:
        answer = await user.get("/me?" + "&".join(f"n{number}" for number in range(1000)))
        assert (answer.status, len(answer.faults)) == (422, 50)
        assert (await user.get("/me?" + "a&" * 3000)).faults.keys() == {"?a"}


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1"]
)
async def test_a_body_of_another_type_is_refused(house: House, kind: str) -> None:
    """What a form of another site can send without asking first is never taken for JSON."""
    async with house.user("max") as user:
        assert (await user.put("/me", {"name": "X"}, Content_Type=kind)).status == 415
        assert (await user.put("/me", {"name": "X"}, Content_Encoding="gzip")).status == 415


async def test_a_body_where_none_belongs_is_refused(house: House) -> None:
    async with house.user("max") as user:
        assert (await user.call("GET", "/me", {"name": "X"})).status == 400
        assert (await user.post("/auth/logout", {"all": True})).status == 400
        assert (await user.get("/me")).status == 200


async def test_an_address_says_which_methods_it_takes(house: House) -> None:
    async with house.nobody() as nobody:
        answer = await nobody.call("PATCH", "/me")
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, PUT")
        assert (await nobody.call("OPTIONS", "/auth/login")).headers["Allow"] == "POST"


async def test_head_is_get_without_its_content(house: House) -> None:
    async with house.user("max") as user:
        head, got = await user.call("HEAD", "/me"), await user.get("/me")
    assert (head.status, head.text) == (200, "")
    assert head.headers["ETag"] == got.headers["ETag"]
    assert head.headers["Content-Length"] == got.headers["Content-Length"]


@pytest.mark.parametrize("path", ["/nothing", "/me/", "/users/../me/x", "", "/users/%00", "/users/" + "x" * 1001])
async def test_what_is_not_there_is_a_problem_even_for_a_browser(house: House, path: str) -> None:
    async with house.user("ada") as ada:
        answer = await ada.get(path, Sec_Fetch_Mode="navigate", Accept="text/html")
    assert (answer.status, answer.headers["Content-Type"]) == (404, "application/problem+json")


async def test_the_api_is_at_home_and_nowhere_else(house: House) -> None:
    async with house.user("max") as user:
        for host in ("line-3.localhost", "unknown.localhost"):
            for path in ("/-/api/v1/me", "/-/api/v1/openapi.json", "/-/api/v1/auth/login"):
                response = await user.visitor.request("GET", house.site.origin(host) + path)
                assert response.status == 404


async def test_a_query_is_read_strictly(house: House) -> None:
    async with house.user("ada") as ada:
        for query in ("limit=0", "limit=201", "limit=x", "limit=1&limit=2", "state=happy", "color=red", "query=%00"):
            answer = await ada.get(f"/users?{query}")
            assert (answer.status, list(answer.faults)) == (422, [f"?{query.partition('=')[0]}"]), query


@pytest.mark.parametrize("cursor", ["x", "WzEyXQ", "bnVsbA", "W10", "%2B", "WyJhIiwiYiIsImMiXQ", "W" * 400])
async def test_a_cursor_we_never_gave_is_refused(house: House, cursor: str) -> None:
    async with house.user("ada") as ada:
        answer = await ada.get(f"/users?cursor={cursor}")
    assert (answer.status, list(answer.faults)) == (422, ["?cursor"])


@pytest.mark.parametrize("limit", [1, 2, 7])
async def test_pages_hold_everybody_once_and_the_total_is_theirs(house: House, limit: int) -> None:
    async with house.user("ada") as ada:
        found: list[object] = []
        cursor: object = ""
        while cursor is not None:
            page = await ada.get(f"/users?limit={limit}&cursor={cursor}")
            found += [item["username"] for item in page.items]
            cursor = page.onward
            assert page.total == 7
            assert len(page.items) == limit or cursor is None
    assert found == ["ada", "dora", "max", "nora", "olga", "root", "vic"]


async def test_what_a_file_declares_is_read_only_and_the_file_is_named(house: House) -> None:
    async with house.user("ada") as ada:
        answer = await ada.put("/users/root", {"username": "root", "name": "Toor", "admin": True})
        assert (answer.status, answer.code) == (409, "declared_in_file")
        assert "estate.yaml" in str(answer.json["detail"])
        assert (await ada.delete("/users/root")).code == "declared_in_file"


async def test_what_was_sent_is_never_repeated_in_a_refusal(house: House) -> None:
    """It may be a secret: a password that is too long, for one."""
    secret = "hunter2-" * 30
    async with house.user("max") as user:
        answer = await user.put("/me/password", {"current": secret, "new": 7, secret: 1})
    assert answer.status == 422
    assert "hunter2" not in json.dumps([answer.faults[key] for key in answer.faults if "hunter2" not in key])


async def test_a_refusal_is_on_record_with_who_what_and_why(house: House) -> None:
    async with house.user("vic") as vic, house.user("ada") as ada:
        for _ in range(3):
            assert (await vic.get("/users")).status == 403
        now = house.running.gateway.gate.clock.wall()
        await house.running.gateway.auditing.refusals.flush(house.running.store.database, now)
        (event,) = (await ada.get("/audit?event=permission.denied")).items
    assert event["trigger"] == {"type": "user", "id": "u-vic", "name": "vic"}
    assert event["body"] == {"permission": "platform:users", "count": 3, "error": "no_access"}


async def refusals(house: House) -> dict[tuple[str, str], Event]:
    """What was refused, by who asked and why."""
    database, now = house.running.store.database, house.running.gateway.gate.clock.wall()
    await house.running.gateway.auditing.refusals.flush(database, now)
    found = (await database.events(AuditQuery(limit=100))).items
    denied = [each.event for each in found if each.event.event == "permission.denied"]
    return {(each.actor_name, each.error): each for each in denied}


async def test_a_08_a_token_that_is_not_good_is_on_record_with_its_id_and_owner(house: House) -> None:
    async with house.user("max") as user:
        soon = house.running.gateway.gate.clock.wall() + 60
        async with house.program(user, expires=soon) as program, house.program(user, networks=["10.0.0.0/8"]) as far:
            house.pass_(61)
            assert [(await each.get("/me")).status for each in (program, program, far)] == [401, 401, 403]
            program.token = program.token[:-6] + "AAAAAA"
            assert (await program.get("/me")).status == 401
        tokens = {each["id"] for each in (await user.get("/me/tokens")).items}
    found = await refusals(house)
    expired, elsewhere, unknown = (
        found["max", "credentials_wrong"],
        found["max", "token_scope"],
        found["", "credentials_wrong"],
    )
    assert {expired.token, elsewhere.token} == tokens
    assert (expired.actor, expired.source, dict(expired.body)) == ("u-max", "api", {"count": 2})
    assert (unknown.actor, unknown.token, dict(unknown.body)) == (None, None, {"count": 1})
    assert expired.address == elsewhere.address == unknown.address != ""


async def test_a_08_what_a_file_keeps_from_being_changed_is_on_record_as_refused(house: House) -> None:
    async with house.user("ada") as ada:
        assert (await ada.put("/spaces/acme", {"slug": "acme-2"})).code == "declared_in_file"
        event = (await refusals(house))["ada", "declared_in_file"]
        assert (event.scope_kind, dict(event.body)) == ("space", {"permission": "space:edit", "count": 1})
        assert (await ada.delete("/spaces/acme?preview=1")).status == 200
    assert sum(each.body["count"] for each in (await refusals(house)).values()) == 1  # type: ignore[misc]


async def test_a_08_what_another_page_had_a_browser_ask_for_is_on_record_as_refused(house: House) -> None:
    async with house.user("max") as user:
        assert (await user.put("/me", {"name": "X"}, Origin="https://evil.example")).status == 403
        user.csrf = "x"
        assert (await user.put("/me", {"name": "X"})).status == 403
    assert (await refusals(house)).keys() == {("max", "foreign_origin"), ("max", "csrf_missing")}
