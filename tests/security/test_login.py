"""What comes with a login must not break it."""

import re
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.lanes.stage import stage
from tests.peers.answers import plain
from tests.peers.gateway import PASSWORD


@pytest.mark.parametrize(("username", "status"), [(b"max", 303), (b"max\xff", 403), (b"m\x00ax", 403)])
async def test_no_byte_of_a_login_is_a_defect(tmp_path: Path, fast_lane: bool, username: bytes, status: int) -> None:
    async with stage(tmp_path, plain(b"x"), fast_lane=fast_lane) as (gate, _):
        home = f"localhost:{gate.site.port}".encode()
        async with gate.line() as line:
            await line.send(gate.head(b"GET /-/login", host=home, cookie=b""))
            page = await line.response()
        hop = (page.value(b"Set-Cookie") or b"").partition(b";")[0]
        hidden = dict(re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page.body.decode()))
        form = urlencode({**hidden, "username": username, "password": PASSWORD}).encode()
        fields = (
            b"Content-Type: application/x-www-form-urlencoded",
            b"Content-Length: %d" % len(form),
            b"User-Agent: \xff\xfe",
        )
        async with gate.line() as line:
            await line.send(gate.head(b"POST /-/login", *fields, host=home, cookie=hop) + form)
            assert (await line.response()).status == status
