"""Of whom a second factor is asked, at a login and of a session that is going on. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from proxy.model.estate import Estate
from proxy.model.identity import Person


class Ask(StrEnum):
    """What somebody has to do before they go on."""

    NOTHING = "nothing"
    CHALLENGE = "challenge"
    """Prove a second factor that they have."""
    ENROL = "enrol"
    """Set one up, before anything else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Who must have a second factor."""

    everybody: bool = False
    admins: bool = False
    spaces: frozenset[str] = frozenset()
    """Slugs of spaces whose members must."""

    def concerns(self, estate: Estate, person: Person) -> bool:
        """Whether this person must have one."""
        if self.everybody or (self.admins and person.user.admin):
            return True
        if not self.spaces:
            return False
        mine = (estate.spaces.get(id_) for id_ in estate.everyone.union(person.memberships))
        return any(space is not None and space.slug in self.spaces for space in mine)


NOBODY = Policy()


def asked(*, enforced: bool, enrolled: bool, vouched: bool, proven: bool, step_up: bool) -> Ask:
    """What is asked of somebody who has proved the first factor.

    `enforced`: they must have a second one. `enrolled`: they have. `vouched`: their way in stands for one. `proven`: the
    gateway has had one proven, in this session or by a browser that it remembers. `step_up`: the instance they go to wants
    one of the gateway's own, whatever their way in stands for.
    """
    if proven or (vouched and not step_up) or not (enforced or enrolled or step_up):
        return Ask.NOTHING
    return Ask.CHALLENGE if enrolled else Ask.ENROL


def lacks(policy: Policy, estate: Estate, person: Person, *, vouched: bool, proven: bool, step_up: bool) -> bool:
    """Whether a login that is going on has to prove a second factor first; the words are those of `asked`.

    Whoever has one without having to was asked when they logged in: their session is as good as it was then.
    """
    if proven or (vouched and not step_up):
        return False
    return step_up or policy.concerns(estate, person)
