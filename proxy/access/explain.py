"""Why somebody may do something or not: the checks of `decide`, each with what it looked at and what it said. Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from proxy.access.decide import CHECKS, PROOF_LASTS, Case, Check, Place, Sight
from proxy.access.directory import Names
from proxy.access.standing import Standing, Word, around, is_active, targets
from proxy.model.access import Decision, Permission, Reason, Role, Write
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Estate, Resource
from proxy.model.identity import Actor, Person, Session, Token


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """One rule that was looked at."""

    rule: str
    words: str
    """What was found, for people."""
    applies: bool
    """Whether it gave a role that counts, or refused."""
    gives: Role | None = None
    refuses: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A decision, and all that was considered for it in the order in which it counts."""

    decision: Decision
    considered: tuple[Considered, ...]


def explain(
    estate: Estate,
    actor: Actor,
    permission: Permission,
    place: Place,
    *,
    now: float,
    write: Write | None = None,
    names: Names | None = None,
) -> Explanation:
    """What `decide` decides, and why; `names` are those that whoever asks may read, None for all."""
    sight = Sight(estate, actor, now=now)
    decision = sight.decide(permission, place, write)
    rows = tuple(_considered(sight.case(permission, place, write), names or Names(sight, all_=True)))
    if decision.status == 404:
        rows += (Considered(rule="existence", words=_UNSEEN, applies=True, refuses=Reason.NOT_FOUND),)
    return Explanation(decision=decision, considered=rows)


def logged_in(person: Person, now: float) -> Actor:
    """Somebody as if they had just logged in; `now` is seconds since the epoch."""
    session = Session(
        id="", user_id=person.user.id, provider="", amr=(), created=now, seen=now, expires=now + 1, idle=1, proved=now
    )
    return Actor(person=person, session=session)


_UNSEEN: Final = "nobody is told of what they have nothing to do with: it is answered like what is not there"


def _considered(case: Case, names: Names) -> Iterator[Considered]:
    for name, check in CHECKS.items():
        if name is Check.ROLE:
            yield from _roles(case, names)
        reason = check(case)
        words = _about_team(case, names) if name is Check.TEAM else _WORDS[name](case, reason)
        yield Considered(rule=name, words=words, applies=reason is not None, refuses=reason)


# -- how the role comes about


def _roles(case: Case, names: Names) -> Iterator[Considered]:
    standing = case.sight.standing if case.rule.overrides else case.sight.bare
    everywhere = standing.everywhere
    admin = everywhere is Role.ADMIN
    yield Considered(rule="admin", words=_about_admin(case), applies=admin, gives=everywhere if admin else None)
    place = case.place
    if isinstance(place, Resource):
        yield from _on_resource(case, standing, place, names)
    elif place is not None:
        yield from _in_space(standing, place, names, counts=everywhere is None)


def _on_resource(case: Case, standing: Standing, resource: Resource, names: Names) -> Iterator[Considered]:
    counts = standing.everywhere is None
    yield from _overrides(case, standing, resource, names)
    counts = counts and standing.override(resource) is None
    owner = standing.estate.owner(resource)
    if owner is None:
        yield Considered(rule="owner", words="it belongs to no space", applies=False)
    else:
        yield from _in_space(standing, owner, names, counts=counts)
    yield from _shares(standing, resource, names, counts=counts)


def _overrides(case: Case, standing: Standing, resource: Resource, names: Names) -> Iterator[Considered]:
    estate, heard, best = standing.estate, list(standing.words(resource)), standing.override(resource)
    said = [
        Word(at, held)
        for at in estate.path(resource)
        for held in standing.person.memberships.values()
        if at.id in held.overrides
    ]
    for word in said:
        decides = word in heard and word.at == heard[0].at and word.role is best
        by = " (sso)" if word.at.id in word.membership.managed else ""
        words = f"{names.place(word.at)} says {word.role.label}{by}, with the membership of {_space(names, word)}"
        yield Considered(
            rule="override",
            words=words + _why_not(case, word, heard, decides=decides),
            applies=decides and standing.everywhere is None,
            gives=word.role,
        )
    if not said:
        yield Considered(rule="override", words="none on the way up", applies=False)


def _why_not(case: Case, word: Word, heard: list[Word], *, decides: bool) -> str:
    if decides:
        return ""
    if not case.rule.overrides:
        return "; overrides do not count here, so that nobody locks themselves out"
    if word not in heard:
        return "; not heard, since that space is suspended, or neither owns it nor lies above its owner"
    return "; another one is nearer" if word.at != heard[0].at else "; another one at the same place says more"


def _in_space(standing: Standing, space: Space, names: Names, *, counts: bool) -> Iterator[Considered]:
    estate = standing.estate
    role = standing.role_in(space)
    asleep = "" if space.kind is SpaceKind.EVERYONE or is_active(estate, space) else ", which is suspended"
    words = f"{role.label} in {names.space(space)}{asleep}"
    yield Considered(rule="member", words=words, applies=counts and role > Role.NONE, gives=role)
    for above in estate.lineage(space):
        if above is not space:
            owns = standing.role_in(above) >= Role.OWNER
            words = f"{'owner' if owns else 'no owner'} of {names.space(above)}, which lies above {names.space(space)}"
            yield Considered(
                rule="owner_above", words=words, applies=counts and owns, gives=Role.OWNER if owns else Role.NONE
            )


