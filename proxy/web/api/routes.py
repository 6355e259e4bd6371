"""The addresses of the API: every path of the table, its description, and 404 for all else below it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from proxy.model.access import Reason
from proxy.web.api.dispatch import Door, doors
from proxy.web.api.keys import Api
from proxy.web.api.openapi import description
from proxy.web.api.operation import BELOW
from proxy.web.api.refusing import Stop
from proxy.web.api.table import by_path
from proxy.web.keys import SITE

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def api_routes(api: Api) -> list[web.RouteDef]:
    """Every route below /-/api/."""
    found = [web.route("*", BELOW + path, _at_path(doors(api, operations))) for path, operations in by_path().items()]
    return [web.get(f"{BELOW}/openapi.json", _described()), *found, web.route("*", "/-/api/{rest:.*}", _nothing)]


def _at_path(found: Mapping[str, Door]) -> Handler:
    allowed = ", ".join(sorted({*found, *(["HEAD"] if "GET" in found else [])}))

    async def handle(request: web.Request) -> web.StreamResponse:
        if SITE not in request or not request[SITE].home:
            return Stop(404, Reason.NOT_FOUND).answer()
        door = found.get("GET" if request.method == "HEAD" else request.method)
        if door is None:
            detail = f"This address takes {allowed}."
            return Stop(405, "method_not_allowed", detail, fields={"Allow": allowed}).answer()
        return await door.handle(request)

    return handle


def _described() -> Handler:
    described: list[bytes] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        if SITE not in request or not request[SITE].home:
            return Stop(404, Reason.NOT_FOUND).answer()
        if not described:  # making it takes longer than others should wait, at the start and on the loop
            described.append(await asyncio.to_thread(description))
        return web.Response(body=described[0], content_type="application/json", headers={"Cache-Control": "no-cache"})

    return handle


async def _nothing(_: web.Request) -> web.StreamResponse:
    return Stop(404, Reason.NOT_FOUND).answer()
