"""Forms of the gateway's own pages: made for one browser, and taken from no other."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from proxy.access.password_rules import described
from proxy.model.identity import NOTHING
from proxy.services.login import HOP_LASTS
from proxy.web import render
from proxy.web.answers import answer
from proxy.web.guards import cookie_field
from proxy.web.keys import SENT, Desk

DIFFER: Final = "The two passwords differ. Please type both again."
STALE: Final = "This page was open for too long, or your browser refuses cookies. Please try again."


def form(
    desk: Desk,
    request: web.Request,
    template: str,
    *,
    status: int = 200,
    hidden: Mapping[str, str] | None = None,
    **context: object,
) -> web.Response:
    """A page with a form for this browser; `hidden` are fields that it sends besides."""
    hop = desk.logins.hop(cookie_field(request))
    fields = {"csrf": desk.logins.csrf(hop), **_going(request), **(hidden or {})}
    page = render.filled(template, {**context, "hidden_fields": fields}, status=status)
    return answer(page, [desk.logins.cookies.set(desk.logins.cookies.hop, hop, HOP_LASTS)])


def _going(request: web.Request) -> Mapping[str, str]:
    """Where somebody was going when they came by this form: its looks, and those of what follows it."""
    to = request.query.get("to", "") or request.get(SENT, NOTHING).get("to", "")
    return {"to": to} if to else {}


def made_here(desk: Desk, request: web.Request, fields: Mapping[str, str]) -> bool:
    """Whether what was sent comes from a form that was made for this browser."""
    return desk.logins.csrf_right(desk.logins.known_hop(cookie_field(request)), fields.get("csrf", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """What a form says of the password that is to be chosen."""

    shortest: int
    longest: int
    rule: str


def of_password(desk: Desk) -> Hint:
    rules = desk.accounts.rules().password
    return Hint(shortest=rules.min_length, longest=rules.max_length, rule=described(rules))


def message(title: str, *text: str, status: int = 200, link: str = "", link_text: str = "") -> web.Response:
    """A page that tells something, and where to go on."""
    page = render.page("message.html", status=status, title=title, text=text, link=link, link_text=link_text)
    return answer(page)
