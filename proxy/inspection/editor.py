"""The editor's own requests: who it is told to be, where it logs in and out, and what it says on its socket."""

import re
from dataclasses import replace
from enum import Enum, auto
from typing import Final
from urllib.parse import urlencode

import orjson
from aiohttp import web

from proxy.gate.verdict import Refusal
from proxy.inspection.desk import InspectionDesk
from proxy.inspection.exchange import Exchange, actor, json_object, refused, whole
from proxy.model.access import Reason
from proxy.model.audit import Event, Source
from proxy.nodered.permissions import editor_scopes
from proxy.nodered.surfaces import Surface
from proxy.services.audit import happened, on_resource, on_user
from proxy.store import StoreUnavailable

_NO_STORE: Final = {"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store"}
# Node-RED makes a regular expression of a topic and leaves braces in it as they are.
_TOPIC: Final = re.compile(r"[^{}]+")


async def settings(desk: InspectionDesk, exchange: Exchange) -> web.StreamResponse:
    """GET settings, with the visitor as its user, so that the editor locks what the gateway would refuse."""
    if exchange.request.method != "GET":
        return await desk.carrier.carry(exchange)
    user = _editor_user(desk, exchange)
    fetched = await desk.carrier.fetch(exchange)
    told = json_object(fetched)
    if told is None:
        return whole(fetched, fetched.body)
    told["user"] = user
    return whole(fetched, orjson.dumps(told))


def _editor_user(desk: InspectionDesk, exchange: Exchange) -> dict[str, object]:
    """The user in the shape that Node-RED tells its editor."""
    lease, user_id = exchange.verdict.lease, exchange.verdict.principal.user_id or ""
    place = lease.station.settings
    role = exchange.verdict.principal.reach(lease.decision.role)
    scopes = editor_scopes(role, protected=place.protected, min_edit_role=place.min_edit_role)
    person = desk.person(user_id)
    told: dict[str, object] = {"username": person.user.username if person else user_id, "permissions": scopes}
    if person is not None and person.user.image:
        told["image"] = person.user.image
    return told


def login(exchange: Exchange) -> web.Response:
    """GET auth/login: the way to our login page. With a living session that leads straight back, to new rights."""
    station = exchange.verdict.lease.station
    root = station.settings.admin_root.strip("/")
    path = station.prefix.decode("latin-1") + (f"/{root}/" if root else "/")
    redirect = "/-/login?" + urlencode({"next": path})
    told = {"type": "strategy", "autoLogin": True, "loginRedirect": redirect, "prompts": []}
    return web.Response(headers=_NO_STORE, body=orjson.dumps(told))


async def revoke(desk: InspectionDesk, exchange: Exchange) -> web.Response:
    """POST auth/revoke, the Logout of the editor's menu: the session ends everywhere. It is on record first."""
    session = exchange.verdict.principal.session
    if session is not None:
        try:
            await desk.record(_logout(desk, exchange, session.user_id))
            _let_leave(desk, exchange)
            await desk.sessions.end(session.id)
        except StoreUnavailable:
            return refused(Refusal(Reason.FACTS_UNAVAILABLE, 503), exchange)
        desk.wake()
    return web.Response(headers=_NO_STORE, body=orjson.dumps({"redirect": f"{desk.home}/-/logout?done"}))


def _let_leave(desk: InspectionDesk, exchange: Exchange) -> None:
    """The page that logs out goes to the goodbye by itself: its socket ends without sending it to the login instead."""
    for live in desk.live.of([exchange.verdict.principal.key]):
        if live.surface is Surface.COMMS:
            live.end(Reason.DRAINING)


def _logout(desk: InspectionDesk, exchange: Exchange, user_id: str) -> Event:
    by = replace(actor(exchange, desk.person), source=Source.UI)
    return happened("account.logout", at=exchange.caller.gate.clock.wall(), by=by, on=on_user(user_id), user=user_id)


def note_opened(desk: InspectionDesk, exchange: Exchange) -> Event:
    """Note that somebody has an editor open. Nobody waits for it: an editor opens its socket again at every hiccup."""
    lease, now = exchange.verdict.lease, exchange.caller.gate.clock.wall()
    scope = on_resource(lease.world.estate, lease.station.resource)
    event = happened("editor.opened", at=now, by=actor(exchange, desk.person), on=scope)
    desk.notes.note(event)
    return event


def note_closed(desk: InspectionDesk, exchange: Exchange, opened: Event) -> None:
    now = exchange.caller.gate.clock.wall()
    seconds = round(now - opened.at, 3)
    desk.notes.note(replace(opened, event="editor.closed", at=now, body={"seconds": seconds}))


class Says(Enum):
    """What an editor says on its socket."""

    TOKEN = auto()
    """A token of Node-RED's own, left over in the browser."""
    PLAIN = auto()
    """What every editor says."""
    WRITE = auto()
    """A message to a node or plugin: as good as a write."""
    NOTHING = auto()
    """What Node-RED would not understand, or choke on."""


def said(text: str) -> tuple[Says, str]:
    """What a message of an editor is, and how it goes on: written anew, so that the instance reads what was judged."""
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        return Says.NOTHING, ""
    match message:
        case {"auth": _}:
            return Says.TOKEN, ""
        case {"subscribe": topic}:
            return _says(Says.PLAIN, _harmless(topic), {"subscribe": topic})
        case {"unsubscribe": topic}:
            return _says(Says.PLAIN, _harmless(topic), {"unsubscribe": topic})
        case {"topic": str(topic), "data": data}:
            # Of these Node-RED takes members of `data` unseen; a failure there ends its process.
            ours = topic.startswith("multiplayer/")
            kind = Says.PLAIN if ours else Says.WRITE
            return _says(kind, not ours or isinstance(data, dict), {"topic": topic, "data": data})
        case _:
            return Says.NOTHING, ""


def _says(kind: Says, sound: bool, message: dict[str, object]) -> tuple[Says, str]:
    return (kind, orjson.dumps(message).decode()) if sound else (Says.NOTHING, "")


def _harmless(topic: object) -> bool:
    """Whether it is a topic one can subscribe to: Node-RED 5.0.7 ends its process over anything else."""
    return isinstance(topic, str) and _TOPIC.fullmatch(topic) is not None
