"""What applying estate files works with: the files, everything there is, and what was found wrong."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from config.configuration import Config, EstateFile
from config.estate_schema import ApplicationEntry, GrantEntry, InstanceEntry, SpaceEntry, UserEntry
from config.problems import ConfigurationError, Problem
from config.source import Key
from proxy.model.directory import Space
from proxy.model.estate import Estate, Grant, Resource
from proxy.model.identity import Person, User

Declarable = Space | Resource | User | Grant


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """One estate file, and the name by which its objects remember it."""

    origin: str
    file: EstateFile

    def spaces(self) -> Iterator[tuple["Place", SpaceEntry]]:
        return ((Place(applied=self, key=("spaces", at)), entry) for at, entry in enumerate(self.file.estate.spaces))

    def users(self) -> Iterator[tuple["Place", UserEntry]]:
        return ((Place(applied=self, key=("users", at)), entry) for at, entry in enumerate(self.file.estate.users))

    def applications(self) -> Iterator[tuple["Place", ApplicationEntry]]:
        found = enumerate(self.file.estate.applications)
        return ((Place(applied=self, key=("applications", at)), entry) for at, entry in found)

    def instances(self) -> Iterator[tuple["Place", InstanceEntry]]:
        found = enumerate(self.file.estate.instances)
        return ((Place(applied=self, key=("instances", at)), entry) for at, entry in found)

    def grants(self) -> Iterator[tuple["Place", GrantEntry]]:
        return ((Place(applied=self, key=("grants", at)), entry) for at, entry in enumerate(self.file.estate.grants))


def applied(file: EstateFile, base: Path) -> Applied:
    """A file under a name that lasts: relative to `base` where it lies beneath, so that both may move together.

    Blocks, since it asks for the working directory.
    """
    path, directory = Path(os.path.abspath(file.path)), Path(os.path.abspath(base))  # noqa: PTH100 - keeps symlinks
    return Applied(origin=str(path.relative_to(directory) if path.is_relative_to(directory) else path), file=file)


def applied_files(config: Config) -> tuple[Applied, ...]:
    """The estate files of a configuration; they are named from the folder of flowward.yaml on. Blocks."""
    return tuple(applied(file, Path(config.source.file).parent) for file in config.estates)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an entry stands."""

    applied: Applied
    key: Key

    @property
    def origin(self) -> str:
        return self.applied.origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """Everything files can declare, at one moment."""

    estate: Estate
    people: Mapping[str, Person]
    """By user id."""
    hashes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Password hash by user id, of the users that files declare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What is known while names are resolved: who applies, how ids are made, and what was found wrong."""

    files: Sequence[Applied]
    prune: bool
    new_id: Callable[[], str]
    hashes: Mapping[str, str]
    """Hash of each password kept in a file, by `user NAME` or `instance PATH`."""
    problems: list[Problem] = field(default_factory=list)
    claims: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def origins(self) -> frozenset[str]:
        return frozenset(file.origin for file in self.files)

    def wrong(self, place: Place, message: str, remedy: str, *, key: Key = ()) -> None:
        self.problems.append(place.applied.file.source.problem((*place.key, *key), message, remedy))

    def stays(self, thing: Declarable) -> bool:
        """Whether something that no file mentions any more is kept."""
        return not self.prune or thing.declared not in self.origins

    def claim(self, place: Place, what: str, name: str, there: Declarable | None) -> bool:
        """Note that a file declares a name, unless someone else holds it: that is an error which names both."""
        other = self.claims.get((what, name))
        self.claims.setdefault((what, name), place.origin)
        if other is not None:
            self.wrong(place, f"declares the {what} {name}, which {other} declares too", "Keep one of the two.")
        elif there is not None and there.declared is None:
            remedy = f"Rename this one, or remove the other, so that {place.origin} may declare it."
            self.wrong(place, f"declares the {what} {name}, but there is one made by hand", remedy)
        elif there is not None and there.declared not in self.origins:
            remedy = "Keep one of the two; to move it from file to file, apply both in one command."
            self.wrong(place, f"declares the {what} {name}, which {there.declared} declares too", remedy)
        else:
            return True
        return False

    def settle(self) -> None:
        """Raise ConfigurationError with everything found wrong so far, if anything was."""
        if self.problems:
            raise ConfigurationError(self.problems)
