"""A folder with a configuration, and the command line run in this process."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from proxy.cli.commands import flowward
from tests.peers.state import PATIENCE

ESTATE = """
spaces:
  - {slug: acme, kind: team}
users:
  - {username: ada, memberships: {acme: owner}, password: {file: ada.password}}
  - {username: root, admin: true, link: activation}
applications:
  - {slug: plant, space: acme}
instances:
  - {slug: line-3, application: acme/plant, hosts: [line-3.localhost], upstream: "http://127.0.0.1:1880"}
"""

Run = Callable[..., Result]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with flowward.yaml, estate.yaml and the password it names."""
    (tmp_path / "flowward.yaml").write_text(f"estate: [estate.yaml]\nstate: {{timeout: {PATIENCE}}}\n")
    (tmp_path / "estate.yaml").write_text(ESTATE)
    (tmp_path / "ada.password").write_text("correct horse battery\n")
    return tmp_path


@pytest.fixture
def run(site: Path) -> Run:
    """`run("user", "list")`: a command on the configuration of `site`."""

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(flowward, [*arguments, "-c", str(site / "flowward.yaml")], catch_exceptions=False)

    return invoke