def _shares(standing: Standing, resource: Resource, names: Names, *, counts: bool) -> Iterator[Considered]:
    estate = standing.estate
    reaching = {target.id for target in targets(estate, resource)}
    for target in around(estate, resource):
        for grant in estate.shares.get(target.id, ()):
            given = standing.given(grant)
            space = estate.spaces.get(grant.space)
            with_ = names.space(space) if space else "?"
            words = f"{names.place(target)} is shared with {with_} up to {grant.role.label}"
            if target.id not in reaching:
                yield Considered(rule="share", words=f"{words}, but this has another owner", applies=False)
            else:
                yield Considered(rule="share", words=words, applies=counts and given > Role.NONE, gives=given)


# -- what each check says


def _about_admin(case: Case) -> str:
    actor = case.sight.actor
    if actor.person.user.admin and not case.sight.standing.person.user.admin:
        return "an admin, but the token does not act as one"
    return "an admin" if actor.person.user.admin else "no admin"


def _about_account(case: Case, reason: Reason | None) -> str:
    user = case.sight.actor.person.user
    return f"{user.username} is {user.state}{' and has no role anywhere' if reason else ''}"


def _about_token(case: Case, reason: Reason | None) -> str:
    token = case.sight.actor.token
    return "none is used" if token is None else f"{token.name} {_TOKEN[reason]}{_limits(token)}"


_TOKEN: Final[Mapping[Reason | None, str]] = {
    None: "allows it",
    Reason.CREDENTIALS_WRONG: "has expired",
    Reason.NOT_FOUND: "does not reach this place",
    Reason.INTERACTIVE_SESSION_REQUIRED: "is a token, and this takes a person who is logged in",
    Reason.PAT_CANNOT_CREATE_PAT: "is a token, and tokens make no tokens",
    Reason.TOKEN_READ_ONLY: "changes nothing",
    Reason.TOKEN_SCOPE: "reaches nothing of the platform",
}


def _limits(token: Token) -> str:
    said = [
        *(["read-only"] if token.read_only else []),
        *(["limited to some spaces"] if token.spaces is not None else []),
    ]
    return f" ({', '.join(said)})" if said else ""


def _about_viewing(case: Case, reason: Reason | None) -> str:
    session = case.sight.actor.session
    if session is None or not session.viewer:
        return "nobody looks on as somebody else"
    return "an admin looks on as this user, and changes nothing" if reason else "an admin looks on as this user"


def _about_role(case: Case, _: Reason | None) -> str:
    return f"{case.permission} takes {case.rule.least.label}; {case.role.label} is held"


def _about_team(case: Case, names: Names) -> str:
    if not case.rule.team:
        return "need not be an owner of the team"
    team = case.team
    called = names.space(team) if team else "the team, and there is none"
    return f"takes an owner of {called}; override and share are not enough"


def _about_switch(_: Case, reason: Reason | None) -> str:
    return "switched off for all but admins" if reason else "not switched off, or an admin"


def _about_admin_data_access(case: Case, _: Reason | None) -> str:
    if not case.rule.data_plane:
        return "does not reach into instances"
    return f"admin_data_access is {case.sight.estate.settings.admin_data_access}, and holds for admins"


def _about_min_edit_role(case: Case, _: Reason | None) -> str:
    instance = case.instance
    if case.write is not Write.DEPLOY or instance is None:
        return "no deploy to an instance"
    return f"the instance asks deploys for {instance.min_edit_role.label}"


def _about_protection(_: Case, reason: Reason | None) -> str:
    if reason:
        return "the instance is protected: nobody changes it by hand, owners and admins included"
    return "no change to a protected instance"


def _about_proof(case: Case, reason: Reason | None) -> str:
    if not case.rule.session_only:
        return "needs no fresh proof of who one is"
    last = f"takes a person who proved who they are within the last {PROOF_LASTS / 60:.0f} minutes"
    return f"{last}; this is a longer while ago" if reason is Reason.REAUTHENTICATION_REQUIRED else last


_WORDS: Final[Mapping[Check, Callable[[Case, Reason | None], str]]] = {
    Check.ACCOUNT: _about_account,
    Check.TOKEN: _about_token,
    Check.VIEWING: _about_viewing,
    Check.ROLE: _about_role,
    Check.SWITCHED_OFF: _about_switch,
    Check.ADMIN_DATA_ACCESS: _about_admin_data_access,
    Check.MIN_EDIT_ROLE: _about_min_edit_role,
    Check.PROTECTION: _about_protection,
    Check.PROOF: _about_proof,
}


def _space(names: Names, word: Word) -> str:
    space = names.sight.estate.spaces.get(word.membership.space)
    return names.space(space) if space else "a space that is gone"
