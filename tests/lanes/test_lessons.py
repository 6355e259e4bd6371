"""What others paid for: a parser that lets more pass, and trust in what a program calls itself."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from pathlib import Path

from tests.lanes.stage import Stage, stage
from tests.lanes.test_tokens import FORM, asked
from tests.peers.answers import plain
from tests.peers.gateway import Site, environment, estate
from tests.peers.talk import Response

AGENTS: Sequence[tuple[bytes, ...]] = [
    (),
    (b"User-Agent:",),
    (b"User-Agent: curl/8.5.0",),
    (b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",),
    (b"User-Agent: Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",),
    (b"User-Agent: GoogleHC/1.0",),
    (b"User-Agent: ELB-HealthChecker/2.0",),
    (b"User-Agent: kube-probe/1.31",),
    (b"User-Agent: flowward",),
    (b"User-Agent: root\xff\xfe",),
]  # fmt: skip
"""None at all, none by its name, a browser's, and those by which health checks and crawlers have been let past."""
PAGE = (b"Accept: text/html", b"Sec-Fetch-Mode: navigate", b"Sec-Fetch-Dest: document")
UPGRADE = (
    b"Connection: Upgrade",
    b"Upgrade: websocket",
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
FOREIGN = b"Origin: http://evil.example"
KINDS: Sequence[tuple[str, bytes, tuple[bytes, ...], int]] = [
    ("", b"GET /api", (), 401),
    ("", b"GET /api", (b"Authorization: Bearer fwp_made_up",), 401),
    ("", b"GET /dashboard/x", PAGE, 303),
    ("", b"GET /open/x", (), 200),
    ("", b"GET /-/health", (), 404),
    ("", b"GET /x/../admin/flows", (), 400),
    ("", b"GET /ws", (*UPGRADE, FOREIGN), 401),
    ("", b"GET /dashboard/socket.io/?EIO=4&transport=polling", (), 200),
    ("dora", b"GET /dashboard/x", PAGE, 200),
    ("dora", b"GET /admin/flows", (), 403),
    ("dora", b"GET /admin/", PAGE, 403),
    ("dora", b"POST /api", (*FORM, FOREIGN), 403),
    ("dora", b"GET /ws", (*UPGRADE, FOREIGN), 403),
    ("vic", b"GET /admin/flows", (), 200),
    ("vic", b"POST /admin/flows", FORM, 403),
    ("max", b"POST /admin/flows", FORM, 200),
]
"""Who asks, for what, with which fields, and what becomes of it."""


async def test_the_gateway_does_not_start_where_aiohttp_has_its_python_parser_alone(tmp_path: Path) -> None:
    """It says so before anybody can connect."""
    site = Site(tmp_path, estate([]))
    site.write()
    command = (sys.executable, "-m", "proxy.cli", "serve", "-c", str(site.path))
    without = {**environment(), "AIOHTTP_NO_EXTENSIONS": "1"}
    process = await asyncio.create_subprocess_exec(*command, env=without, stdout=PIPE, stderr=PIPE)
    try:
        async with asyncio.timeout(60):
            _, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 1, said
    assert b"flowward: aiohttp has no compiled parser here." in said


async def test_what_a_program_calls_itself_changes_no_verdict(tmp_path: Path, fast_lane: bool) -> None:
    """Nothing but User-Agent differs: the answer is the same, and so is what the instance is told of who asks."""
    async with stage(tmp_path, plain(b"{}"), fast_lane=fast_lane) as (gate, instance):
        cookies = {"": b"", "max": gate.cookie, "dora": await gate.log_in("dora"), "vic": await gate.log_in("vic")}
        for name, start, fields, status in KINDS:
            found = []
            for agent in AGENTS:
                before = len(instance.requests)
                answer = await _asked(gate, start, (*fields, *agent), cookies[name])
                told = [one.value(b"X-Flowward-User") for one in instance.requests[before:]]
                found.append((_verdict(answer), told))
            assert found[0][0][0] == status, start
            assert [each for each in found if each != found[0]] == [], start


async def _asked(gate: Stage, start: bytes, fields: tuple[bytes, ...], cookie: bytes) -> Response:
    body = b"{}" if fields[: len(FORM)] == FORM else b""
    return await asked(gate, start, *fields, cookie=cookie, body=body)


def _verdict(answer: Response) -> tuple[int, list[tuple[bytes, list[bytes]]], bytes]:
    """What was decided, and what it was told with; one-time values are new each time."""
    named = (b"Content-Type", b"WWW-Authenticate", b"Allow", b"Retry-After", b"Sec-WebSocket-Accept")
    body = answer.body if b"json" in (answer.value(b"Content-Type") or b"") else b""
    return answer.status, [(name, answer.values(name)) for name in named], body
