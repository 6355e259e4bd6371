"""What every kind of resource has in common: making, renaming and deleting it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from proxy.access.decide import acting, space_role
from proxy.model.access import Decision, Permission, Reason, Role
from proxy.model.audit import Event
from proxy.model.directory import Space
from proxy.model.estate import Estate, InstanceSettings, Resource, ResourceKind
from proxy.services.administration.kinds import KINDS
from proxy.services.administration.references import resource_named, space_named, unknown
from proxy.services.audit import changes
from proxy.services.authority import refuse_declared, require, resource_at, told
from proxy.services.problems import Denied, Exists, Invalid, NotPossible, Wrong
from proxy.services.writer import Moment, Step
from proxy.store import Remove


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A member of the body, and the id, slug or address in it."""

    field: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A resource to be made: in another, or by itself in a space."""

    id: str
    kind: ResourceKind
    slug: str
    name: str = ""
    places: tuple[Reference, ...]
    """What the body says of where it belongs: that has to be one thing."""
    attributes: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    instance: InstanceSettings | None = None


async def create(moment: Moment, draft: Draft) -> Step[Resource]:
    """A new resource."""
    made = drawn(moment, draft)
    _require_calling(moment, "", made)
    kind = KINDS[draft.kind]
    event = told(moment, kind.created, made, body={"name": moment.estate.address(made), "title": made.name})
    return Step(result=made, edits=[made], events=[event])


def drawn(moment: Moment, draft: Draft) -> Resource:
    """The resource of a draft, once whoever acts may make it there and its slug is free."""
    parent, space = _placed(moment, draft)
    made = Resource(
        id=draft.id,
        kind=draft.kind,
        slug=draft.slug,
        name=draft.name,
        parent=parent.id if parent else None,
        owner=space.id if space else None,
        attributes=draft.attributes,
        instance=draft.instance,
    )
    refuse_taken(moment.estate, made)
    return made


def _placed(moment: Moment, draft: Draft) -> tuple[Resource | None, Space | None]:
    """Where a new resource goes: into another, or into a space. Raises Invalid and Denied."""
    rules = KINDS[draft.kind]
    if len(draft.places) != 1:
        where = [*sorted(rules.parents), *(["space"] if rules.loose else [])]
        field = draft.places[-1].field if draft.places else where[0]
        message = f"must say where it belongs, by one of {', '.join(where)}"
        raise Invalid(Wrong(field=field, message=message, remedy="Send one id or address."))
    (place,) = draft.places
    if place.field == "space" and rules.loose is not None:
        return None, space_named(moment, place.field, place.key, rules.loose)
    return _parent(moment, draft.kind, place), None


def _parent(moment: Moment, kind: ResourceKind, reference: Reference) -> Resource:
    rules = KINDS[kind]
    named = next((each for each in rules.parents if each.value == reference.field), None)
    parent = resource_named(moment, reference.field, reference.key, rules.create, named)
    if parent.kind not in rules.parents:
        raise unknown(reference.field, " or ".join(sorted(rules.parents)))
    return parent


async def update(
    moment: Moment,
    key: str,
    kind: ResourceKind,
    *,
    slug: str | None = None,
    name: str | None = None,
    attributes: Mapping[str, object] | None = None,
) -> Step[Resource]:
    """Rename, or describe otherwise; None leaves as it is."""
    resource = editable(moment, key, kind)
    after = replace(
        resource,
        slug=resource.slug if slug is None else slug,
        name=resource.name if name is None else name,
        attributes=resource.attributes if attributes is None else attributes,
    )
    _require_calling(moment, resource.external_id, after)
    return changed(moment, resource, after, KINDS[kind].updated)


def _require_calling(moment: Moment, before: str, thing: Resource) -> None:
    """What a thing is called elsewhere says which rows are its owner's (`access.tags`): it takes an owner of the team to
    say so, or its people could call theirs as those of others are called. Raises Denied.
    """
    owner = moment.estate.owner(thing)
    if thing.kind is not ResourceKind.THING or owner is None or thing.external_id in {"", before}:
        return
    *_, team = moment.estate.lineage(owner)
    role = space_role(moment.estate, acting(moment.actor.person, moment.actor.token), team)
    if role < Role.OWNER:
        refused = Decision(allowed=False, reason=Reason.ROLE_TOO_LOW, role=role, status=403)
        raise Denied(refused, Permission.THING_EDIT, owner)


def editable(moment: Moment, key: str, kind: ResourceKind) -> Resource:
    """A resource that whoever acts may change."""
    resource = resource_at(moment.estate, key, kind)
    require(moment, KINDS[kind].edit, resource)
    return resource


def changed(moment: Moment, before: Resource, after: Resource, event: str) -> Step[Resource]:
    """The step from one state of a resource to another; none where they are the same."""
    if after == before:
        return Step(result=before)
    refuse_kept(before)
    refuse_taken(moment.estate, after)
    return Step(result=after, edits=[after], events=[told(moment, event, after, updates=changes(before, after))])


async def delete(moment: Moment, key: str, kind: ResourceKind) -> Step[None]:
    """Delete a resource in which nothing lies any more; the pages of an instance or device go with it."""
    resource = resource_at(moment.estate, key, kind)
    require(moment, KINDS[kind].delete, resource)
    if kind is ResourceKind.FOLDER and resource.parent is None:
        require(moment, Permission.FOLDER_MANAGE, moment.estate.owner(resource))
    return Step(result=None, edits=removal(moment.estate, resource), events=[deleted(moment, resource)])


def removal(estate: Estate, resource: Resource) -> list[Remove]:
    """The edits that forget a resource. Raises NotPossible while something lies in it."""
    refuse_kept(resource)
    inside = estate.children.get(resource.id, ())
    if any(each.kind is not ResourceKind.PAGE for each in inside):
        detail = f"{resource.slug} still holds other resources. Move or delete them first."
        raise NotPossible("not_empty", detail)
    return [Remove(kind=Resource, id=each.id) for each in (*inside, resource)]


def deleted(moment: Moment, resource: Resource) -> Event:
    """The event of a resource that goes."""
    body = {"name": moment.estate.address(resource), "title": resource.name}
    return told(moment, KINDS[resource.kind].deleted, resource, body=body)


def refuse_kept(resource: Resource) -> None:
    """Raises DeclaredInFile for what an estate file keeps up."""
    refuse_declared(resource, f"The {resource.kind} {resource.slug}")


def refuse_taken(estate: Estate, resource: Resource) -> None:
    """Slugs are unique in the parent, or else in the space. Raises Exists."""
    place = resource.parent or resource.owner
    beside = estate.children.get(resource.parent, ()) if resource.parent else estate.resources.values()
    same = (each for each in beside if each.slug == resource.slug and each.id != resource.id)
    if any((each.parent or each.owner) == place for each in same):
        raise Exists("slug", resource.slug)
