"""The kit for tests keeps the promises of the real one."""

import pytest

from auth_plugins import Unavailable
from auth_plugins.testkit import Memory, Time, kit


async def test_a_vault_keeps_the_first_value_until_its_time_and_gives_it_once() -> None:
    time = Time()
    vault = Memory(time)
    assert await vault.put_new("a", "1", 10) == "1"
    assert await vault.put_new("a", "2", 10) == "1"
    assert await vault.take("a") == "1"
    assert await vault.take("a") is None
    await vault.put_new("a", "3", 10)
    time.now += 10
    assert await vault.put_new("a", "4", 10) == "4"
    time.now += 10
    assert await vault.take("a") is None


async def test_nothing_is_outside() -> None:
    with pytest.raises(Unavailable):
        await kit().fetch("GET", "https://idp.example")


async def test_offloaded_work_is_done() -> None:
    assert await kit().offload(divmod, 7, 2) == (3, 1)
