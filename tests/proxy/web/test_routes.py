"""Which of the gateway's addresses exist where."""

import json

import pytest

from tests.proxy.web.house import HOME, LINE_3, House


@pytest.mark.parametrize("path", ["/-/", "/-/me", "/-/activate/x", "/-/console/", "/-/api/v1/users", "/-/static/x"])
async def test_an_instances_host_answers_nothing_but_the_ways_in_and_out(house: House, path: str) -> None:
    assert (await house.browser().get(LINE_3 + path)).status == 404


async def test_keys_are_on_every_host_and_kept_for_a_short_while(house: House) -> None:
    for host in (HOME, LINE_3, "https://unknown.example"):
        answer = await house.browser().get(f"{host}/-/jwks.json")
        assert (answer.status, json.loads(answer.text)) == (200, {"keys": []})
        assert answer.headers["Cache-Control"] == "public, max-age=60"


async def test_the_loopback_address_leads_to_the_public_url(house: House) -> None:
    answer = await house.browser().get("http://127.0.0.1:8080/-/login?to=x")
    assert (answer.status, answer.location) == (303, f"{HOME}/-/login?to=x")
    assert (await house.browser().get("http://127.0.0.1//evil.example/")).location == f"{HOME}//evil.example/"
    assert (await house.browser().post("http://127.0.0.1/-/login", {})).status == 404


async def test_an_unknown_host_is_nobody(house: House) -> None:
    answer = await house.browser().get("https://unknown.example/-/login")
    assert answer.status == 404
    assert "Nothing is at this address" in answer.text


async def test_a_script_reads_problems_and_a_person_pages(house: House) -> None:
    browser = house.browser()
    page = await browser.get(f"{HOME}/-/nothing")
    problem = await browser.get(f"{HOME}/-/nothing", Sec_Fetch_Mode="cors")
    assert page.headers["Content-Type"].startswith("text/html")
    assert problem.headers["Content-Type"] == "application/problem+json"
    assert json.loads(problem.text)["code"] == "not_found"


async def test_a_store_that_is_away_is_503_and_nobody_is_let_in(house: House) -> None:
    browser = house.browser()
    await browser.log_in("ada")
    house.store_goes_away()
    answer = await browser.get(HOME + "/")
    assert answer.status == 503
    assert "Retry-After" in answer.headers
