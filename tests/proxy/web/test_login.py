"""The login page at home."""

import re
from base64 import b64encode
from hashlib import sha256

import pytest

from proxy.model.audit import AuditQuery, Event
from tests.proxy.web.house import HOME, LINE_3, PASSWORD, Answer, Browser, House, query

SESSION, HOP = "__Host-flowward", "__Host-flowward-hop"


async def test_a_right_password_leads_to_the_launcher(house: House) -> None:
    browser = house.browser()
    answer = await browser.log_in("ada")
    assert (answer.status, answer.location) == (303, "/")
    assert "Your instances" in (await browser.get(HOME + "/")).text


async def test_an_email_will_do_and_case_does_not_matter(house: House) -> None:
    assert (await house.browser().log_in("ADA@acme.example")).status == 303


async def test_the_session_cookie_is_bound_to_the_host_and_out_of_reach_of_scripts(house: House) -> None:
    answer = await house.browser().log_in()
    (cookie,) = answer.set_cookies
    name, _, attributes = cookie.partition("=")
    assert name == SESSION
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(attributes.split("; "))
    assert "Domain" not in cookie


async def test_only_the_hash_of_a_cookie_is_kept(house: House) -> None:
    browser = house.browser()
    await browser.log_in()
    value = browser.jars["gate.example"][SESSION]
    found = await house.desk.sessions.open(value, "gate.example")
    assert found is not None
    assert value not in str(found)
    assert sha256(value.encode()).hexdigest() not in str(found)


REFUSED = ["wrong password", "nobody", "suspended", "pending", "other provider's", "too long", "empty"]


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("ada", "wrong"),
        ("nobody", PASSWORD),
        ("sue", PASSWORD),
        ("pia", PASSWORD),
        ("leo", PASSWORD),
        ("ada", PASSWORD + "x" * 120),
        ("", ""),
    ],
    ids=REFUSED,
)
async def test_every_refusal_reads_the_same(house: House, username: str, password: str) -> None:
    browser = house.browser()
    answer = await browser.log_in(username, password)
    assert answer.status == 403
    assert "Wrong username or password." in answer.text
    assert SESSION not in browser.jars["gate.example"]


async def test_what_was_typed_as_username_is_kept_and_escaped_but_the_password_is_not(house: House) -> None:
    answer = await house.browser().log_in('"><b>', "hunter2-hunter2")
    assert "&#34;&gt;&lt;b&gt;" in answer.text
    assert "hunter2" not in answer.text


async def test_the_sixth_attempt_within_half_a_minute_has_to_wait(house: House) -> None:
    browser = house.browser()
    page = await browser.get(f"{HOME}/-/login")
    assert [(await browser.submit(page, "ada", "wrong")).status for _ in range(5)] == [403] * 5
    answer = await browser.submit(page, "ada", PASSWORD)
    assert (answer.status, answer.headers["Retry-After"]) == (429, "6")
    assert SESSION not in browser.jars["gate.example"]
    house.time.now += 6
    assert (await browser.submit(page, "ada", PASSWORD)).status == 303


async def test_somebody_elses_attempts_make_nobody_wait(house: House) -> None:
    attacker = house.browser(address="198.51.100.7")
    page = await attacker.get(f"{HOME}/-/login")
    for _ in range(6):
        await attacker.submit(page, "ada", "wrong")
    assert (await attacker.submit(page, "dan", PASSWORD)).status == 303, "another account"
    assert (await house.browser().log_in("ada")).status == 303, "another address"


