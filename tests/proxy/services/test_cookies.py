"""Names and attributes of the gateway's cookies."""

import pytest

from proxy.services.cookies import Cookies, values


def test_s_01_over_https_the_name_makes_the_browser_hold_the_attributes() -> None:
    cookies = Cookies.of("https://gate.example")
    assert (cookies.session, cookies.hop) == ("__Host-flowward", "__Host-flowward-hop")
    assert cookies.set(cookies.session, "v", 60) == (
        "__Host-flowward=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
    )


def test_plain_http_on_localhost_does_without_prefix_and_secure() -> None:
    cookies = Cookies.of("http://localhost:8080")
    assert (cookies.session, cookies.hop) == ("flowward", "flowward-hop")
    assert cookies.set(cookies.hop, "v", 60) == "flowward-hop=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax"


def test_a_cookie_lasts_at_least_as_long_as_what_it_opens() -> None:
    cookies = Cookies.of("http://localhost:8080")
    assert "; Max-Age=60;" in cookies.set(cookies.session, "v", 59.1)
    assert "; Max-Age=1;" in cookies.set(cookies.session, "v", 0.2)


def test_removing_is_setting_for_no_time() -> None:
    assert "Max-Age=0" in Cookies.of("https://gate.example").remove("__Host-flowward")


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("", []),
        ("a=1", ["1"]),
        ("b=0; a=1;a=2 ;\ta=3", ["1", "2", "3"]),
        ("aa=1; xa=2; A=3", []),
        ("a=x=y", ["x=y"]),
        ("a", [""]),
        ("a=1; a=2; a=3; a=4; a=5", ["1", "2", "3", "4"]),
    ],
)
def test_cookies_of_a_name_are_found_among_others(header: str, found: list[str]) -> None:
    assert values(header, "a") == found
