"""What the login page shows: one form at most, a button for every other way in, and the door for admins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from auth_plugins import Field, Form
from auth_plugins.registry import Provider
from auth_plugins.values import NOTHING
from proxy.services.login import HOP_LASTS, Target
from proxy.web import choosing, passkey_login, render
from proxy.web.answers import answer
from proxy.web.branding import ways_shown
from proxy.web.guards import at_further_home, cookie_field
from proxy.web.keys import SITE, TOWARDS, Desk

_ADDRESS: Final = Form(fields=(Field(name="username", label="E-mail", autocomplete="username"),))
"""Enough where a way in is found by the address alone."""
_FOR_ADMINS: Final = "This is for administrators. Use your password of this gateway, not that of a login provider."
_RETRY: Final = 5
_LONGEST: Final = 254
"""Characters of a typed value that are shown again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """How somebody came to the login page, and what they are told there."""

    target: Target | None
    local: bool = False
    """By the door for admins."""
    again: bool = False
    """To prove anew who they are."""
    hint: str = ""
    """A name or address they have typed already."""
    values: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    """What they sent; of it only what is no secret is shown again."""
    after_form: bool = False
    status: int = 200
    problem: str = ""
    refused: str = ""
    """Name of the way in that did not let them in: it is to ask anew who they are."""


def page(
    desk: Desk, request: web.Request, provider: Provider | None, door: Door, form: Form | None = None
) -> web.Response:
    """The page with a provider's form; without one with the field for an address, where that tells whose way in it is."""
    if form is None and choosing.by_domains(desk) and choosing.offered(desk):
        provider, form = None, _ADDRESS
    if door.target is not None:
        request[TOWARDS] = door.target
    shown_ways = ways_shown(desk, request)
    hop = desk.logins.hop(cookie_field(request))
    further = desk.sites().home.origin if at_further_home(desk.sites(), request) else ""
    going = door.target or (desk.logins.target(request[SITE], "/", hop) if further else None)
    to = desk.logins.seal(going) if going else ""
    site = desk.sites().find(door.target.host.encode()) if door.target else None
    fields = form.fields if form else ()
    shown = {"username": door.hint, **door.values} if door.hint else door.values
    typed = {each.name: shown.get(each.name, "")[:_LONGEST] for each in fields if each.kind == "text"}
    hidden = {"to": to, "csrf": desk.logins.csrf(hop), "with": provider.name if provider else ""}
    message = form.message if form else ""
    passkeys = passkey_login.offered(desk, hop)
    options = "" if further else passkeys
    rendered = render.form(
        "login.html",
        passkeys=bool(options),
        passkey_options=options,
        status=door.status,
        target=" ".join(filter(None, (site.origin if site else "", further))),
        retry_after=_RETRY if door.status == 503 else 0,
        fields=fields,
        button="Log in" if provider else "Go on",
        by_address=choosing.by_domains(desk)
        and not door.local
        and provider in (None, choosing.first(desk, shown_ways)),
        message=_FOR_ADMINS if door.local else message,
        problem=door.problem,
        values=typed,
        focus=next((each.name for each in fields if not typed.get(each.name)), ""),
        going_to=site.name if site else "",
        own_accounts=provider is None or provider.plugin.local_accounts,
        going=f"?{urlencode({'to': to})}" if to else "",
        sign_up=desk.self_help.sign_up.open,
        hidden_fields=hidden | ({"local": "1"} if door.local else {}),
        others=[*_others(desk, shown_ways, provider, door, to), *_at_home(further if passkeys else "", to)],
        admins_door="" if door.local else _admins_door(desk, to),
        usual_door="/-/login?" + urlencode({"to": to}) if door.local else "",
    )
    return answer(rendered, [desk.logins.cookies.set(desk.logins.cookies.hop, hop, HOP_LASTS)])


def _others(
    desk: Desk, shown: Sequence[str], provider: Provider | None, door: Door, to: str
) -> list[Mapping[str, str]]:
    found = [each for each in choosing.offered(desk, shown) if each is not provider]
    return [{"title": each.title, "address": _address(each, to, again=each.name == door.refused)} for each in found]


def _at_home(home: str, to: str) -> list[Mapping[str, str]]:
    """The way in that only the first home has: passkeys are made for its name."""
    return [{"title": "a passkey", "address": f"{home}/-/login?{urlencode({'to': to})}"}] if home else []


def _address(provider: Provider, to: str, *, again: bool) -> str:
    return "/-/login?" + urlencode({"with": provider.name, "to": to} | ({"again": "1"} if again else {}))


def _admins_door(desk: Desk, to: str) -> str:
    """Where admins get in by a password though others may not; empty where everybody may."""
    needed = desk.local not in desk.providers or choosing.by_domains(desk)
    return "/-/login?" + urlencode({"local": "1", "to": to}) if needed else ""
