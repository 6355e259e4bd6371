"""Whether people may do what an admin expects of them, and no more: asked of the rules as they are now. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from proxy.access.catalogue import CATALOGUE
from proxy.access.decide import Place
from proxy.access.explain import explain, logged_in
from proxy.model.access import Permission, Reason, Role
from proxy.model.estate import Estate, PersonaCheck
from proxy.model.identity import Person


class Unasked(StrEnum):
    """Why an expectation cannot be looked at any more."""

    USER_GONE = "user_gone"
    PLACE_GONE = "place_gone"
    PERMISSION_UNKNOWN = "permission_unknown"
    WRONG_PLACE = "wrong_place"
    """The permission is not asked about a place of that kind."""


_WORDS = {
    Unasked.USER_GONE: "there is no such user any more",
    Unasked.PLACE_GONE: "there is no such place any more",
    Unasked.PERMISSION_UNKNOWN: "there is no such permission",
    Unasked.WRONG_PLACE: "the permission means nothing there",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What became of one expectation."""

    check: PersonaCheck
    allowed: bool | None
    """Whether it is allowed; None where it cannot be asked."""
    reason: Reason | Unasked
    role: Role = Role.NONE
    because: tuple[str, ...] = ()
    """What gave the role, or refused, in words."""

    @property
    def holds(self) -> bool:
        return self.allowed is self.check.allowed


def look(estate: Estate, checks: Iterable[PersonaCheck], people: Mapping[str, Person], *, now: float) -> list[Looked]:
    """Every expectation, in their order. `people` by user id; each is taken to have just logged in at `now`, in seconds
    since the epoch.
    """
    return [_looked(estate, check, people.get(check.user), now) for check in checks]


def _looked(estate: Estate, check: PersonaCheck, person: Person | None, now: float) -> Looked:
    if person is None:
        return _unasked(check, Unasked.USER_GONE)
    if check.permission not in set(Permission):
        return _unasked(check, Unasked.PERMISSION_UNKNOWN)
    permission, place = Permission(check.permission), place_of(estate, check)
    if check.place and place is None:
        return _unasked(check, Unasked.PLACE_GONE)
    kinds = CATALOGUE[permission].kinds
    if (place.kind not in kinds) if place is not None else bool(kinds):
        return _unasked(check, Unasked.WRONG_PLACE)
    found = explain(estate, logged_in(person, now), permission, place, now=now)
    decision = found.decision
    because = tuple(f"{each.rule}: {each.words}" for each in found.considered if each.applies)
    return Looked(check=check, allowed=decision.allowed, reason=decision.reason, role=decision.role, because=because)


def _unasked(check: PersonaCheck, reason: Unasked) -> Looked:
    return Looked(check=check, allowed=None, reason=reason, because=(_WORDS[reason],))


def place_of(estate: Estate, check: PersonaCheck) -> Place:
    """What an expectation is about; None for the platform, and for what is there no more."""
    return estate.resources.get(check.place) or estate.spaces.get(check.place)


def broken(looked: Iterable[Looked]) -> Iterator[Looked]:
    """Those that do not hold."""
    return (each for each in looked if not each.holds)
