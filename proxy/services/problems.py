"""Why something that was asked for is not done. Each is one decision its caller makes; codes are API, details are not."""

from collections.abc import Sequence
from dataclasses import dataclass

from proxy.access.decide import Place
from proxy.model.access import Decision, Permission


class NotDone(Exception):
    """What was asked for is not done, and nothing has changed."""


class NotThere(NotDone):
    """What was named does not exist, or whoever asks may not know of it; both read the same."""


class Denied(NotDone):
    """Whoever acts may not do this here."""

    def __init__(self, decision: Decision, permission: Permission | None = None, place: Place = None) -> None:
        """`permission` and `place`: what was asked, where it was a single permission."""
        super().__init__(decision.reason)
        self.decision, self.permission, self.place = decision, permission, place


class Exists(NotDone):
    """A name that has to be unique is taken."""

    def __init__(self, field: str, value: str) -> None:
        super().__init__(field, value)
        self.field, self.value = field, value


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """One thing that is wrong with what was sent."""

    field: str
    """Where it stands, as a JSON pointer without the leading slash, such as `memberships/0/role`; empty for the whole."""
    message: str
    remedy: str = ""
    code: str = ""
    """Which rule it breaks, where rules have names."""


class Invalid(NotDone):
    """What was sent cannot be taken; everything that is wrong with it, at once."""

    def __init__(self, *wrongs: Wrong) -> None:
        super().__init__("; ".join(f"{each.field}: {each.message}" for each in wrongs))
        self.wrongs: Sequence[Wrong] = wrongs


class Unfit(Invalid):
    """What was sent is well formed, but breaks rules that have names: all of them, at once."""


class NotPossible(NotDone):
    """It would be allowed, but not as things are, such as the removal of a last admin."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.code, self.detail = code, detail


class DeclaredInFile(NotPossible):
    """It stands in an estate file, which would put it back at the next start."""

    def __init__(self, what: str, file: str) -> None:
        super().__init__(
            "declared_in_file",
            f"{what} is declared in {file} and read-only here. Change it in that file, or remove it there first.",
        )