async def test_s_02_r_55_a_forged_forwarded_address_does_not_start_the_count_anew(house: House) -> None:
    browser = house.browser()
    page = await browser.get(f"{HOME}/-/login")
    answers = [await browser.submit(page, "ada", "wrong", X_Forwarded_For=f"10.0.0.{at}") for at in range(6)]
    assert answers[-1].status == 429


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": LINE_3},
        {"Origin": "null"},
        {"Origin": "http://gate.example"},
        {"Origin": "", "Sec_Fetch_Site": "same-site"},
        {"Origin": "", "Sec_Fetch_Site": "cross-site"},
    ],
    ids=str,
)
async def test_a_form_of_another_origin_is_refused(house: House, headers: dict[str, str]) -> None:
    """Sibling hosts are same-site: the Lax cookies come along, so the origin has to be looked at."""
    browser = house.browser()
    page = await browser.get(f"{HOME}/-/login")
    assert (await browser.submit(page, **headers)).status == 403
    assert SESSION not in browser.jars["gate.example"]


@pytest.mark.parametrize("headers", [{}, {"Origin": "", "Sec_Fetch_Site": "same-origin"}, {"Origin": ""}], ids=str)
async def test_a_form_of_our_own_is_taken(house: House, headers: dict[str, str]) -> None:
    browser = house.browser()
    assert (await browser.submit(await browser.get(f"{HOME}/-/login"), **headers)).status == 303


@pytest.mark.parametrize("csrf", ["", "0" * 64, "é"])
async def test_a_form_without_its_own_csrf_value_is_shown_again(house: House, csrf: str) -> None:
    browser = house.browser()
    await browser.get(f"{HOME}/-/login")
    fields = {"username": "ada", "password": PASSWORD, "csrf": csrf}
    answer = await browser.post(f"{HOME}/-/login", fields)
    assert answer.status == 403
    assert "open for too long" in answer.text


async def test_a_csrf_value_of_another_browser_is_worth_nothing(house: House) -> None:
    foreign = (await house.browser().get(f"{HOME}/-/login")).hidden("csrf")
    browser = house.browser()
    await browser.get(f"{HOME}/-/login")
    fields = {"username": "ada", "password": PASSWORD, "csrf": foreign}
    assert (await browser.post(f"{HOME}/-/login", fields)).status == 403


async def test_a_login_makes_a_new_session_and_ends_the_one_before(house: House) -> None:
    browser = house.browser()
    await browser.log_in("ada")
    before = browser.jars["gate.example"][SESSION]
    await browser.submit(await _form_of_another_tab(browser), "dan")
    after = browser.jars["gate.example"][SESSION]
    assert after != before
    assert await house.desk.sessions.open(before, "gate.example") is None
    assert await house.desk.sessions.open(after, "gate.example") is not None


async def _form_of_another_tab(browser: Browser) -> Answer:
    """The login form as it still shows in a second tab after the first has logged in."""
    jar = browser.jars["gate.example"]
    kept = jar.pop(SESSION)
    page = await browser.get(f"{HOME}/-/login")
    jar[SESSION] = kept
    return page


async def test_a_session_id_chosen_by_somebody_else_is_never_taken_over(house: House) -> None:
    browser = house.browser()
    browser.jars["gate.example"] = {SESSION: "A" * 43}
    await browser.log_in()
    assert browser.jars["gate.example"][SESSION] != "A" * 43


async def test_a_store_that_is_away_is_no_wrong_password(house: House) -> None:
    browser = house.browser()
    page = await browser.get(f"{HOME}/-/login")
    house.store_goes_away()
    answers = [await browser.submit(page) for _ in range(7)]
    assert {answer.status for answer in answers} == {503}, "and none of them counts as an attempt"
    assert "Retry-After" in answers[0].headers


async def test_the_page_runs_one_script_by_its_hash_and_names_the_one_host_it_may_lead_to(house: House) -> None:
    browser = house.browser()
    step = await browser.get(LINE_3 + "/dashboard")
    page = await browser.get(step.location)
    (script,) = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
    assert page.text.count("<script") == 1
    assert page.directive("script-src") == f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'"
    assert page.directive("default-src") == "'none'"
    assert page.directive("form-action") == f"'self' {LINE_3}"
    assert page.directive("frame-ancestors") == "'none'"
    assert page.directive("base-uri") == "'none'"
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Referrer-Policy"] == "same-origin", "none at all makes browsers send Origin: null"


