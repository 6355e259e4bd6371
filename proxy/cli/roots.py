"""Whether the packages found under our three import names are our own."""

from collections.abc import Iterator, Mapping
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path
from typing import Final

OURS: Final = ("config", "auth_plugins", "proxy")


def stranger() -> str | None:
    """A sentence about the package that stands in the way of ours, or None when all three come from one place."""
    return complaint({name: _place(name) for name in OURS}, Path(__file__).resolve().parents[2])


def complaint(places: Mapping[str, Path | None], root: Path) -> str | None:
    """As `stranger`, of packages found at `places`, where ours lie in `root`."""
    for name, place in places.items():
        if place is None:
            return f"the package {name} is missing beside {root}/proxy. Install flowward again."
        if place.parent != root:
            return (
                f"the package {name} is taken from {place}, not from {root / name}{_owner(place)}. "
                "Remove it, or install flowward into a virtual environment of its own and start it from another folder."
            )
    return None


def _place(name: str) -> Path | None:
    """The folder or file an import of this name leads to."""
    spec = find_spec(name)
    if spec is None:
        return None
    folder = next(iter(spec.submodule_search_locations or ()), None)
    return Path(folder or spec.origin or "").resolve()


def _owner(place: Path) -> str:
    for name, files in _installed():
        if any(place == file or place in file.parents for file in files):
            return f", and belongs to the distribution {name} (pip uninstall {name})"
    return ""


def _installed() -> Iterator[tuple[str, list[Path]]]:
    for distribution in distributions():
        files = distribution.files or ()
        yield distribution.name, [Path(str(distribution.locate_file(file))).resolve() for file in files]
