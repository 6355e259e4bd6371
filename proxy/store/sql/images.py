"""Pictures of branding in SQL: kept as long as some branding names them."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Select, delete, select, union
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.store import Image
from proxy.store.sql.bulk import put
from proxy.store.sql.changes import Touched
from proxy.store.tables import image, setting, space


def _named(part: str) -> tuple[Select[str], Select[str]]:
    """The keys that this part of branding names: of spaces, and of the platform."""
    ours, theirs = space.c.branding[part].as_string(), setting.c.value[part].as_string()
    return (
        select(ours).where(space.c.branding.is_not(None), ours.is_not(None)),
        select(theirs).where(setting.c.name == "branding", theirs.is_not(None)),
    )


_IN_USE: Final = union(*_named("logo"), *_named("favicon"))


async def put_images(connection: AsyncConnection, puts: Sequence[Image]) -> list[Touched]:
    """Keep pictures. Nobody need hear of it: what names one changes too."""
    await put(connection, image, [{"key": each.key, "type": each.type, "content": each.content} for each in puts])
    return []


async def by_key(connection: AsyncConnection, key: str) -> Image | None:
    row = (await connection.execute(select(image).where(image.c.key == key))).one_or_none()
    return None if row is None else Image(key=row.key, type=row.type, content=row.content)


async def forget_unused(connection: AsyncConnection) -> None:
    """Remove the pictures that no branding names."""
    await connection.execute(delete(image).where(image.c.key.not_in(_IN_USE)))
