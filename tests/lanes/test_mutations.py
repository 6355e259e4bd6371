"""Mutated heads: none reaches an instance in a second meaning, and none makes the gateway answer with a 5xx."""

import asyncio
import random
import re
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest

from tests.lanes.stage import Stage, stage
from tests.lanes.test_identity import told
from tests.peers.answers import plain
from tests.peers.upstream import Upstream

PIECES = [
    b"\r\n",
    b"\r",
    b"\n",
    b"\0",
    b" ",
    b"\t",
    b":",
    b";",
    b",",
    b"\x0b",
    b"\x7f",
    b"\xff",
    b"%00",
    b"%2e%2e/",
    b"../",
    b"//",
    b"#",
    b"?",
    b"\\",
    b"chunked",
    b"gzip, ",
    b"0\r\n\r\n",
    b"\r\nContent-Length: 0",
    b"\r\nContent-Length: 7",
    b"\r\nTransfer-Encoding: chunked",
    b"\r\nTransfer-Encoding : chunked",
    b"\r\n Transfer-Encoding: chunked",
    b"\r\nConnection: X-Flowward-User, Host, Content-Length",
    b"\r\nX-Flowward-User: root",
    b"\r\nX_Flowward_User: root",
    b"\r\nRemote-User: root",
    b"\r\nHost: evil",
    b"\r\nUpgrade: websocket\r\nConnection: Upgrade",
    b"\r\nUpgrade: h2c",
    b"\r\nExpect: 100-continue",
    b"HTTP/1.0",
    b"HTTP/1.1",
    b"HTTP/9.9",
    b"\r\n\r\nGET /admin/flows HTTP/1.1\r\nHost: evil\r\n\r\n",
    b"GET http://evil/ HTTP/1.1",
]
SECRET = b"/admin/never"
"""What dora may not see, in the body of what she sends: it must not become a request of its own."""
STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})[ \r]")


def mutated(seed: random.Random, head: bytes) -> bytes:
    for _ in range(seed.randint(1, 3)):
        at, piece = seed.randrange(len(head)), seed.choice(PIECES)
        match seed.randrange(5):
            case 0:
                head = head[:at] + piece + head[at:]
            case 1:
                head = head[:at] + piece + head[at + len(piece) :]
            case 2:
                head = head[:at] + head[at + seed.randint(1, 8) :]
            case 3:
                head = head[:at] + head[at : at + seed.randint(1, 40)] + head[at:]
            case _:
                head = head[:at] + bytes([seed.randrange(256)]) + head[at + 1 :]
    return head


def original(seed: random.Random, gate: Stage, cookie: bytes) -> bytes:
    inner = gate.head(b"GET " + SECRET, cookie=cookie)
    kind = seed.randrange(4)
    if kind == 0:
        return gate.head(b"GET /api?x=1", b"Accept: */*", cookie=cookie)
    if kind == 1:
        return gate.head(b"POST /api", b"Content-Length: %d" % len(inner), cookie=cookie) + inner
    if kind == 2:
        coded = b"%x\r\n%b\r\n0\r\n\r\n" % (len(inner), inner)
        return gate.head(b"POST /api", b"Transfer-Encoding: chunked", cookie=cookie) + coded
    return gate.head(b"GET /dashboard", b"Connection: keep-alive", cookie=cookie)


async def one(gate: Stage, seed: random.Random, cookie: bytes) -> tuple[bytes, bytes]:
    """What was sent, and what came back until it was silent for a while or the gateway closed."""
    sent = mutated(seed, original(seed, gate, cookie))
    async with gate.line() as line:
        await line.send(sent)
        return sent, await line.quiet(seconds=0.25)


def first_segment(target: bytes) -> bytes:
    """As Express would come to match it; a mutation may well make another name of it, such as /adminmin."""
    path = unquote_to_bytes(target.partition(b"?")[0]).lower()
    return next(filter(None, path.split(b"/")), b"").partition(b";")[0]


def assert_one_meaning(instance: Upstream) -> None:
    """What the instance read is what the gate let pass for dora: no admin path, no other name, no other host."""
    for asked in instance.requests:
        assert asked.target.startswith(b"/"), asked.head
        assert first_segment(asked.target) != b"admin", asked.head
        assert asked.method not in (b"CONNECT", b"TRACE"), asked.head
        assert len(asked.values(b"Host")) == 1, asked.head
        framings = asked.values(b"Content-Length") + asked.values(b"Transfer-Encoding")
        assert len(framings) <= 1, asked.head
        names = told(asked)
        assert all(len(values) == 1 for values in names.values()), asked.head
        assert b"root" not in b"".join(b"".join(values) for values in names.values()), asked.head
        pairs = b";".join(asked.values(b"Cookie")).split(b";")
        assert not any(pair.strip().startswith(b"flowward=") for pair in pairs), asked.head
        assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|(?<!\r)\n", asked.head), asked.head


async def run(folder: Path, fast_lane: bool, count: int, start: int) -> None:
    async with stage(folder, plain(b"ok"), fast_lane=fast_lane) as (gate, instance):
        cookie = await gate.log_in("dora")
        for base in range(start, start + count, 20):
            batch = [one(gate, random.Random(number), cookie) for number in range(base, min(base + 20, start + count))]
            for sent, answer in await asyncio.gather(*batch):
                statuses = [int(status) for status in STATUS.findall(answer)]
                assert not [status for status in statuses if status >= 500 and status != 505], (sent, answer)
            assert_one_meaning(instance)
            instance.requests.clear()
        assert gate.running.gateway.traffic.refusals.get(("", "defect")) is None


async def test_mutated_heads_have_one_meaning_or_none(tmp_path: Path, fast_lane: bool) -> None:
    await run(tmp_path, fast_lane, 300, 0)


@pytest.mark.soak
@pytest.mark.timeout(3600)
async def test_twenty_thousand_mutated_heads_have_one_meaning_or_none(tmp_path: Path, fast_lane: bool) -> None:
    await run(tmp_path, fast_lane, 20_000, random.randrange(2**32))
