"""A configuration as it was read: settings, estate files, and where each of them stands."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from config.estate_schema import Estate
from config.problems import Problem
from config.schema import Settings
from config.source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class EstateFile:
    """One estate file; what it declares carries its path as origin."""

    path: Path
    estate: Estate
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All that an operator decided; `warnings` are to be shown at start."""

    settings: Settings
    source: Source
    estates: tuple[EstateFile, ...] = ()
    warnings: tuple[Problem, ...] = ()

    def files(self) -> Iterator[Path]:
        """Every file that a change of has to be noticed."""
        yield Path(self.source.file)
        yield from (one.path for one in self.estates)
