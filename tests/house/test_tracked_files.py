"""What lies in git: text, of this product alone, that holds on any machine."""

import hashlib
import os
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.house.conftest import ROOT

# By their hashes (the first 16 digits of SHA-256 of the host name): a list of them would be what it forbids.
REGISTRIES = {"a4aa2ac280bb8d1a", "c899567ee9068517", "9495278a74715c7e", "0dc11026ac75c015", "70bb4000cd2fab03"}
HOST = re.compile(r"\b(?:[a-z0-9-]+\.)+[a-z]{2,}\b")
INDEX_VARIABLES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "NPM_CONFIG_REGISTRY")
HERE = Path(__file__).relative_to(ROOT)


@pytest.fixture(scope="session")
def texts(tracked: list[Path]) -> dict[Path, str]:
    """Every tracked file but this one."""
    return {path: (ROOT / path).read_text(encoding="utf-8") for path in tracked if path != HERE}


def holding(texts: dict[Path, str], pattern: str) -> list[str]:
    found = ((path, re.search(pattern, text)) for path, text in texts.items())
    return [f"{path}: {match[0]}" for path, match in found if match]


def test_every_file_is_text(tracked: list[Path]) -> None:
    """Binaries cannot be reviewed, and stay in a clone for ever."""
    assert [path for path in tracked if b"\0" in (ROOT / path).read_bytes()] == []


def test_no_file_is_larger_than_a_reader_could_bear(tracked: list[Path]) -> None:
    large = [path for path in tracked if (ROOT / path).stat().st_size > 256 * 1024]
    assert [path for path in large if path.name != "constraints.txt"] == []


def test_no_file_knows_where_this_checkout_lies(texts: dict[Path, str]) -> None:
    places = [str(place) for place in {ROOT, ROOT.resolve(), Path.home()} if len(place.parts) > 2]
    assert holding(texts, "|".join(rf"{re.escape(place)}\b" for place in places) or r"(?!)") == []


def test_no_file_names_the_place_packages_are_taken_from(texts: dict[Path, str]) -> None:
    """Which mirror serves packages is each machine's own affair."""
    mirrors = {urlsplit(os.environ[name]).hostname for name in INDEX_VARIABLES if os.environ.get(name)}
    hosts = REGISTRIES | {_digest(host) for host in mirrors if host}
    named = {
        (str(path), host) for path, text in texts.items() for host in set(HOST.findall(text)) if _digest(host) in hosts
    }
    assert named == set()


def _digest(host: str) -> str:
    return hashlib.sha256(host.encode()).hexdigest()[:16]


def test_no_work_is_left_lying_about(texts: dict[Path, str]) -> None:
    code = {path: text for path, text in texts.items() if path.suffix in {".py", ".js", ".cjs", ".html", ".css"}}
    assert holding(code, r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b|^<{7} |^>{7} ") == []
