"""A house with people in it, for every test of the pages."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.proxy.web import house as houses


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[houses.House]:
    async with houses.house(tmp_path) as opened:
        yield opened
