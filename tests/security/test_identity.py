"""Who an instance gets to know, and whom nobody can pass for."""

from pathlib import Path

from tests.lanes.stage import stage
from tests.peers.answers import plain


async def test_an_instance_is_not_told_who_strangers_are(tmp_path: Path, fast_lane: bool) -> None:
    """A public page of one tenant must not collect the names of everybody who has a login for another."""
    async with stage(tmp_path, plain(b"x"), fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        await line.send(gate.head(b"GET /open/x", cookie=await gate.log_in("nora")))
        assert (await line.response()).status == 200
        assert b"nora" not in instance.requests[0].head.lower()
        await line.send(gate.head(b"GET /open/x", cookie=await gate.log_in("dora")))
        assert (await line.response()).status == 200
        assert instance.requests[1].value(b"X-Flowward-User") == b"dora"
