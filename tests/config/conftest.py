"""Configuration files in a directory of their own, and what is said about them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from config.configuration import Config
from config.load import load
from config.problems import ConfigurationError

Told = Callable[..., list[str]]
Loaded = Callable[..., Config]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """`write(settings, estate)`: the two files; the path of the first."""

    def write_both(settings: str, estate: str) -> Path:
        (tmp_path / "estate.yaml").write_text(estate)
        path = tmp_path / "flowward.yaml"
        path.write_text(settings)
        return path

    return write_both


@pytest.fixture
def loaded(write: Callable[[str, str], Path]) -> Loaded:
    """`loaded(settings, estate, environ)`: the configuration of these files."""

    def load_both(settings: str = "", estate: str = "", environ: dict[str, str] | None = None) -> Config:
        settings = f"{settings}\nestate: [estate.yaml]\n" if estate else settings
        return load(write(settings, estate), environ or {})

    return load_both


@pytest.fixture
def told(loaded: Loaded, tmp_path: Path) -> Told:
    """`told(settings, estate, environ)`: every problem in words, warnings too, files by their name alone."""

    def problems_of(settings: str = "", estate: str = "", environ: dict[str, str] | None = None) -> list[str]:
        try:
            problems = loaded(settings, estate, environ).warnings
        except ConfigurationError as error:
            problems = error.problems
        return [str(problem).replace(f"{tmp_path}/", "") for problem in problems]

    return problems_of
