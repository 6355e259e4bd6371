"""What stands open that should not: the isolation report, groups that mingle customers, ways past the gateway."""

from collections.abc import Container
from functools import partial
from typing import Final

from proxy.model.access import Permission
from proxy.services.allowances import Policy
from proxy.services.authority import space_at
from proxy.services.checks import Fault
from proxy.services.checks_isolation import instances_of, isolation, reached
from proxy.services.mingled import mingled_groups
from proxy.web.api.instance_models import said_upstream
from proxy.web.api.items import Eyes, Ref
from proxy.web.api.keys import Api
from proxy.web.api.models import Answer, Identifier, Query
from proxy.web.api.operation import PLATFORM, SENT, Call, Operation
from proxy.web.api.spaces import eyes

TAG: Final = "checks"


class FaultItem(Answer):
    """Something by which people may get to what is not theirs, or what could not be looked at."""

    code: str
    severity: str
    """error, warning or info."""
    place: Ref
    address: str | None
    """Null where part of it is not for whoever asks."""
    message: str
    remedy: str


class IsolationReport(Answer):
    """What was found of the instances that whoever asks may open, worst first."""

    instances: int
    """How many of them were looked at."""
    faults: tuple[FaultItem, ...]


class IsolationQuery(Query):
    """Of what the report is wanted."""

    space: Identifier | None = None
    """A space by id or slug: the instances that it owns, or what lies below it. Null for all, which takes an admin."""


class Groups(Answer):
    """Groups in which people of several customers are together."""

    groups: tuple[Ref, ...]


class Upstream(Answer):
    """How an instance can be reached, as seen from the gateway."""

    instance: Ref
    address: str
    upstream: str | None
    """Null where nobody has said yet."""
    answers: bool
    local: bool
    """Whether it is on the gateway's own machine, by the loopback or a socket file."""
    listens_at: tuple[str, ...]
    """Further addresses of the gateway's machine at which the same port answers: others reach it there."""
    admin_open: bool
    """Whether its admin API asks nobody for a login."""


class Upstreams(Answer):
    """How every instance can be reached."""

    upstreams: tuple[Upstream, ...]


async def isolated(api: Api, call: Call) -> IsolationReport:
    moment, named = call.moment, call.asked(IsolationQuery).space
    space = space_at(moment.estate, named) if named is not None else None
    call.require(Permission.PLATFORM_SETTINGS if space is None else Permission.SPACE_AUDIT, space)
    seen, instances = eyes(api, call), instances_of(moment.estate, space)
    allowed = api.premises.settings.server.allow_public_http
    look = partial(isolation, api.probes, moment.estate, instances, open_allowed=allowed)
    faults = await api.looks.run(space.id if space else None, look)
    mine = {each.id for each in instances if seen.may(Permission.INSTANCE_READ, each)}
    found = (item for fault in faults if (item := _fault(seen, mine, fault)))
    return IsolationReport(instances=len(mine), faults=tuple(found))


def _fault(seen: Eyes, instances: Container[str], fault: Fault) -> FaultItem | None:
    """A fault as whoever asks may know it: others share what was found, who may know more, or began at another version."""
    place = seen.estate.resources.get(fault.place.id)
    ref = seen.resource_ref(place)
    if place is None or ref is None or not any(at.id in instances for at in seen.estate.path(place)):
        return None
    return FaultItem(
        code=fault.code,
        severity=fault.severity.value,
        place=ref,
        address=seen.address(place),
        message=fault.message,
        remedy=fault.remedy,
    )


async def mingled(_: Api, call: Call) -> Groups:
    found = await mingled_groups(call.moment.database, call.moment.estate)
    return Groups(groups=tuple(Ref(id=group.id, slug=group.slug, name=group.title) for group in found))


async def upstreams(api: Api, call: Call) -> Upstreams:
    estate = call.moment.estate
    found = await reached(api.probes, instances_of(estate, None))
    return Upstreams(
        upstreams=tuple(
            Upstream(
                instance=Ref(id=each.id, slug=each.slug, name=each.name),
                address=estate.address(each),
                upstream=said_upstream(settings),
                answers=how.answers,
                local=how.local,
                listens_at=how.listens_at,
                admin_open=how.admin_open,
            )
            for each, settings, how in found
        )
    )


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/checks/isolation",
        tag=TAG,
        summary="Everything by which people may get to what is another's: of all instances for admins, of a space for its owners",
        permission=Permission.SPACE_AUDIT,
        where=SENT,
        query=IsolationQuery,
        answer=IsolationReport,
        perform=isolated,
        held=Policy.CHECKS,
    ),
    Operation(
        method="GET",
        path="/checks/mingled-groups",
        tag=TAG,
        summary="Groups in which people of several customers are together",
        permission=Permission.PLATFORM_SETTINGS,
        where=PLATFORM,
        answer=Groups,
        perform=mingled,
    ),
    Operation(
        method="GET",
        path="/checks/upstreams",
        tag=TAG,
        summary="How every instance can be reached, as seen from the gateway",
        permission=Permission.PLATFORM_SETTINGS,
        where=PLATFORM,
        answer=Upstreams,
        perform=upstreams,
    ),
)