async def test_a_target_that_is_not_ours_is_forgotten(house: House) -> None:
    browser = house.browser()
    page = await browser.get(f"{HOME}/-/login?to=eyJhbGciOiJub25lIn0.e30.")
    assert page.directive("form-action") == "'self'"
    assert (await browser.submit(page)).location == "/"


async def test_somebody_who_is_logged_in_sees_no_form(house: House) -> None:
    browser = house.browser()
    await browser.log_in()
    assert (await browser.get(f"{HOME}/-/login")).location == "/"
    step = await browser.get(LINE_3 + "/dashboard")
    assert (await browser.get(step.location)).location.startswith(f"{LINE_3}/-/enter?code=")


async def test_an_instances_host_shows_no_form_and_leads_home(house: House) -> None:
    browser = house.browser()
    answer = await browser.get(f"{LINE_3}/-/login?next=/admin/")
    assert answer.location.startswith(f"{HOME}/-/login?to=")
    target = house.desk.logins.unseal(query(answer.location, "to"))
    assert target is not None
    assert (target.host, target.path) == ("line-3.example", "/admin/")
    assert (await browser.post(f"{LINE_3}/-/login", {"username": "ada", "password": PASSWORD})).status == 404


async def test_the_login_of_an_instance_bounces_back_while_its_session_lives(house: House) -> None:
    browser = house.browser()
    step = await browser.get(LINE_3 + "/admin/")
    url, _ = await browser.follow(await browser.log_in(to=query(step.location, "to")))
    assert url == LINE_3 + "/admin/"
    assert (await browser.get(f"{LINE_3}/-/login?next=/admin/")).location == LINE_3 + "/admin/"
    assert (await browser.get(f"{LINE_3}/-/login?next=//evil.example")).location == LINE_3 + "/"


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"username=" + b"a" * 20_000, "application/x-www-form-urlencoded", 413),
        (b'{"username":"ada"}', "application/json", 415),
        (b"username=\xff%ff&csrf=\xfe", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"a=1" for _ in range(40)), "application/x-www-form-urlencoded", 400),
    ],
    ids=["large", "json", "not text", "many fields"],
)
async def test_what_is_no_form_of_ours_is_not_read(house: House, body: bytes, content_type: str, status: int) -> None:
    headers = {"Host": "gate.example", "Content-Type": content_type}
    url = f"http://127.0.0.1:{house.port}/-/login"
    async with house.client.post(url, data=body, headers=headers) as response:
        assert response.status == status


async def _events(house: House) -> list[Event]:
    return [each.event for each in (await house.desk.database.events(AuditQuery(events=("account.login",)))).items]


async def test_a_login_that_failed_is_on_record_with_its_code_and_whose_account_it_was(house: House) -> None:
    """A-08."""
    await house.browser(address="192.0.2.7").log_in("ADA@acme.example", "wrong")
    [event] = await _events(house)
    assert (event.error, event.user, event.actor, event.actor_name) == ("credentials_wrong", "u-ada", None, "ada")
    assert (event.address, event.within, dict(event.body)) == ("192.0.2.7", ("u-ada",), {"provider": "local"})


async def test_what_was_typed_as_a_name_that_nobody_has_is_not_on_record(house: House) -> None:
    """A-10: it may be a password in the wrong field."""
    await house.browser().log_in("my secret canary", "wrong")
    [event] = await _events(house)
    assert (event.error, event.actor_name, event.user, event.scope_kind) == ("credentials_wrong", "", None, "platform")
    assert "canary" not in repr(event)


async def test_attempts_that_have_to_wait_write_nothing(house: House) -> None:
    """However many there are, an address causes no more writes than it has attempts."""
    for _ in range(9):
        await house.browser().log_in("ada", "wrong")
    assert len(await _events(house)) == 5


async def test_a_failed_login_is_not_answered_where_it_cannot_be_put_on_record(house: House) -> None:
    browser = house.browser()
    page = await browser.get(f"{HOME}/-/login")
    house.outages[0].away = True
    assert (await browser.submit(page, "ada", "wrong")).status == 503
