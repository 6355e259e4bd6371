"""What the gateway of a place has put on record, and what an admin changes there, both past its process."""

from dataclasses import replace

from proxy.model.audit import AuditQuery, Event, Phase
from tests.peers.state import open_store
from tests.real.place import Place


async def events(where: Place, *names: str) -> list[Event]:
    """Events of these names, oldest first."""
    async with open_store(where.site.folder / "var") as store:
        page = await store.database.events(AuditQuery(events=names, limit=500))
    return [each.event for each in reversed(page.items)]


async def outcomes(where: Place, *names: str) -> list[Event]:
    """How writes went; each had an intent before."""
    found = await events(where, *names)
    assert len(found) == 2 * sum(event.phase is Phase.OUTCOME for event in found)
    return [event for event in found if event.phase is Phase.OUTCOME]


async def change(where: Place, slug: str = "line-3", **settings: object) -> None:
    """Change settings of an instance, as another process of the gateway does."""
    async with open_store(where.site.folder / "var") as store:
        estate = await store.database.estate()
        [resource] = [each for each in estate.resources.values() if each.slug == slug]
        assert resource.instance is not None
        changed = replace(resource, instance=replace(resource.instance, **settings))  # type: ignore[arg-type]
        await store.database.edit([changed], [])
