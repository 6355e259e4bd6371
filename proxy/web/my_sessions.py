"""`/-/sessions`: where somebody is logged in, since when, and from where; each can be ended, or all others at once."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from aiohttp import web

from proxy.model.identity import Session
from proxy.web.answers import see_other
from proxy.web.forms import STALE, form, made_here
from proxy.web.guards import at_home, own_form
from proxy.web.keys import Desk
from proxy.web.visitors import CHOOSE, Visitor, account_event, visitor

PATH: Final = "/-/sessions"
_OTHERS: Final = "others"
# In the order of who calls themselves like whom: Edge and Opera also say Chrome, and Chrome also says Safari.
_BROWSERS: Final = {
    "Edg": "Edge",
    "OPR": "Opera",
    "SamsungBrowser": "Samsung Internet",
    "Firefox": "Firefox",
    "FxiOS": "Firefox",
    "CriOS": "Chrome",
    "Chrome": "Chrome",
    "Safari": "Safari",
    "curl": "curl",
}
_SYSTEMS: Final = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A session as it is shown."""

    id: str
    device: str
    address: str
    provider: str
    since: str
    seen: str
    current: bool


async def show(desk: Desk, request: web.Request) -> web.Response:
    """GET: all of them."""
    at_home(request)
    somebody = await visitor(desk, request)
    if somebody is None:
        return see_other("/-/login")
    return see_other(CHOOSE) if somebody.person.user.password_expired else await _form(desk, request, somebody)


async def submit(desk: Desk, request: web.Request) -> web.Response:
    """POST: one ends, or all but this one; sockets and pages that were open with it close."""
    at_home(request)
    fields = await own_form(request)
    somebody = await visitor(desk, request)
    if somebody is None:
        return see_other("/-/login")
    if not made_here(desk, request, fields):
        return await _form(desk, request, somebody, status=403, problem=STALE)
    wanted = fields.get("end", "")
    found = await desk.sessions.of(somebody.person.user.id)
    own = somebody.session.id
    ending = [each for each in found if each.id == wanted or (wanted == _OTHERS and each.id != own)]
    if ending:
        body: dict[str, object] = {"sessions": len(ending)}
        await desk.database.record(account_event(desk, request, "user.session.revoked", somebody.person, body))
    for session in ending:
        await desk.sessions.end(session.id)
    return see_other(PATH)


async def _form(
    desk: Desk, request: web.Request, somebody: Visitor, *, status: int = 200, problem: str = ""
) -> web.Response:
    found = await desk.sessions.of(somebody.person.user.id)
    rows = [_row(desk, session, current=session.id == somebody.session.id) for session in found]
    return form(
        desk,
        request,
        "sessions.html",
        status=status,
        user=somebody.name,
        local=somebody.person.user.provider is None,
        rows=sorted(rows, key=lambda row: not row.current),
        others=_OTHERS,
        problem=problem,
    )


def _row(desk: Desk, session: Session, *, current: bool) -> Row:
    provider = next((each.title for each in desk.providers if each.name == session.provider), session.provider)
    return Row(
        id=session.id,
        device=device(session.agent),
        address=session.address,
        provider=provider,
        since=_time(session.created),
        seen="now" if current else _time(session.seen),
        current=current,
    )


def device(agent: str) -> str:
    """What somebody would call the device of a User-Agent; what it calls itself where nobody knows it."""
    browser = next((name for mark, name in _BROWSERS.items() if f"{mark}/" in agent), "")
    system = next((name for mark, name in _SYSTEMS.items() if mark in agent), "")
    if browser and system:
        return f"{browser} on {system}"
    first = re.split(r"[\s/(]", agent.strip(), maxsplit=1)[0]
    return browser or system or first[:40] or "An unknown program"


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
