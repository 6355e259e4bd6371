"""How plugins reach the outside."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from auth_plugins import Unavailable
from proxy.web.outside import LONGEST, Outside


@pytest.fixture
async def provider() -> AsyncIterator[TestServer]:
    async def answer(request: web.Request) -> web.Response:
        match request.path:
            case "/long":
                return web.Response(body=bytes(LONGEST + 1))
            case "/away":
                raise web.HTTPFound("/")
            case _:
                return web.Response(body=await request.read(), headers={"X-Word": request.headers.get("X-Word", "")})

    application = web.Application(client_max_size=0)
    application.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(application) as server:
        yield server


async def test_an_answer_comes_back_whole_with_lower_case_names(provider: TestServer) -> None:
    async with ClientSession() as session:
        body = b"x" * 1_000_000
        answer = await Outside(session)("POST", str(provider.make_url("/")), headers={"X-Word": "please"}, body=body)
    assert (answer.status, answer.body, answer.headers["x-word"]) == (200, body, "please")


async def test_redirects_are_not_followed(provider: TestServer) -> None:
    async with ClientSession() as session:
        answer = await Outside(session)("GET", str(provider.make_url("/away")))
    assert (answer.status, answer.headers["location"]) == (302, "/")


async def test_what_is_too_long_or_not_there_is_unavailable(provider: TestServer, unused_tcp_port: int) -> None:
    async with ClientSession() as session:
        with pytest.raises(Unavailable, match="outside_too_long"):
            await Outside(session)("GET", str(provider.make_url("/long")))
        with pytest.raises(Unavailable, match="outside_unreachable"):
            await Outside(session)("GET", f"http://127.0.0.1:{unused_tcp_port}/")
