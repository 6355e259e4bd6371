from pathlib import Path

import pytest

from config.load import load, load_estate
from config.problems import ConfigurationError
from tests.config.conftest import Loaded, Told


def test_every_problem_of_every_file_is_told_at_once(told: Told) -> None:
    problems = told(
        "server: {lissten: []}\nlog: {level: loud}\nlog: {}\n",
        "spaces:\n  - {slug: A, kind: team}\nusers: 5\n",
        {"FLOWWARD_SERVER__X": "y"},
    )
    places = [problem.split(": ")[0] for problem in problems]
    assert places == [
        "flowward.yaml:3",
        "environment",
        "flowward.yaml:1",
        "flowward.yaml:2",
        "estate.yaml:2",
        "estate.yaml:3",
    ]


def test_an_estate_is_judged_even_where_the_settings_are_wrong_in_form(told: Told) -> None:
    assert told("server: 5", "spaces: 6") == [
        "flowward.yaml:1: server: must be a mapping, but it is 5. Write key: value lines below it.",
        "estate.yaml:1: spaces: must be a list, but it is 6. Write [first, second].",
    ]


def test_a_file_that_is_absent_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"absent\.yaml: cannot be read: No such file or directory\."):
        load(tmp_path / "absent.yaml", {})


def test_an_estate_file_that_is_absent_is_told(told: Told) -> None:
    assert told("estate: [absent.yaml]") == [
        "absent.yaml: cannot be read: No such file or directory. Create it or correct the path."
    ]


def test_warnings_alone_do_not_fail(loaded: Loaded) -> None:
    config = loaded("server: {insecure_shared_origin: true}")
    (warning,) = config.warnings
    assert warning.severity == "warning"


def test_the_files_to_watch_are_named(loaded: Loaded, tmp_path: Path) -> None:
    config = loaded("", "spaces: []")
    assert list(config.files()) == [tmp_path / "flowward.yaml", tmp_path / "estate.yaml"]


def test_one_estate_file_can_be_read_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "more.yaml"
    path.write_text("grants: [{target: acme/plant, space: b, role: viewer}]")
    assert load_estate(path).estate.grants[0].role == "viewer"
    path.write_text("grants: 5")
    with pytest.raises(ConfigurationError, match="grants: must be a list"):
        load_estate(path)
