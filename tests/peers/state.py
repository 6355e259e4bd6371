"""The state as the product opens it, but given time: a machine that many tests share may stand still for seconds.

Tests of what happens when nothing answers open it as the product does.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from proxy.model.audit import Event
from proxy.model.identity import UserState
from proxy.store import Database, PutPerson
from proxy.store.redis import open_redis as _open_redis
from proxy.store.sql import open_postgresql as _open_postgresql
from proxy.store.sql import open_store as _open_store

PATIENCE: Final = 30.0

open_store = partial(_open_store, patience=PATIENCE)
open_postgresql = partial(_open_postgresql, patience=PATIENCE)
open_redis = partial(_open_redis, patience=PATIENCE)


def at_rest(folder: Path) -> bytes:
    """Every byte of the files below it, as somebody has them who copied them."""
    return b"".join(each.read_bytes() for each in folder.rglob("*") if each.is_file())


async def put_in_state(database: Database, user_id: str, state: UserState, *events: Event) -> None:
    """Suspend somebody, or let them back in."""
    person = await database.person(user_id)
    assert person is not None
    after = replace(person, user=replace(person.user, state=state))
    await database.edit([PutPerson(person=after)], events)
