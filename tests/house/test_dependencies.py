"""constraints.txt pins, with hashes, everything pyproject.toml asks for, and nothing about where to get it."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.house.conftest import ROOT

TEXT = (ROOT / "constraints.txt").read_text()
BLOCKS = [block for block in re.split(r"^(?=[A-Za-z0-9])", TEXT, flags=re.MULTILINE) if block[:1].isalnum()]
PINS: dict[str, list[str]] = {}
for block in BLOCKS:
    pinned = Requirement(block.partition("\\")[0].partition("#")[0].strip())
    PINS.setdefault(canonicalize_name(pinned.name), []).append(str(pinned.specifier).removeprefix("=="))


def asked() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["project"]["optional-dependencies"].values()
    wanted = project["build-system"]["requires"] + project["project"]["dependencies"]
    return sorted({*wanted, *(each for group in groups for each in group)})


@pytest.mark.parametrize("wanted", asked())
def test_what_is_asked_for_is_pinned_to_a_version_that_will_do(wanted: str) -> None:
    requirement = Requirement(wanted)
    versions = PINS.get(canonicalize_name(requirement.name), [])
    assert versions
    assert all(requirement.specifier.contains(Version(version)) for version in versions)


def test_every_pin_has_its_hashes() -> None:
    assert [block.split()[0] for block in BLOCKS if "--hash=sha256:" not in block] == []


def test_no_line_says_where_packages_are_to_be_had() -> None:
    assert (
        re.findall(
            r"^\s*(?:-i\b|--(?:extra-)?index|--find-links|--trusted-host).*|https?://\S+|\s@\s", TEXT, re.MULTILINE
        )
        == []
    )
