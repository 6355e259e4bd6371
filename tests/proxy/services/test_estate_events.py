"""What applying an estate file leaves on the audit log of a real store."""

import json
from pathlib import Path

from proxy.model.audit import AuditQuery, Event, Update
from proxy.services.estate import Workshop, apply
from proxy.store import Store
from tests.proxy.services.test_estate import NOW, TEXT, file, folder, store, work

__all__ = ["folder", "store", "work"]


async def events(store: Store) -> list[Event]:
    return [each.event for each in reversed((await store.database.events(AuditQuery(limit=500))).items)]


async def test_everything_that_is_made_is_told_with_where_it_is(store: Store, work: Workshop, folder: Path) -> None:
    await apply(work, await file(folder), now=NOW)
    told = await events(store)
    assert {event.source for event in told} == {"file"}
    assert {event.event for event in told} == {
        "team.created",
        "user.created-user",
        "team.user.added",
        "team.user.permissions-changed",
        "application.created",
        "project.created",
        "share.created",
    }
    made = next(event for event in told if event.event == "project.created")
    estate = await store.database.estate()
    assert [estate.resources[made.within[0]].slug, estate.resources[made.within[1]].slug] == ["line-3", "plant"]
    assert estate.spaces[made.within[2]].slug == "acme"


async def test_a_change_is_told_with_old_and_new_values_and_without_secrets(
    store: Store, work: Workshop, folder: Path
) -> None:
    await apply(work, await file(folder), now=NOW)
    before = len(await events(store))
    (folder / "line").write_text("another password")
    changed = TEXT.replace("1880", "1881").replace("acme: viewer", "acme: member")
    await apply(work, await file(folder, changed), now=NOW)
    told = {event.event: event for event in (await events(store))[before:]}
    assert set(told) == {"project.settings.updated", "user.updated-user", "team.user.role-changed"}
    updates = {update.key: update for update in told["project.settings.updated"].updates}
    assert updates["upstream"] == Update(key="upstream", old="http://127.0.0.1:1880", new="http://127.0.0.1:1881")
    assert updates["admin_token"].new == updates["basic_password_hash"].new == "(not shown)"
    assert told["team.user.role-changed"].updates == (Update(key="role", old="viewer", new="member"),)


async def test_l_01_protection_switched_in_a_file_is_told_as_over_the_api(
    store: Store, work: Workshop, folder: Path
) -> None:
    """L-01: the switch is an event of its own, whatever else changed with it."""
    await apply(work, await file(folder), now=NOW)
    closed = TEXT.replace("admin_token:", "protected: true\n    admin_token:")
    moved = TEXT.replace("1880", "1881")
    told = []
    for text in (closed, closed, moved):
        before = len(await events(store))
        await apply(work, await file(folder, text), now=NOW)
        told += [
            (event.event, {(update.key, update.old, update.new) for update in event.updates})
            for event in (await events(store))[before:]
        ]
    upstream = ("upstream", "http://127.0.0.1:1880", "http://127.0.0.1:1881")
    assert told == [
        ("project.protected", {("protected", "false", "true")}),
        ("project.settings.updated", {upstream}),
        ("project.unprotected", {("protected", "true", "false")}),
    ]


async def test_what_is_removed_is_told_with_where_it_was(store: Store, work: Workshop, folder: Path) -> None:
    await apply(work, await file(folder), now=NOW)
    acme = next(iter((await store.database.estate()).spaces))
    before = len(await events(store))
    await apply(work, await file(folder, "spaces: []"), now=NOW)
    told = (await events(store))[before:]
    assert {event.event for event in told} == {
        "share.deleted",
        "user.deleted",
        "team.user.removed",
        "team.user.permissions-changed",
        "project.deleted",
        "application.deleted",
        "team.deleted",
    }
    assert all(acme in event.within for event in told if event.event != "user.deleted")


async def test_applying_the_same_again_tells_nothing(store: Store, work: Workshop, folder: Path) -> None:
    """A-07."""
    await apply(work, await file(folder), now=NOW)
    before = len(await events(store))
    await apply(work, await file(folder), now=NOW)
    assert len(await events(store)) == before


async def test_no_secret_of_a_file_is_ever_told(store: Store, work: Workshop, folder: Path) -> None:
    """A-10."""
    for name in ("ada", "line"):
        (folder / name).write_text("canary-4711")
    await apply(work, await file(folder), now=NOW)
    await apply(work, await file(folder, TEXT.replace("slug: line-3", "slug: line-4")), now=NOW)
    told = json.dumps(
        [[dict(each.body), [[u.key, u.old, u.new] for u in each.updates]] for each in await events(store)]
    )
    assert "canary" not in told
    assert "argon2" not in told
