"""Login providers, for admins: what they are set to, what they need attention for, and what a login would come to."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Final

from pydantic import Field

from auth_plugins import Finding, Identity
from config.auth_schema import AuthEntry
from proxy.access.groups import Reading
from proxy.model.access import Permission
from proxy.model.estate import Estate
from proxy.model.identity import Person
from proxy.services.authority import told
from proxy.services.linking import Outcome
from proxy.services.problems import NotPossible, NotThere
from proxy.services.trying import Trial, try_out
from proxy.web.api.keys import Api
from proxy.web.api.models import Answer, Body, Line
from proxy.web.api.operation import PLATFORM, Call, Operation

TAG: Final = "sso"
LONGEST_SAMPLE: Final = 262_144
"""Characters: a response of a provider with many groups, encoded."""


class ProviderFinding(Answer):
    """One thing found out about a provider."""

    code: str
    level: str
    """ok, warning or error."""
    detail: str
    ends: float | None
    """When something ends that it warns of (seconds since the epoch)."""


class ProviderItem(Answer):
    """A way in, as the configuration has it."""

    name: str
    plugin: str
    title: str
    active: bool
    domains: tuple[str, ...]
    """E-mail domains it speaks for."""
    provision: bool
    """Whether it makes accounts for people who have none."""
    groups: bool
    """Whether its groups mean anything here."""
    refresh: float
    """Seconds after which it is asked again about who is logged in; 0 for never."""
    checked: float | None
    """When it was last looked at (seconds since the epoch); null where it has not been yet."""
    findings: tuple[ProviderFinding, ...]


class Providers(Answer):
    """Every way in, in the order offered."""

    items: tuple[ProviderItem, ...]


class Sample(Body):
    """Whom to try it with."""

    provider: Line
    """Name of an active way in."""
    sample: Annotated[str, Field(max_length=LONGEST_SAMPLE, examples=[""])] = ""
    """A username to look up, or a response of the provider as it came; empty to look at the provider alone."""


class IdentityItem(Answer):
    """What the provider says."""

    subject: str
    username: str
    email: str
    email_verified: bool
    name: str
    groups: tuple[str, ...] | None
    """Null where it says nothing of groups."""
    amr: tuple[str, ...]


class GroupItem(Answer):
    """What one group means."""

    group: str
    """As the provider wrote it."""
    read_as: str
    gives: str
    """What it gives, such as owner in acme; empty where it is ignored."""
    ignored: str
    """Why it is ignored."""


class UserAfter(Answer):
    """The account as the login would leave it."""

    id: str | None
    """Null for one that would be made."""
    username: str
    email: str
    rule: str
    """How it was found: local, known, bound, linked or made."""
    admin: bool
    admin_kept: bool
    """They are an admin only since they are the last one."""
    memberships: dict[str, str]
    """Slug of a space -> role."""
    overrides: dict[str, str]
    """Address of a resource -> role."""


class TrialAnswer(Answer):
    """How far a login would come. No account was touched."""

    findings: tuple[ProviderFinding, ...]
    identity: IdentityItem | None
    refused: str
    """Code of what it would end with; empty where it would succeed."""
    detail: str
    user: UserAfter | None
    groups: tuple[GroupItem, ...]


async def find(api: Api, _: Call) -> Providers:
    return Providers(items=tuple(_item(api, entry) for entry in api.premises.settings.auth))


async def show(api: Api, call: Call) -> ProviderItem:
    entry = next((each for each in api.premises.settings.auth if each.name == call.path["provider"]), None)
    if entry is None:
        raise NotThere(call.path["provider"])
    return _item(api, entry)


async def test(api: Api, call: Call) -> TrialAnswer:
    sent = call.sent(Sample)
    provider = next((each for each in api.desk.providers if each.name == sent.provider), None)
    if provider is None:
        raise NotPossible("provider_unknown", f"No active way in is called {sent.provider}.")
    tried = await try_out(api.desk.linking, provider, sent.sample)
    body = {"provider": provider.name, "of": tried.identity.username if tried.identity else ""}
    await api.desk.database.record(told(call.moment, "platform.sso.tested", body=body, error=tried.refused))
    return told_of(call.moment.estate, tried)


def _item(api: Api, entry: AuthEntry) -> ProviderItem:
    looked = api.notices.latest.get(entry.name)
    return ProviderItem(
        name=entry.name,
        plugin=entry.plugin,
        title=entry.title or entry.name,
        active=entry.active,
        domains=entry.domains,
        provision=entry.provision,
        groups=entry.groups is not None,
        refresh=entry.refresh,
        checked=looked.at if looked else None,
        findings=_findings(looked.findings if looked else ()),
    )


def _findings(found: Sequence[Finding]) -> tuple[ProviderFinding, ...]:
    return tuple(
        ProviderFinding(code=each.code, level=each.level, detail=each.detail, ends=each.ends) for each in found
    )


def told_of(estate: Estate, trial: Trial) -> TrialAnswer:
    """A trial, in words."""
    outcome = trial.outcome
    return TrialAnswer(
        findings=_findings(trial.findings),
        identity=_identity(trial.identity) if trial.identity else None,
        refused=trial.refused,
        detail=trial.detail,
        user=_user(estate, outcome) if outcome else None,
        groups=tuple(_group(estate, each) for each in outcome.readings) if outcome else (),
    )


def _identity(identity: Identity) -> IdentityItem:
    return IdentityItem(
        subject=identity.subject,
        username=identity.username,
        email=identity.email,
        email_verified=identity.email_verified,
        name=identity.name,
        groups=identity.groups,
        amr=identity.amr,
    )


def _user(estate: Estate, outcome: Outcome) -> UserAfter:
    user, held = outcome.person.user, outcome.person.memberships
    return UserAfter(
        id=None if outcome.made else user.id,
        username=user.username,
        email=user.email,
        rule=outcome.how.value,
        admin=user.admin,
        admin_kept=outcome.kept_admin,
        memberships={estate.spaces[at].slug: each.role.label for at, each in held.items() if at in estate.spaces},
        overrides=dict(_overrides(estate, outcome.person)),
    )


def _overrides(estate: Estate, person: Person) -> Iterator[tuple[str, str]]:
    for held in person.memberships.values():
        for at, role in held.overrides.items():
            if at in estate.resources:
                yield estate.address(estate.resources[at]), role.label


def _group(estate: Estate, reading: Reading) -> GroupItem:
    return GroupItem(group=reading.group, read_as=reading.name, gives=gives(estate, reading), ignored=reading.ignored)


def gives(estate: Estate, reading: Reading) -> str:
    """What a group gives, in words; empty where it is ignored."""
    if reading.ignored:
        return ""
    if reading.admin:
        return "admin"
    place = estate.address(reading.resource) if reading.resource else reading.space.slug if reading.space else ""
    return f"{reading.role.label if reading.role is not None else ''} in {place}"


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/sso/providers",
        tag=TAG,
        summary="Every way to log in, and what it needs attention for",
        permission=Permission.PLATFORM_SSO,
        where=PLATFORM,
        answer=Providers,
        perform=find,
    ),
    Operation(
        method="GET",
        path="/sso/providers/{provider}",
        tag=TAG,
        summary="One way to log in, by its name in the configuration",
        permission=Permission.PLATFORM_SSO,
        where=PLATFORM,
        hides=True,
        answer=ProviderItem,
        perform=show,
    ),
    Operation(
        method="POST",
        path="/sso/providers/test",
        tag=TAG,
        summary="What a login would come to: which account, which roles, and why what is ignored; no account is touched",
        permission=Permission.PLATFORM_SSO,
        where=PLATFORM,
        body=Sample,
        answer=TrialAnswer,
        audit=("platform.sso.tested",),
        perform=test,
    ),
)
