"""Switches of the whole platform, and its numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from ipaddress import ip_network
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from config.schema import Settings
from config.times import Rate
from proxy.model.access import Permission
from proxy.model.audit import Event
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import PlatformSettings, ResourceKind
from proxy.model.identity import UserState
from proxy.services.audit import updates
from proxy.services.authority import offered, told
from proxy.services.mingled import mingled_groups
from proxy.services.writer import Moment, Step
from proxy.store import PeopleQuery
from proxy.web.api.items import Ref
from proxy.web.api.keys import Api
from proxy.web.api.models import Answer, Body, Line
from proxy.web.api.operation import PLATFORM, Call, Operation

TAG: Final = "platform"
_ABOUT: Final = frozenset({Permission.PLATFORM_SETTINGS, Permission.PLATFORM_SETTINGS_EDIT})


def _network(value: str) -> str:
    """A CIDR, or a pattern of host names such as *.plant.example."""
    host = value.replace("*", "x").replace("-", "").replace(".", "")
    if host.isascii() and host.isalnum() and not host.isdigit():
        return value.lower()
    try:
        return str(ip_network(value))
    except ValueError:
        raise ValueError("must be a CIDR such as 10.1.0.0/16 or a host name pattern such as *.plant.example") from None


Where = Annotated[Line, AfterValidator(_network), Field(examples=["10.1.0.0/16"])]


class RateItem(Answer):
    """So many in so many seconds; all of them may come at once."""

    count: int
    seconds: float


class SessionLasts(Answer):
    """How long a login lasts, in seconds."""

    absolute: float
    idle: float
    grace: float


class AuditKept(Answer):
    """How long the audit log is kept, and whether it is passed on."""

    retention: float
    """Seconds; 0 keeps events for ever."""
    syslog: bool
    webhook: bool


class PasswordKept(Answer):
    """What a chosen password must be."""

    min_length: int
    max_length: int
    score: int
    """Least strength by zxcvbn, 0 to 4, of one that replaces another."""
    score_by_link: int
    """The same of one that is chosen by a link or at sign-up."""
    require: tuple[str, ...]
    whitespace: bool
    expires: float
    """Seconds; 0 for never."""
    reuse: int
    """How many earlier ones may not be chosen again."""


class SignUpKept(Answer):
    """Who may make an account by themselves."""

    enabled: bool
    domains: tuple[str, ...]
    invited: bool


class Configured(Answer):
    """What flowward.yaml says, and alone can change. What no reload takes over holds from the next start on."""

    allow_public_http: bool
    """Whether instances may be open to anybody; `GET /instances?state=public` lists those that are."""
    session: SessionLasts
    limits: dict[str, RateItem]
    """By name, as in the configuration; of `lockout` and `ban`, wrong passwords and for how long the account or the address
    is then refused at first."""
    password: PasswordKept
    sign_up: SignUpKept
    mail: str | None
    """The server that mail is handed in at; null where nothing is mailed."""
    audit: AuditKept


class PlatformItem(Answer):
    """The settings as they are."""

    tenant_mode: bool
    disable_all_users: bool
    admin_data_access: Literal["full", "read", "none"]
    switched_off: tuple[str, ...]
    upstream_allow: tuple[str, ...]
    configured: Configured
    mingled_groups: tuple[Ref, ...]
    """In tenant mode, the groups in which people of several customers are together: what is shared with one is shared
    between them."""
    actions: tuple[str, ...] = ()


class PlatformBody(Body):
    """The settings as they should be; all of them."""

    tenant_mode: bool
    """Tenants know nothing of each other; what belongs to everyone is read-only."""
    disable_all_users: bool
    """The space of everyone gives nobody a role."""
    admin_data_access: Literal["full", "read", "none"]
    """What admins may do inside instances."""
    switched_off: Annotated[tuple[Permission, ...], Field(max_length=200)]
    """Permissions that only admins have, whatever their role."""
    upstream_allow: Annotated[tuple[Where, ...], Field(max_length=200)]
    """Where upstreams set through the API may listen; empty for anywhere that is not loopback, link-local or a metadata
    service."""


class Numbers(Answer):
    """How much there is."""

    users: dict[str, int]
    """By state."""
    spaces: dict[str, int]
    """By kind."""
    resources: dict[str, int]
    """By kind."""
    version: int
    """Of the state: it grows with every change."""


async def show(api: Api, call: Call) -> PlatformItem:
    estate = call.moment.estate
    settings = estate.settings
    mingled = await mingled_groups(call.moment.database, estate) if settings.tenant_mode else ()
    return PlatformItem(
        tenant_mode=settings.tenant_mode,
        disable_all_users=settings.disable_all_users,
        admin_data_access=settings.admin_data_access,
        switched_off=tuple(sorted(settings.switched_off)),
        upstream_allow=settings.upstream_allow,
        configured=_configured(api.premises.settings),
        mingled_groups=tuple(Ref(id=group.id, slug=group.slug, name=group.title) for group in mingled),
        actions=offered(call.moment, None, _ABOUT),
    )


def _configured(settings: Settings) -> Configured:
    session, audit, accounts = settings.session, settings.audit, settings.accounts
    lockout, ban = settings.limits.lockout, settings.limits.ban
    penalties = {
        "lockout": RateItem(count=lockout.failures, seconds=lockout.seconds),
        "ban": RateItem(count=ban.failures, seconds=ban.seconds),
    }
    rates = {name: value for name, value in settings.limits if isinstance(value, Rate)}
    limits = {name: RateItem(count=rate.count, seconds=rate.seconds) for name, rate in rates.items()}
    return Configured(
        allow_public_http=settings.server.allow_public_http,
        session=SessionLasts(absolute=session.absolute, idle=session.idle, grace=session.grace),
        limits=limits | penalties,
        password=PasswordKept(**dict(accounts.password)),
        sign_up=SignUpKept(**dict(accounts.sign_up)),
        mail=str(settings.mail.server) if settings.mail else None,
        audit=AuditKept(retention=audit.retention, syslog=audit.syslog is not None, webhook=audit.webhook is not None),
    )


async def change(_: Api, call: Call) -> Step[None]:
    sent, before = call.sent(PlatformBody), call.moment.estate.settings
    after = replace(
        before,
        tenant_mode=sent.tenant_mode,
        disable_all_users=sent.disable_all_users,
        admin_data_access=sent.admin_data_access,
        switched_off=frozenset(sent.switched_off),
        upstream_allow=sent.upstream_allow,
    )
    if after == before:
        return Step(result=None)
    on = after.tenant_mode and not before.tenant_mode
    mingled = await mingled_groups(call.moment.database, call.moment.estate) if on else ()
    return Step(result=None, edits=[after], events=list(_events(call.moment, before, after, mingled)))


def _events(
    moment: Moment, before: PlatformSettings, after: PlatformSettings, mingled: Sequence[Space]
) -> Iterator[Event]:
    """The two switches that tenants live by have events of their own; mingled groups are on record as they go on."""
    if before.tenant_mode is not after.tenant_mode:
        body = {"mingled_groups": [group.slug for group in mingled]} if mingled else {}
        yield told(moment, f"platform.tenant-mode.{'enabled' if after.tenant_mode else 'disabled'}", body=body)
    if before.disable_all_users is not after.disable_all_users:
        yield told(moment, f"platform.all-users.{'disabled' if after.disable_all_users else 'enabled'}")
    changed = updates(_others(before), _others(after))
    if changed:
        yield told(moment, "platform.settings.updated", updates=changed)


def _others(settings: PlatformSettings) -> dict[str, object]:
    return {
        "admin_data_access": settings.admin_data_access,
        "switched_off": sorted(settings.switched_off),
        "upstream_allow": list(settings.upstream_allow),
    }


async def count(_: Api, call: Call) -> Numbers:
    estate, database = call.moment.estate, call.moment.database
    users = {
        state.value: (await database.search(PeopleQuery(states=frozenset({state}), limit=1))).total
        for state in UserState
    }
    kinds = [space.kind for space in estate.spaces.values()]
    return Numbers(
        users=users,
        spaces={kind.value: kinds.count(kind) for kind in SpaceKind},
        resources={kind.value: len(estate.by_kind[kind]) for kind in ResourceKind},
        version=estate.version,
    )


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/settings",
        tag=TAG,
        summary="The platform's settings, and what of its configuration file concerns them",
        permission=Permission.PLATFORM_SETTINGS,
        where=PLATFORM,
        answer=PlatformItem,
        perform=show,
    ),
    Operation(
        method="PUT",
        path="/settings",
        tag=TAG,
        summary="Change the platform's settings",
        permission=Permission.PLATFORM_SETTINGS_EDIT,
        where=PLATFORM,
        body=PlatformBody,
        answer=PlatformItem,
        audit=(
            "platform.settings.updated",
            "platform.tenant-mode.enabled",
            "platform.tenant-mode.disabled",
            "platform.all-users.enabled",
            "platform.all-users.disabled",
        ),
        change=change,
    ),
    Operation(
        method="GET",
        path="/stats",
        tag=TAG,
        summary="How much there is",
        permission=Permission.PLATFORM_SETTINGS,
        where=PLATFORM,
        answer=Numbers,
        perform=count,
    ),
)
