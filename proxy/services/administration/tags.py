"""Tags: which there are, and which values spaces and users have of them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from proxy.model.access import Permission
from proxy.model.audit import Update
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Estate, PlatformSettings, Resource
from proxy.model.identity import Person
from proxy.services.audit import changes
from proxy.services.authority import refuse_declared, require, space_at, told
from proxy.services.problems import Exists, Invalid, NotPossible, NotThere, Wrong
from proxy.services.users import user_at
from proxy.services.writer import Moment, Step
from proxy.store import PutPerson

MOST: Final = 100
"""Tags that may be defined."""


def define(moment: Moment, name: str, default: str | None) -> Step[str]:
    """A new tag. Raises Exists, and NotPossible when there are too many."""
    before = moment.estate.settings
    if name in before.tags:
        raise Exists("name", name)
    if len(before.tags) >= MOST:
        raise NotPossible("too_many", f"There are {MOST} tags, and that is all there may be. Delete one.")
    event = told(moment, "platform.tag.created", body={"name": name, "default": default})
    return Step(result=name, edits=[_with(before, {**before.tags, name: default})], events=[event])


def redefine(moment: Moment, name: str, default: str | None) -> Step[str]:
    """Another default. Raises NotThere."""
    before = moment.estate.settings
    was = _default(before, name)
    if was == default:
        return Step(result=name)
    updates = (Update(key="default", old=was, new=default),)
    event = told(moment, "platform.tag.updated", updates=updates, body={"name": name})
    return Step(result=name, edits=[_with(before, {**before.tags, name: default})], events=[event])


def undefine(moment: Moment, name: str) -> Step[None]:
    """Define a tag no longer. Raises NotThere, and NotPossible while a row policy uses it."""
    before = moment.estate.settings
    _default(before, name)
    if using := users_of(moment.estate, name):
        shown = ", ".join(moment.estate.address(instance) for instance in using[:5])
        detail = f"Row policies of {shown} use the tag {name}. Delete those first."
        raise NotPossible("in_use", detail)
    event = told(moment, "platform.tag.deleted", body={"name": name})
    kept = {each: default for each, default in before.tags.items() if each != name}
    return Step(result=None, edits=[_with(before, kept)], events=[event])


def users_of(estate: Estate, name: str) -> list[Resource]:
    """The instances whose row policies use a tag."""
    return [
        each
        for each in estate.resources.values()
        if each.instance is not None and any(policy.tag == name for policy in each.instance.rows)
    ]


async def tag_space(moment: Moment, key: str, tags: Mapping[str, str]) -> Step[Space]:
    """Give a space other values, all of them. It takes an owner of the team: nobody hands rows to themselves."""
    space = space_at(moment.estate, key)
    require(moment, Permission.TAG_MANAGE, space)
    if space.kind is SpaceKind.EVERYONE:
        raise NotPossible("built_in", "The space of everyone has no values. Give the tag a default instead.")
    after = replace(space, tags=dict(tags))
    if after == space:
        return Step(result=space)
    _refuse_undefined(moment.estate, tags, space.tags)
    refuse_declared(space, f"The {space.kind} {space.slug}")
    event = told(moment, f"{space.kind}.settings.updated", space, updates=changes(space, after))
    return Step(result=after, edits=[after], events=[event])


async def tag_user(moment: Moment, key: str, tags: Mapping[str, str]) -> Step[Person]:
    """Give a user other values of their own, all of them."""
    person = await user_at(moment, key)
    after = replace(person, user=replace(person.user, tags=dict(tags)))
    if after == person:
        return Step(result=person)
    _refuse_undefined(moment.estate, tags, person.user.tags)
    refuse_declared(person.user, f"The user {person.user.username}")
    event = told(moment, "user.updated-user", person.user, updates=changes(person.user, after.user))
    return Step(result=after, edits=[PutPerson(person=after)], events=[event])


def _refuse_undefined(estate: Estate, tags: Mapping[str, str], before: Mapping[str, str]) -> None:
    """What was there before may stay."""
    known = ", ".join(sorted(estate.settings.tags)) or "none"
    wrongs = [
        Wrong(
            field=f"tags/{name}", message="names no tag that is defined", remedy=f"Define it first. Defined: {known}."
        )
        for name in tags
        if name not in estate.settings.tags and name not in before
    ]
    if wrongs:
        raise Invalid(*wrongs)


def _default(settings: PlatformSettings, name: str) -> str | None:
    if name not in settings.tags:
        raise NotThere(name)
    return settings.tags[name]


def _with(settings: PlatformSettings, tags: Mapping[str, str | None]) -> PlatformSettings:
    return replace(settings, tags=tags)
