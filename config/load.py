"""Reads flowward.yaml and the estate files whole, or says everything that is wrong with them at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from config.base import Section
from config.configuration import Config, EstateFile
from config.cross_check import cross_check
from config.document import Document, read
from config.environment import overlay
from config.estate_schema import Estate
from config.problems import ConfigurationError, Problem, errors
from config.report import problems_of
from config.schema import Settings

S = TypeVar("S", bound=Section)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parsed:
    estate: EstateFile | None
    problems: tuple[Problem, ...]


def load(path: Path, environ: Mapping[str, str]) -> Config:
    """The configuration of a file and of the environment above it.

    Raises ConfigurationError with every problem of every file where one of them is an error; warnings alone are in
    `Config.warnings`. Reads files, so it blocks.
    """
    document = overlay(read(path), environ)
    problems = list(document.problems)
    settings = _validated(Settings, document, path.parent, problems)
    parsed = [_estate(file) for file in _estate_paths(document, path.parent)]
    problems += [problem for one in parsed for problem in one.problems]
    if settings is None or errors(problems):
        raise ConfigurationError(problems)
    estates = tuple(one.estate for one in parsed if one.estate is not None)
    config = Config(settings=settings, source=document.source, estates=estates)
    problems += cross_check(config)
    if errors(problems):
        raise ConfigurationError(problems)
    return Config(settings=settings, source=document.source, estates=estates, warnings=tuple(problems))


def load_estate(path: Path) -> EstateFile:
    """One estate file by itself, its references to other files unchecked. Raises ConfigurationError; blocks."""
    parsed = _estate(path)
    if parsed.estate is None:
        raise ConfigurationError(parsed.problems)
    return parsed.estate


def _estate(path: Path) -> _Parsed:
    document = read(path)
    problems = list(document.problems)
    estate = _validated(Estate, document, path.parent, problems)
    if estate is None or problems:
        return _Parsed(estate=None, problems=tuple(problems))
    return _Parsed(estate=EstateFile(path=path, estate=estate, source=document.source), problems=())


def _validated(schema: type[S], document: Document, directory: Path, problems: list[Problem]) -> S | None:
    try:
        return schema.model_validate(document.data, context={"directory": directory})
    except ValidationError as error:
        problems += problems_of(error, schema, document.source)
        return None


def _estate_paths(document: Document, directory: Path) -> list[Path]:
    """The estate files as written, so that they are read and judged even where the settings are not valid."""
    written = document.data.get("estate", ())
    return [directory / str(name) for name in written] if isinstance(written, tuple) else []
