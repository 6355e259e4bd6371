"""The stand-in shows who is there, as a flow would, and trusts no markup in it."""

import json

from proxy.cli.standin import standin
from tests.peers.ports import free_port
from tests.peers.talk import Response, dial, request

ADA = [("X-Flowward-User", "ada"), ("X-Flowward-Name", "Ada <Lovelace>"), ("X-Flowward-Role", "owner")]


async def asked(path: str, *fields: tuple[str, str]) -> Response:
    port = free_port()
    async with standin(port), dial(port) as line:
        await line.send(request("GET", path, *fields))
        return await line.response()


async def test_the_dashboard_greets_by_name_and_escapes_it() -> None:
    page = (await asked("/dashboard/line-3", *ADA)).body.decode()
    assert "Hello, Ada &lt;Lovelace&gt;" in page
    assert "<dd>owner</dd>" in page


async def test_the_endpoint_tells_who_calls_as_the_demo_flow_does() -> None:
    told = json.loads((await asked("/api/hello?x=1", *ADA)).body)
    assert told == {"hello": "Ada <Lovelace>", "user": "ada", "role": "owner", "tenant": None}


async def test_the_public_hook_answers_a_visitor_that_nobody_knows() -> None:
    assert json.loads((await asked("/hooks/ping")).body) == {"pong": True}


async def test_what_only_node_red_has_is_not_found() -> None:
    assert (await asked("/flows")).status == 404


async def test_a_malformed_request_is_answered_and_does_no_harm() -> None:
    port = free_port()
    async with standin(port), dial(port) as line:
        await line.send(b"nonsense\r\n\r\n")
        assert (await line.response()).status == 404
