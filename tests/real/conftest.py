"""One Node-RED behind one gateway, and one browser, for all the tests of a file: both take seconds to start."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.conftest import Needs
from tests.peers import browser
from tests.peers.nodered import Programs
from tests.real.place import Place, place


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def line(node_red_programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """Editor below /admin, everything else at the top."""
    async with place(node_red_programs, tmp_path_factory.mktemp("line")) as where:
        yield where


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium(needs: Needs) -> AsyncIterator[browser.Chromium]:
    async with browser.chromium(needs(*browser.EXECUTABLES)) as started:
        yield started
