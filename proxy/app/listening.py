"""The sockets that visitors and operators connect to."""

import asyncio
import contextlib
import os
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any, Final

from aiohttp import web

from config.addresses import Listen
from proxy.app.gateway import Gateway
from proxy.app.lane import Lane
from proxy.app.redirect import to_https
from proxy.app.workers import Worker

BACKLOG: Final = 4096
_ANSWER: Final = 1.0
"""Seconds for an answer to an operator to finish at the end."""


class CannotListen(OSError):
    """A socket that visitors or operators are to connect to cannot be had."""


@contextlib.asynccontextmanager
async def redirecting(gateway: Gateway, addresses: Iterable[Listen], worker: Worker) -> AsyncIterator[None]:
    """Plain http beside TLS: open to everybody too, so the limits and deadlines of connections hold there as well."""
    app = to_https(lambda: gateway.gate.world.sites)
    lane = Lane(gate=gateway.gate, crowd=gateway.crowd, hsts=b"", app=app)
    await lane.start(gateway.plane.timeouts)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(lane.stop)
        stack.push_async_callback(cancelled, asyncio.create_task(lane.sweep()))
        for at in addresses:
            stack.callback((await listen(lane.protocol, "redirect_http", at, None, worker)).close)
        yield


async def listen(
    factory: Callable[[], asyncio.Protocol], setting: str, at: Listen, context: ssl.SSLContext | None, worker: Worker
) -> asyncio.Server:
    with _told(setting, at):
        loop = asyncio.get_running_loop()
        # The kernel spreads connections over the workers that share an address.
        shared = worker.shares or None
        return await loop.create_server(factory, at.host, at.port, ssl=context, backlog=BACKLOG, reuse_port=shared)


async def side(stack: contextlib.AsyncExitStack, app: web.Application, setting: str, at: Listen) -> None:
    """A small application on an address of its own."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_ANSWER)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    with _told(setting, at):
        await web.TCPSite(runner, at.host, at.port).start()


@contextlib.contextmanager
def _told(setting: str, at: Listen) -> Iterator[None]:
    """Say which address failed, and what to do about it."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        raise CannotListen(
            f"server.{setting}: nothing can listen on {at}: {reason}. Stop what uses it, or choose another address."
        ) from error


async def cancelled(task: "asyncio.Task[Any]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
