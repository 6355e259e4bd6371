"""Refusals as pages."""

import re

import pytest

from proxy.model.access import Reason, Role
from proxy.web.openings import Opening
from proxy.web.refusals import refusal

DASHBOARD_ONLY = Opening(
    id="r",
    name="Line 3 <b>",
    address="acme/plant/line-3",
    role="dashboard",
    dashboard="https://l3/dashboard",
    editor="",
)


def test_a_403_says_which_role_is_missing_and_what_may_be_opened_instead() -> None:
    """P-04: the editor's refusal names the dashboard."""
    page = refusal(
        Reason.ROLE_TOO_LOW,
        403,
        home="https://gate.example",
        user="Dan",
        role=Role.DASHBOARD,
        needed=Role.VIEWER,
        openings=(DASHBOARD_ONLY,),
    )
    text = page.body.decode()
    assert page.status == 403
    assert ">viewer<" in text
    assert ">dashboard<" in text
    assert 'href="https://l3/dashboard"' in text
    assert 'href="https://gate.example/-/logout"' in text
    assert "Editor" not in text


def test_names_are_escaped() -> None:
    page = refusal(Reason.NO_ACCESS, 403, home="https://gate.example", user="<script>", openings=(DASHBOARD_ONLY,))
    assert b"<script" not in page.body
    assert b"Line 3 &lt;b&gt;" in page.body


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_page_about_trouble_tries_again_by_itself(status: int) -> None:
    page = refusal(Reason.UPSTREAM_UNREACHABLE, status, home="https://gate.example")
    assert b'http-equiv="refresh" content="5"' in page.body
    assert dict(page.headers)["Retry-After"] == "5"


@pytest.mark.parametrize("status", [400, 403, 404, 429])
def test_other_pages_stay(status: int) -> None:
    assert b"refresh" not in refusal(Reason.NOT_FOUND, status, home="https://gate.example").body


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_page_that_fetches_nothing(reason: Reason) -> None:
    """An instance's host serves no files of the gateway, so a page is whole by itself."""
    page = refusal(reason, 403, home="https://gate.example")
    text = page.body.decode()
    assert not re.findall(r'(?:src|href)="(?!data:|https://gate\.example/)', text)
    assert "script" not in text
    policy = dict(page.headers)["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
