"""Where a setting was written, so that whatever is wrong with it can be found again."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from config.problems import Problem, Severity

Key = tuple[str | int, ...]

_SENSITIVE = re.compile(r"password|secret|token|credential|private|passphrase|^key$|^database$|^shared$", re.IGNORECASE)
_USER_IN_URL = re.compile(r"(://)[^/@\s]*@")


def key_text(key: Key) -> str:
    """A key as it is named to people: `server.listen[0]`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key).removeprefix(".")


def shown(key: Key, value: object) -> str | None:
    """A value as it may be shown: None for what is not short and plain, and for all that could be a secret."""
    if any(isinstance(part, str) and _SENSITIVE.search(part) for part in key):
        return None
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case str():
            short = value if len(value) <= 80 else f"{value[:77]}..."
            return repr(_USER_IN_URL.sub(r"\1***@", short))
        case _:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The file a mapping was read from, with the line of every key, and the variables that stand above the file.

    What a variable ending in _FILE brought in is a secret, so it is left out of problems.
    """

    file: str
    lines: Mapping[Key, int] = field(default_factory=dict)
    variables: Mapping[Key, str] = field(default_factory=dict)

    def problem(
        self, key: Key, message: str, remedy: str, *, value: str | None = None, severity: Severity = Severity.ERROR
    ) -> Problem:
        """A problem at a key, or at the nearest key above it that was written."""
        for length in range(len(key), 0, -1):
            variable = self.variables.get(key[:length])
            if variable is not None:
                value = None if variable.endswith("_FILE") else value
                return Problem(
                    file="environment", key=variable, value=value, message=message, remedy=remedy, severity=severity
                )
        line = next((self.lines[key[:end]] for end in range(len(key), -1, -1) if key[:end] in self.lines), None)
        return Problem(
            file=self.file,
            line=line,
            key=key_text(key),
            value=value,
            message=message,
            remedy=remedy,
            severity=severity,
        )
