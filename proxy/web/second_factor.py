"""What stands between a proven visitor and their session: a second factor, where one is asked for."""

from aiohttp import web

from proxy.services.login import Target
from proxy.web.keys import Desk
from proxy.web.visitors import Proven


async def interpose(desk: Desk, request: web.Request, proven: Proven, target: Target | None) -> web.Response | None:  # noqa: ARG001 - what a decision needs
    """The page that asks for it; None where the visitor may go on."""
    return None
