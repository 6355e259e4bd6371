"""Instances: what one sees of them, where they are, how they are protected, and how they are."""

from dataclasses import replace
from typing import Final, Literal

from pydantic import BaseModel

from proxy.access.passwords import hash_password
from proxy.model.access import Permission
from proxy.model.audit import AuditQuery
from proxy.model.estate import Resource, ResourceKind
from proxy.services.administration import instances, probing, resources
from proxy.services.administration.resources import Draft, Reference
from proxy.services.audit_catalogue import Level
from proxy.services.audit_format import as_json
from proxy.services.audit_reading import log, read
from proxy.services.authority import resource_at
from proxy.services.writer import Step
from proxy.web.api.audit import AuditItem
from proxy.web.api.instance_models import (
    EMPTY,
    InstanceChange,
    InstanceItem,
    NewInstance,
    ProtectedBody,
    ProtectedItem,
    SecurityBody,
    SecurityItem,
    instance_item,
    security_item,
)
from proxy.web.api.items import Tile
from proxy.web.api.keys import Api
from proxy.web.api.models import Answer, Fault, Meta, Page, PageQuery
from proxy.web.api.operation import EACH, SENT, Call, Operation, on_resource
from proxy.web.api.paging import cursor, cut, number_of
from proxy.web.api.refusing import invalid
from proxy.web.api.resources import ResourcesQuery, listed
from proxy.web.api.spaces import eyes
from proxy.web.api.states import State, in_state

TAG: Final = "instances"
KIND: Final = ResourceKind.INSTANCE
HERE: Final = on_resource("instance", KIND)


_FOR_VIEWERS: Final = frozenset({"protected", "open", "public"})
"""States that concern those who may open an instance; others may only see whether it is up."""


class InstancesQuery(ResourcesQuery):
    """Which instances are wanted, and what of them."""

    view: Literal["full", "launcher"] = "full"
    """launcher: dashboards to open, also of instances of which one may use nothing else."""
    state: State | None = None
    """Only those that are protected, or open to deploys; public: anybody may use them; up, down or
    unknown: as this process of the gateway found when it last had something to ask of them."""


class Status(Answer):
    """How an instance is."""

    up: bool
    """Whether anything answers where it listens."""


class FindingItem(Answer):
    """One thing that a test has found."""

    code: str
    severity: probing.Severity
    message: str
    remedy: str


class Findings(Answer):
    """What a test has found, worst first."""

    findings: tuple[FindingItem, ...]


async def find(api: Api, call: Call) -> Page[InstanceItem | Tile]:
    asked, seen = call.asked(InstancesQuery), eyes(api, call)
    launcher = asked.view == "launcher"
    if launcher and asked.state in _FOR_VIEWERS:
        remedy = "Ask for up, down or unknown, or leave view out."
        raise invalid([Fault(pointer="?state", message="is no state that the launcher knows", remedy=remedy)])
    permission = Permission.DASHBOARD_LIST if launcher else Permission.INSTANCE_LIST
    found = [each for each in listed(seen, KIND, permission, asked) if in_state(api, each, asked.state)]
    items, meta = cut(found, asked)
    shown = (seen.tile(each) if launcher else instance_item(seen, each) for each in items)
    return Page[InstanceItem | Tile](meta=meta, items=tuple(shown))


def _instance(call: Call) -> Resource:
    return resource_at(call.moment.estate, call.path["instance"], KIND)


async def show(api: Api, call: Call) -> InstanceItem:
    return instance_item(eyes(api, call), _instance(call))


async def create(api: Api, call: Call) -> Step[BaseModel]:
    sent = call.sent(NewInstance)
    draft = Draft(
        id=api.new_id(),
        kind=KIND,
        slug=sent.slug,
        name=sent.name,
        places=(Reference(field="application", key=sent.application),),
    )
    made = resources.drawn(call.moment, draft)  # a password is hashed for nobody who may not make it
    if sent.security != SecurityBody():
        call.require(Permission.INSTANCE_SECURITY, made)
    settings = sent.security.applied(sent.placed(EMPTY), await _hashed(api, call, sent.security))
    return _shown(api, call, await instances.create(call.moment, api.premises, replace(draft, instance=settings)))


async def update(api: Api, call: Call) -> Step[BaseModel]:
    sent, key = call.sent(InstanceChange), call.path["instance"]
    step = await instances.update(call.moment, api.premises, key, sent.placed, slug=sent.slug, name=sent.name)
    return _shown(api, call, step)


async def delete(_: Api, call: Call) -> Step[None]:
    return await resources.delete(call.moment, call.path["instance"], KIND)


def _shown(api: Api, call: Call, step: Step[Resource]) -> Step[BaseModel]:
    return Step(result=instance_item(eyes(api, call), step.result), edits=step.edits, events=step.events)


async def _hashed(api: Api, call: Call, body: SecurityBody) -> str | None:
    """The hash of a new password, made beside the loop. Raises TooOften for who sets one after the other."""
    password = body.password
    if password is None:
        return None
    await api.desk.allowances.instance_password(call.moment.actor.user_id)
    return await api.desk.accounts.offload(hash_password, password)


async def show_security(api: Api, call: Call) -> SecurityItem:
    return _security(api, call, _instance(call))


def _security(api: Api, call: Call, instance: Resource) -> SecurityItem:
    """The name for mode basic is half of what opens the instance: owners alone see it."""
    seen, settings = eyes(api, call), instance.instance or EMPTY
    item = security_item(settings, seen.actions(instance))
    item.veil(api.tag_key, settings.basic_password_hash, settings.admin_token)
    if seen.may(Permission.INSTANCE_EDIT, instance):
        return item
    return item.model_copy(update={"http_auth": item.http_auth.model_copy(update={"username": ""})})


