"""Dashboard 2: what its page is told about the visitor. For display alone: what comes back from it is never believed."""

import orjson
from aiohttp import web

from proxy.gate.identity import bearer, sso_groups
from proxy.inspection.desk import InspectionDesk
from proxy.inspection.exchange import Exchange, json_object, whole
from proxy.model.identity import Person


async def setup(desk: InspectionDesk, exchange: Exchange) -> web.StreamResponse:
    """GET _setup, with the visitor where templates and add-ons look for it; as it is where nobody is logged in."""
    user_id = exchange.verdict.principal.user_id
    person = desk.person(user_id) if user_id is not None else None
    if person is None or exchange.request.method != "GET":
        return await desk.carrier.carry(exchange)
    user = shown(exchange, person)
    fetched = await desk.carrier.fetch(exchange)
    told = json_object(fetched)
    if told is None:
        return whole(fetched, fetched.body)
    told["user"] = user
    socketio = told.get("socketio")
    if isinstance(socketio, dict):
        socketio["auth"] = {"user": user}
    return whole(fetched, orjson.dumps(told))


def shown(exchange: Exchange, person: Person) -> dict[str, object]:
    """The visitor in the shape of `msg._client.user`."""
    lease, caller, token = exchange.verdict.lease, exchange.caller, exchange.verdict.principal.token
    who = bearer(caller.gate.world.estate, person, lease.station, lease.decision.role, caller.address, token)
    return {
        "userId": who.user_id,
        "username": who.username,
        "email": who.email,
        "name": who.name,
        "image": who.image,
        "role": who.role,
        "tenant": who.tenant,
        "groups": who.groups,
        "tags": {name: list(values) for name, values in who.tags.items()},
        "SSOGroups": sso_groups(exchange.verdict.principal),
        "provider": "flowward",
        "ip": who.address,
    }
