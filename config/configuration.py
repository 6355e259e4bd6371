"""A configuration as it was read: settings, estate files, and where each of them stands."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from config.estate_schema import Estate
from config.problems import Problem, Severity
from config.schema import Settings
from config.source import Key, Source

T = TypeVar("T")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed(Generic[T]):
    """An entry of an estate file and where it stands."""

    entry: T
    source: Source
    key: Key

    def problem(
        self,
        key: Key,
        message: str,
        remedy: str,
        *,
        value: str | None = None,
        severity: Severity = Severity.ERROR,
    ) -> Problem:
        """A problem at a key inside of the entry."""
        return self.source.problem((*self.key, *key), message, remedy, value=value, severity=severity)


def placed(config: Config, section: str, pick: Callable[[Estate], tuple[T, ...]]) -> Iterator[Placed[T]]:
    """Every entry of one section, over all estate files in order."""
    for file in config.estates:
        for index, entry in enumerate(pick(file.estate)):
            yield Placed(entry=entry, source=file.source, key=(section, index))