async def secure(api: Api, call: Call) -> Step[BaseModel]:
    sent = call.sent(SecurityBody)
    hashed = await _hashed(api, call, sent)
    key = call.path["instance"]
    step = await instances.secure(call.moment, api.premises, key, lambda before: sent.applied(before, hashed))
    return Step(result=_security(api, call, step.result), edits=step.edits, events=step.events)


async def show_protected(_: Api, call: Call) -> ProtectedItem:
    settings = _instance(call).instance or EMPTY
    return ProtectedItem(enabled=settings.protected)


async def protect(_: Api, call: Call) -> Step[BaseModel]:
    enabled = call.sent(ProtectedBody).enabled
    step = await instances.protect(call.moment, call.path["instance"], enabled=enabled)
    return Step(result=ProtectedItem(enabled=enabled), edits=step.edits, events=step.events)


async def status(api: Api, call: Call) -> Status:
    return Status(up=await probing.is_up(api.ask, _instance(call)))


async def test(api: Api, call: Call) -> Findings:
    found = await probing.examine(api.ask, _instance(call))
    items = (
        FindingItem(code=each.code, severity=each.severity, message=each.message, remedy=each.remedy) for each in found
    )
    return Findings(findings=tuple(items))


async def events(_: Api, call: Call) -> Page[AuditItem]:
    asked = call.asked(PageQuery)
    query = AuditQuery(before=number_of(asked), limit=asked.limit)
    found = await read(log(call.moment, Level.INSTANCE, call.path["instance"], query))
    items = tuple(AuditItem.model_validate(as_json(each)) for each in found.items)
    onward = cursor(found.items[-1].id) if found.more and found.items else None
    return Page[AuditItem](meta=Meta(total=found.total, next_cursor=onward), items=items)


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/instances",
        tag=TAG,
        summary="Instances that one may see; by view=launcher, the dashboards one may open",
        permission=Permission.INSTANCE_LIST,
        where=EACH,
        query=InstancesQuery,
        answer=Page[InstanceItem | Tile],
        perform=find,
    ),
    Operation(
        method="POST",
        path="/instances",
        tag=TAG,
        summary="Register an instance in an application; saying where it listens takes an owner of the team",
        permission=Permission.INSTANCE_CREATE,
        where=SENT,
        body=NewInstance,
        answer=InstanceItem,
        status=201,
        audit=("project.created",),
        change=create,
    ),
    Operation(
        method="GET",
        path="/instances/{instance}",
        tag=TAG,
        summary="An instance, by id or address",
        permission=Permission.INSTANCE_READ,
        where=HERE,
        answer=InstanceItem,
        perform=show,
    ),
    Operation(
        method="PUT",
        path="/instances/{instance}",
        tag=TAG,
        summary="Rename an instance, or reach it elsewhere; saying where it listens takes an owner of the team",
        permission=Permission.INSTANCE_EDIT,
        where=HERE,
        body=InstanceChange,
        answer=InstanceItem,
        audit=("project.settings.updated",),
        change=update,
    ),
    Operation(
        method="DELETE",
        path="/instances/{instance}",
        tag=TAG,
        summary="Forget an instance in which nothing lies any more; Node-RED itself is left alone",
        permission=Permission.INSTANCE_DELETE,
        where=HERE,
        status=204,
        audit=("project.deleted",),
        change=delete,
    ),
    Operation(
        method="GET",
        path="/instances/{instance}/security",
        tag=TAG,
        summary="How an instance is protected; secrets are never answered",
        permission=Permission.INSTANCE_READ,
        where=HERE,
        answer=SecurityItem,
        perform=show_security,
    ),
    Operation(
        method="PUT",
        path="/instances/{instance}/security",
        tag=TAG,
        summary="Change how an instance is protected",
        permission=Permission.INSTANCE_SECURITY,
        where=HERE,
        body=SecurityBody,
        answer=SecurityItem,
        audit=("project.security.updated",),
        change=secure,
    ),
    Operation(
        method="GET",
        path="/instances/{instance}/protected",
        tag=TAG,
        summary="Whether nobody may deploy to an instance",
        permission=Permission.INSTANCE_READ,
        where=HERE,
        answer=ProtectedItem,
        perform=show_protected,
    ),
    Operation(
        method="PUT",
        path="/instances/{instance}/protected",
        tag=TAG,
        summary="Let nobody deploy to an instance, or let them again",
        permission=Permission.INSTANCE_SECURITY,
        where=HERE,
        body=ProtectedBody,
        answer=ProtectedItem,
        audit=("project.protected", "project.unprotected"),
        change=protect,
    ),
    Operation(
        method="GET",
        path="/instances/{instance}/status",
        tag=TAG,
        summary="Whether an instance answers",
        permission=Permission.INSTANCE_STATUS,
        where=HERE,
        answer=Status,
        perform=status,
    ),
    Operation(
        method="POST",
        path="/instances/{instance}/test",
        tag=TAG,
        summary="Ask an instance how it is, and say what does not fit what the gateway was told",
        permission=Permission.INSTANCE_EDIT,
        where=HERE,
        answer=Findings,
        perform=test,
    ),
    Operation(
        method="GET",
        path="/instances/{instance}/audit",
        tag=TAG,
        summary="The log of an instance, newest first",
        permission=Permission.INSTANCE_AUDIT,
        where=HERE,
        query=PageQuery,
        answer=Page[AuditItem],
        perform=events,
    ),
)
