"""What is wrong with a configuration, told so that it can be put right without asking anyone."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from typing_extensions import override


class Severity(StrEnum):
    """Whether a problem stops the gateway from starting, or is only shown."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong: where it stands, what it must be, what it is, and what to do.

    `line` counts from 1 and is None where there is no line (a missing file, an environment variable). `value` is as it is
    shown to people, None where there is nothing to show or where it could be a secret.
    """

    file: str
    line: int | None = None
    key: str = ""
    value: str | None = None
    message: str
    remedy: str = ""
    severity: Severity = Severity.ERROR

    @override
    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        where = f"{place}: {self.key}" if self.key else place
        what = self.message if self.value is None else f"{self.message}, but it is {self.value}"
        level = "warning: " if self.severity is Severity.WARNING else ""
        return f"{where}: {level}{what}. {self.remedy}".rstrip()


class ConfigurationError(Exception):
    """The configuration cannot be used; `problems` holds every reason at once, warnings among them."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def errors(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The problems that forbid a start."""
    return tuple(problem for problem in problems if problem.severity is Severity.ERROR)
