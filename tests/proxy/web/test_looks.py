"""Looks as pages get them: whatever an organisation typed, no style, script or address of it is ever in a page."""

import base64
import re
from hashlib import sha256

import pytest

from proxy.model.access import Reason
from proxy.model.directory import Branding
from proxy.store import Image
from proxy.web import looks
from proxy.web.refusals import refusal
from proxy.web.render import Page

HOSTILE = [
    "</style><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "url(javascript:alert(1))",
    "red;} body{background:url(https://evil.example/x)}",
    "{{ 7 * 7 }}",
    "\u202egnp.exe",
]


def page_in(branding: Branding) -> tuple[Page, str]:
    page = refusal(Reason.NO_ACCESS, 403, home="https://gate.example").worn(looks.at_home(branding))
    return page, page.body.decode()


@pytest.mark.parametrize("value", HOSTILE)
def test_t_13_hostile_values_are_text_or_nothing(value: str) -> None:
    """Past the API, too: as if somebody had written them into the store."""
    page, text = page_in(Branding(product=value, logo=value, favicon=value, accent=value, background=value))
    plain, _ = page_in(Branding())
    assert re.findall(r"<(?:script|img|style|link)[ >]", text) == re.findall(
        r"<(?:script|img|style|link)[ >]", plain.body.decode()
    )
    assert "49" not in re.sub(r"[0-9a-f]{6}|base64,[^\"]*", "", text)
    assert all(address.startswith("data:image/svg+xml") for address in re.findall(r'src="([^"]*)"', text))
    policy = dict(page.headers)["Content-Security-Policy"]
    assert policy == dict(plain.headers)["Content-Security-Policy"], "neither is there a style of its own"


def test_the_policy_names_every_style_of_a_page_by_its_hash_and_no_other() -> None:
    page, text = page_in(Branding(accent="#aa0000", background="#ffeecc"))
    styles = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    hashes = [base64.b64encode(sha256(style.encode()).digest()).decode() for style in styles]
    allowed = re.search(r"style-src ([^;]*)", dict(page.headers)["Content-Security-Policy"])
    assert allowed is not None
    assert allowed[1].split() == [f"'sha256-{each}'" for each in hashes]
    assert len(styles) == 2


def test_a_name_stands_apart_from_what_is_beside_it() -> None:
    """A name that is written from right to left must not turn the words around it."""
    _, text = page_in(Branding(product="\u05e9\u05dc\u05d5\u05dd & Co"))
    assert "<bdi>\u05e9\u05dc\u05d5\u05dd &amp; Co</bdi>" in text


def test_home_fetches_pictures_from_itself_and_other_hosts_hold_them() -> None:
    key = "0" * 32
    page, text = page_in(Branding(logo=key, favicon=key))
    assert f'src="/-/branding/{key}"' in text
    assert f'href="/-/branding/{key}"' in text
    assert "img-src data: 'self';" in dict(page.headers)["Content-Security-Policy"]
    logo = Image(key=key, type="image/png", content=b"\x89PNG")
    elsewhere = page.worn(looks.elsewhere(Branding(logo=key), logo, None))
    assert b'src="data:image/png;base64,iVBORw=="' in elsewhere.body
    assert "img-src data:;" in dict(elsewhere.headers)["Content-Security-Policy"]


def test_without_pictures_of_its_own_an_organisation_has_the_mark_in_its_colour() -> None:
    _, text = page_in(Branding(product="Acme", accent="#ffcc00"))
    [mark] = re.findall(r'<img src="data:image/svg\+xml;base64,([^"]+)"', text)
    drawn = base64.b64decode(mark).decode()
    assert 'fill="#ffcc00"' in drawn
    assert "#0f766e" not in drawn
    assert 'stroke="#000000"' in drawn, "its lines can be seen on that"
    assert f'href="data:image/svg+xml;base64,{mark}"' in text


def test_a_logo_is_the_icon_where_there_is_no_other() -> None:
    _, text = page_in(Branding(logo="0" * 32))
    assert f'<link rel="icon" href="/-/branding/{"0" * 32}">' in text


def test_a_logo_alone_says_the_name_to_those_who_do_not_see_it() -> None:
    _, text = page_in(Branding(logo="0" * 32))
    assert 'alt="Flowward"' in text
    assert "<bdi>" not in text


def test_as_it_comes_there_is_one_style_and_no_picture_of_anybodys() -> None:
    _, text = page_in(Branding())
    assert text.count("<style>") == 1
    assert looks.at_home(Branding()) == looks.STOCK
