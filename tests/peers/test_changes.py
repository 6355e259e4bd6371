"""How a promised time is measured."""

import asyncio
import time

import pytest

from tests.peers.changes import promised


async def test_time_in_which_the_loop_stood_still_does_not_count() -> None:
    async with promised(0.3, room=0.0):
        time.sleep(0.6)  # noqa: ASYNC251 - that is how it stands still
        await asyncio.sleep(0.1)


async def test_time_in_which_it_ran_does() -> None:
    with pytest.raises(TimeoutError):
        async with promised(0.1, room=0.1):
            await asyncio.Event().wait()
