"""Expensive work beside the loop."""

import asyncio
import os
import threading

import pytest

from auth_plugins import Unavailable
from proxy.services.offload import Busy, Offload


async def test_work_is_done_beside_the_loop_by_one_nice_thread() -> None:
    offload = Offload()
    first = await offload(threading.get_native_id)
    second = await offload(threading.get_native_id)
    nice = await offload(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
    offload.close()
    assert first == second != threading.get_native_id()
    assert nice == 19
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) < 19


async def test_what_the_work_raises_comes_back() -> None:
    offload = Offload()
    with pytest.raises(ZeroDivisionError):
        await offload(divmod, 1, 0)
    offload.close()


async def test_a_full_queue_refuses_at_once() -> None:
    offload, gate = Offload(limit=1), threading.Event()

    async def second() -> None:
        with pytest.raises(Busy):
            await offload(int)
        gate.set()

    async with asyncio.TaskGroup() as both:
        both.create_task(offload(gate.wait, 10))
        both.create_task(second())
    assert await offload(int) == 0, "and takes work again when there is room"
    offload.close()


def test_being_busy_is_no_wrong_password() -> None:
    assert issubclass(Busy, Unavailable)
