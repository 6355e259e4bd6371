"""Instances: where they are reached, where they listen, and how they are protected."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from config.addresses import Listen
from config.schema import Settings
from proxy.model.access import Permission
from proxy.model.audit import Update
from proxy.model.estate import InstanceSettings, Resource, ResourceKind, UpstreamTls
from proxy.services.administration.placement import misplaced
from proxy.services.administration.resources import Draft, changed, drawn, editable, refuse_kept
from proxy.services.administration.safety import forbidden, unsafe
from proxy.services.audit import changes
from proxy.services.authority import require, resource_at, told
from proxy.services.border import Border
from proxy.services.problems import Invalid, NotThere, Wrong
from proxy.services.writer import Moment, Step

UNSET: Final = "http://unset.invalid"
"""Where an instance listens until an owner of the team has said so: a name that leads nowhere (RFC 2606 section 2)."""

Alter = Callable[[InstanceSettings], InstanceSettings]
"""What a body does to settings."""


def own_listeners(settings: Settings) -> tuple[Listen, ...]:
    """Where the gateway itself listens, and the stores it keeps its state in: no instance leads there."""
    server, state = settings.server, settings.state
    workers = range(server.workers) if server.operations else ()
    operations = [
        replace(server.operations, port=server.operations.port + each) for each in workers if server.operations
    ]
    stores = [] if isinstance(state.shared, str) else [*state.shared.servers]
    if not isinstance(state.database, str):
        stores += state.database.servers
    return (*server.listen, *server.redirect_http, *operations, *stores)


class Premises:
    """What the gateway is configured to be, as far as instances have to fit in; a reload puts other settings in."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def border(self, moment: Moment) -> Border:
        """Where upstreams may lead now."""
        listeners = own_listeners(self.settings)
        return Border(allow=moment.estate.settings.upstream_allow, listeners=listeners)


async def create(moment: Moment, premises: Premises, draft: Draft) -> Step[Resource]:
    """A new instance. Saying where it listens takes an owner of the team; without it is made, and answers nothing yet."""
    made = drawn(moment, draft)
    settings = _settings(made)
    application = moment.estate.resources[made.parent or ""]
    if (settings.upstream, settings.upstream_tls) != (UNSET, UpstreamTls()):
        require(moment, Permission.INSTANCE_UPSTREAM, application)
    wrongs = [
        *misplaced(moment.estate, made, premises.settings.server),
        *forbidden(settings, premises.border(moment)),
        *unsafe(settings, premises.settings),
    ]
    _refuse(wrongs)
    event = told(moment, "project.created", made, body={"name": moment.estate.address(made), "title": made.name})
    return Step(result=made, edits=[made], events=[event])


async def update(
    moment: Moment, premises: Premises, key: str, alter: Alter, *, slug: str | None = None, name: str | None = None
) -> Step[Resource]:
    """Rename an instance, or reach it elsewhere."""
    before = editable(moment, key, ResourceKind.INSTANCE)
    was = _settings(before)
    now = _parted(was, alter(was))
    after = replace(
        before,
        slug=before.slug if slug is None else slug,
        name=before.name if name is None else name,
        instance=now,
    )
    wrongs: list[Wrong] = []
    if (now.upstream, now.upstream_tls) != (was.upstream, was.upstream_tls):
        require(moment, Permission.INSTANCE_UPSTREAM, before)
        wrongs += forbidden(now, premises.border(moment))
    if (now.hosts, now.path) != (was.hosts, was.path):
        wrongs += misplaced(moment.estate, after, premises.settings.server)
    _refuse(wrongs)
    return changed(moment, before, after, "project.settings.updated")


async def secure(moment: Moment, premises: Premises, key: str, alter: Alter) -> Step[Resource]:
    """Change who may use an instance and how it knows them."""
    before = resource_at(moment.estate, key, ResourceKind.INSTANCE)
    require(moment, Permission.INSTANCE_SECURITY, before)
    after = replace(before, instance=alter(_settings(before)))
    if after == before:
        return Step(result=before)
    refuse_kept(before)
    _refuse(list(unsafe(_settings(after), premises.settings)))
    event = told(moment, "project.security.updated", after, updates=changes(before, after))
    return Step(result=after, edits=[after], events=[event])


async def protect(moment: Moment, key: str, *, enabled: bool) -> Step[Resource]:
    """Let nobody deploy to an instance, or let them again."""
    before = resource_at(moment.estate, key, ResourceKind.INSTANCE)
    require(moment, Permission.INSTANCE_SECURITY, before)
    settings = _settings(before)
    if settings.protected is enabled:
        return Step(result=before)
    refuse_kept(before)
    after = replace(before, instance=replace(settings, protected=enabled))
    updates = (Update(key="protected", old=settings.protected, new=enabled),)
    event = told(moment, "project.protected" if enabled else "project.unprotected", after, updates=updates)
    return Step(result=after, edits=[after], events=[event])


def _parted(was: InstanceSettings, now: InstanceSettings) -> InstanceSettings:
    """A secret was for where the instance was: whoever says where it is now does not get it told there."""
    return (
        now if (now.upstream, now.upstream_tls) == (was.upstream, was.upstream_tls) else replace(now, admin_token=None)
    )


def _settings(resource: Resource) -> InstanceSettings:
    if resource.instance is None:
        raise NotThere(resource.id)
    return resource.instance


def _refuse(wrongs: list[Wrong]) -> None:
    if wrongs:
        raise Invalid(*wrongs)
