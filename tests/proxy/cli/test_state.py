"""The state moves from a file to a server, and whoever was known is known there."""

import asyncio
from pathlib import Path

import pytest

from tests.peers.postgresql import Postgresql
from tests.proxy.cli.conftest import Run


@pytest.fixture
def url(postgresql_server: Postgresql) -> str:
    return postgresql_server.url(asyncio.run(postgresql_server.new_database()))


def test_everybody_is_known_where_the_configuration_names_the_copy(run: Run, site: Path, url: str) -> None:
    run("apply")
    before = run("user", "list").stdout
    copied = run("state", "copy", "--to", url)
    assert copied.exit_code == 0
    assert ["user", "2"] in [line.split() for line in copied.stdout.splitlines()]
    assert "verifies" in copied.stdout
    (site / "flowward.yaml").write_text(f"estate: [estate.yaml]\nstate: {{database: '{url}'}}\n")
    assert run("user", "list").stdout == before
    assert run("apply").stdout == "Everything is as declared.\n"


def test_places_may_be_named_one_by_one_and_stand_in_files(run: Run, site: Path, url: str) -> None:
    """A URL may hold a password, which the list of processes would show."""
    run("apply")
    (site / "target").write_text(f"{url}\n")
    copied = run("state", "copy", "--from", f"sqlite:{site / 'var'}", "--to", f"file:{site / 'target'}")
    assert copied.exit_code == 0
    again = run("state", "copy", "--from", f"sqlite:{site / 'var'}", "--to", url)
    assert again.exit_code == 1
    assert "not empty" in again.stderr


@pytest.mark.parametrize("place", ["mysql://host/name", "var", "file:/nowhere/at/all"])
def test_a_place_that_is_none_is_refused(run: Run, place: str) -> None:
    refused = run("state", "copy", "--to", place)
    assert refused.exit_code == 2
    assert "'--to'" in refused.stderr
