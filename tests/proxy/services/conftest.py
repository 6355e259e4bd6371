"""Where the state of a test is kept: in SQLite, and again in PostgreSQL."""

import asyncio
from pathlib import Path

import pytest

from tests.peers.postgresql import Postgresql


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path)
    server: Postgresql = request.getfixturevalue("postgresql_server")
    return server.url(asyncio.run(server.new_database()))
