"""What spaces are called in addresses: who chooses that, and when it may be another.

Logins of a provider, demands for a second factor and rows all go by slugs. So whoever owns a customer chooses none that a
team's owners may have chosen, for a space that is there or for one that is gone.
"""

from collections.abc import Iterator
from typing import Final

from config.schema import Settings
from proxy.access.decide import Sight
from proxy.model.access import Permission
from proxy.model.directory import Space
from proxy.services.problems import Invalid, NotPossible, Wrong
from proxy.services.writer import Moment

SEPARATOR: Final = "_"
"""Stands in no slug that anybody chooses, in the API or in a file."""
LONGEST: Final = 128
"""Characters of a slug, with those of the spaces above behind it."""


def bestowed(moment: Moment, slug: str, above: Space | None) -> str:
    """The slug of a space that is to be called this: that very one where an owner of the team says so, or an admin; else
    with the slug of the space above behind it. Raises Invalid.
    """
    if SEPARATOR in slug:
        message = "must be lower-case letters, digits and inner dashes; what follows _ is the gateway's to add"
        raise Invalid(Wrong(field="slug", message=message, remedy=f"Write {slug.partition(SEPARATOR)[0]}."))
    if above is None or _owns_the_team(moment, above):
        return slug
    end = f"{SEPARATOR}{above.slug}"
    if len(slug) + len(end) > LONGEST:
        message = f"must leave room for {end} within {LONGEST} characters"
        raise Invalid(Wrong(field="slug", message=message, remedy="Choose a shorter one."))
    return slug + end


def _owns_the_team(moment: Moment, space: Space) -> bool:
    *_, team = moment.estate.lineage(space)
    return Sight(moment.estate, moment.actor, now=moment.now).entitled(Permission.SPACE_EDIT, team)


def refuse_named(settings: Settings, slug: str) -> None:
    """Raises NotPossible for a slug that the configuration names: what is said of that space would be said of none."""
    if found := ", ".join(_naming(settings, slug)):
        remedy = "Ask an admin to write the new slug there, reload the configuration, and then change it here."
        raise NotPossible("slug_in_settings", f"The configuration names {slug} in {found}. {remedy}")


def _naming(settings: Settings, slug: str) -> Iterator[str]:
    """The settings that name a space, as options are written."""
    enforce = settings.mfa.enforce
    if isinstance(enforce, tuple) and slug in enforce:
        yield "mfa.enforce"
    for entry in settings.auth:
        if entry.groups is None:
            continue
        if slug in (entry.groups.teams or ()):
            yield f"auth.{entry.name}.groups.teams"
        targets = (target for row in entry.groups.table.values() for target in row)
        if any(target.partition("/")[0].casefold() == slug for target in targets):
            yield f"auth.{entry.name}.groups.table"
