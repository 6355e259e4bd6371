"""The repository as git has it."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def tracked(needs) -> list[Path]:  # type: ignore[no-untyped-def]
    """Every file of the repository that is there, below its root."""
    command = [needs("git"), "-C", ROOT, "ls-files", "-z"]
    listed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    return [path for path in map(Path, listed.split("\0")) if path.name and (ROOT / path).is_file()]
