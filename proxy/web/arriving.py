"""Whoever has proven who they are comes this way, whichever way in it was: the second factor is asked for here."""

from aiohttp import web

from proxy.services.login import Target
from proxy.web.keys import Desk
from proxy.web.second_factor import interpose
from proxy.web.visitors import Proven, welcome


async def arrive(desk: Desk, request: web.Request, proven: Proven, target: Target | None) -> web.Response:
    """What is asked of them first, else they are logged in and go on."""
    return await interpose(desk, request, proven, target) or await welcome(desk, request, proven, target)
