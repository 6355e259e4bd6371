"""Events to a real HTTP server."""

import hmac
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import orjson
import pytest
from aiohttp import ClientSession, web

from proxy.model.audit import Event, Recorded
from proxy.services.audit_export import SinkGone
from proxy.services.audit_webhook import WebhookSink, signature
from proxy.web.outside import Outside

EVENTS = [Recorded(id=n, hash="ab", event=Event(event="account.login", at=1.0, actor_name="Ä")) for n in (1, 2)]


@dataclass(slots=True)
class Endpoint:
    status: int = 202
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    url: str = ""

    async def take(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.read())
        self.headers.append(dict(request.headers))
        return web.Response(status=self.status, headers={"Location": "/elsewhere"})


@asynccontextmanager
async def endpoint(there: Endpoint) -> AsyncIterator[Endpoint]:
    app = web.Application()
    app.add_routes([web.post("/in", there.take)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    there.url = f"http://127.0.0.1:{runner.addresses[0][1]}/in?index=a"
    try:
        yield there
    finally:
        await runner.cleanup()


@asynccontextmanager
async def sink(url: str, secret: bytes = b"") -> AsyncIterator[WebhookSink]:
    async with ClientSession() as client:
        yield WebhookSink(url=url, batch=10, fetch=Outside(client), now=lambda: 1_800_000_000.9, secret=secret)


async def test_events_are_posted_as_lines_of_json() -> None:
    async with endpoint(Endpoint()) as there, sink(there.url) as sending:
        await sending.send(EVENTS)
    assert [orjson.loads(line)["id"] for line in there.bodies[0].splitlines()] == [1, 2]
    assert there.headers[0]["Content-Type"] == "application/x-ndjson; charset=utf-8"
    assert "X-Flowward-Signature" not in there.headers[0]


async def test_whoever_shares_the_secret_can_tell_who_sent_it_and_when() -> None:
    async with endpoint(Endpoint()) as there, sink(there.url, b"shared") as sending:
        await sending.send(EVENTS)
    headers, body = there.headers[0], there.bodies[0]
    expected = hmac.new(b"shared", b"1800000000." + body, "sha256").hexdigest()
    assert headers["X-Flowward-Timestamp"] == "1800000000"
    assert headers["X-Flowward-Signature"] == f"sha256={expected}"


@pytest.mark.parametrize("status", [301, 400, 401, 413, 500, 503])
async def test_an_answer_that_is_not_2xx_means_that_it_did_not_take_them(status: int) -> None:
    async with endpoint(Endpoint(status=status)) as there, sink(there.url) as sending:
        with pytest.raises(SinkGone, match=f"it answered {status}"):
            await sending.send(EVENTS)


async def test_nobody_there_is_told() -> None:
    async with endpoint(Endpoint()) as there:
        pass
    async with sink(there.url) as sending:
        with pytest.raises(SinkGone, match="outside_unreachable"):
            await sending.send(EVENTS)


def test_a_receiver_written_as_the_page_shows_believes_what_is_genuine_and_fresh() -> None:
    page = Path(__file__).parents[3] / "docs" / "audit.md"
    shown: dict[str, object] = {}
    exec(page.read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0], shown)
    is_genuine = cast("Callable[[bytes, dict[str, str], bytes], bool]", shown["is_genuine"])
    fresh, old = signature(b"shared", str(int(time.time())), b"{}"), signature(b"shared", "1700000000", b"{}")
    assert is_genuine(b"shared", fresh, b"{}")
    assert not is_genuine(b"shared", fresh, b"{} ")
    assert not is_genuine(b"other", fresh, b"{}")
    assert not is_genuine(b"shared", old, b"{}")


def test_the_secret_is_not_in_what_a_log_would_show() -> None:
    async def fetch(*_: object, **__: object) -> object:
        return None

    made = WebhookSink(url="http://siem", batch=1, fetch=fetch, now=float, secret=b"shared")  # type: ignore[arg-type]
    assert "shared" not in repr(made)
