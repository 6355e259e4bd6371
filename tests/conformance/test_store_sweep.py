"""What every Shared that is kept in a database forgets when it is swept; Redis forgets by itself."""

from dataclasses import replace

from proxy.store import Store
from tests.conformance.things import cookie, session


async def test_a_sweep_forgets_what_is_past_its_time_and_nothing_else(store: Store) -> None:
    await store.shared.put("old", "value", until=5_000.0)
    await store.shared.put("new", "value", until=5_000.1)
    await store.shared.create_session(replace(session("over"), expires=5_000.0, idle=1e6), cookie("over"), "home")
    await store.shared.create_session(replace(session("idle"), seen=3_000.0), cookie("idle"), "home")
    await store.shared.create_session(replace(session("alive"), seen=4_900.0), cookie("alive"), "home")
    await store.shared.sweep(5_000.0)
    assert await store.shared.get("old", now=0.0) is None
    assert await store.shared.get("new", now=0.0) == "value"
    # An instance may have a longer idle time than the session's own, so idle ones are kept to their absolute end.
    assert {each.id for each in await store.shared.sessions_of("ada")} == {"alive", "idle"}
    assert {change.id for change in await store.database.changes(0)} == {"over"}
