"""Logging in and out through the API."""

from tests.peers.gateway import PASSWORD
from tests.proxy.web.api.house import House


async def test_a_login_opens_a_session_at_home(house: House) -> None:
    async with house.nobody() as nobody:
        answer = await nobody.post("/auth/login", {"username": "MAX@acme.example", "password": PASSWORD})
        assert answer.status == 200
        assert "HttpOnly" in answer.headers["Set-Cookie"]
        me = (await nobody.get("/me")).json
    assert (me["username"], me["csrf"]) == ("max", answer.json["csrf"])


async def test_every_wrong_login_reads_the_same_and_is_on_record(house: House) -> None:
    wrongs = [("max", "wrong-password"), ("nobody-at-all", PASSWORD), ("max@nowhere.example", "x")]
    async with house.nobody() as nobody, house.user("ada") as ada:
        answers = [await nobody.post("/auth/login", {"username": name, "password": text}) for name, text in wrongs]
        assert {(answer.status, answer.text) for answer in answers} == {(401, answers[0].text)}
        assert all("Set-Cookie" not in answer.headers for answer in answers)
        events = (await ada.get("/audit?event=account.login&query=credentials_wrong")).items
    assert [event["trigger"]["type"] for event in events] == ["nobody"] * 3  # type: ignore[index]


async def test_a_08_a_failed_login_is_on_record_with_its_code(house: House) -> None:
    async with house.nobody() as nobody, house.user("ada") as ada:
        await nobody.post("/auth/login", {"username": "max", "password": "wrong-password"})
        (event,) = (await ada.get("/audit?limit=1")).items
    assert event["event"] == "account.login"
    assert event["body"] == {"provider": "local", "error": "credentials_wrong", "user": {"id": "u-max"}}


async def test_the_form_and_the_api_share_one_limit(house: House) -> None:
    house.stop()
    async with house.nobody() as nobody:
        wrong = {"username": "max", "password": "wrong-password"}
        assert [(await nobody.post("/auth/login", wrong)).status for _ in range(5)] == [401] * 5
        answer = await nobody.post("/auth/login", wrong)
        assert (answer.status, answer.code) == (429, "too_many_requests")
        assert int(answer.headers["Retry-After"]) >= 1
        page = await nobody.visitor.log_in("max", f"{house.site.home}/")
        assert page.status == 429


async def test_a_way_in_that_is_not_there_is_named(house: House) -> None:
    async with house.nobody() as nobody:
        answer = await nobody.post("/auth/login", {"username": "max", "password": PASSWORD, "provider": "corp"})
    assert (answer.status, answer.code) == (409, "provider_unknown")


async def test_s_13_logging_out_ends_the_session_on_every_host(house: House) -> None:
    async with house.user("max") as user:
        kept = dict(user.visitor.cookies)
        assert (await user.post("/auth/logout")).status == 204
        user.visitor.cookies = kept
        assert (await user.get("/me")).status == 401


async def test_a_token_has_no_session_to_end(house: House) -> None:
    async with house.user("max") as user, house.program(user) as program:
        answer = await program.post("/auth/logout")
    assert (answer.status, answer.code) == (403, "interactive_session_required")
