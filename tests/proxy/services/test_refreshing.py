"""Asking providers about people who are logged in."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from typing_extensions import override

from auth_plugins import Identity, PluginSettings, Refused, Unavailable
from auth_plugins.registry import Provider
from auth_plugins.testkit import kit
from proxy.model.access import Role
from proxy.services.refreshing import Refreshing
from tests.proxy.services.directory_stage import ADA, Said, Stage, corp, of_ada, said, stage

EVERY = 900.0


@pytest.fixture
def provider() -> Provider:
    return corp(provision=True, groups={}, refresh=EVERY)


@pytest.fixture
async def there(place: str, provider: Provider) -> AsyncIterator[Stage]:
    async with stage(place, provider) as ready:
        yield ready


def refreshing(there: Stage) -> Refreshing:
    """As one process has it."""
    return Refreshing(
        providers=lambda: there.providers,
        linking=there.linking,
        sessions=there.sessions,
        shared=there.store.shared,
        now=there.time,
    )


async def test_somebody_is_asked_about_once_per_interval_over_all_replicas(there: Stage, provider: Provider) -> None:
    ada = await there.enter(provider)
    await there.logged_in(provider, ada)
    one, other = refreshing(there), refreshing(there)
    for moved, asked in ((0.0, 0), (EVERY - 1, 0), (1.0, 1), (EVERY - 1, 1), (1.0, 2), (EVERY, 3)):
        there.time.now += moved
        await asyncio.gather(one.look(), other.look())
        await one.look()
        assert len(said(provider).asked) == asked
    assert {each.subject for each in said(provider).asked} == {"77"}


async def test_whoever_may_no_longer_be_is_out_at_once_and_it_is_on_record(there: Stage, provider: Provider) -> None:
    """S-30: somebody who was removed at the provider."""
    ada = await there.enter(provider)
    for _ in range(2):
        await there.logged_in(provider, ada)
    elsewhere = await there.logged_in(there.providers[-1], ada)
    said(provider).says = Refused("account_disabled", "userAccountControl")
    there.time.now += EVERY
    await refreshing(there).look()
    assert [each.id for each in await there.sessions.of(ada.user.id)] == [elsewhere.id]
    [event] = await there.events("user.session.revoked")
    assert (event.user, event.source, event.body["code"]) == (ada.user.id, "sso", "account_disabled")


async def test_a_provider_that_does_not_answer_changes_nothing_and_is_asked_again(
    there: Stage, provider: Provider
) -> None:
    ada = await there.enter(provider)
    session = await there.logged_in(provider, ada)
    ours = refreshing(there)
    there.time.now += EVERY
    for asked, trouble in enumerate((Unavailable("directory_unreachable"), KeyError("a defect")), 1):
        said(provider).says = trouble
        await ours.look()
        assert await there.sessions.of(ada.user.id) == [session]
        assert len(said(provider).asked) == asked
        there.time.now += 60
    said(provider).says = ADA
    await ours.look()
    assert len(said(provider).asked) == 3
    assert await there.events("user.session.revoked") == []


async def test_what_cannot_be_read_any_more_is_no_answer_and_ends_nobody(there: Stage, provider: Provider) -> None:
    """It is of a version that did not seal it, or of another secret; the next login is asked about again."""
    ada = await there.enter(provider)
    session = await there.logged_in(provider, ada, of_ada(keep="token 0"))
    await there.store.shared.renew(session.id, groups=session.groups, keep="token 0")
    said(provider).says = Refused("account_disabled")
    there.time.now += EVERY
    ours = refreshing(there)
    await ours.look()
    assert [each.id for each in await there.sessions.of(ada.user.id)] == [session.id]
    assert said(provider).asked == []
    again = await there.logged_in(provider, ada, of_ada(keep="token 1"))
    there.time.now += EVERY
    await ours.look()
    assert [each.keep for each in said(provider).asked] == ["token 1"]
    assert again.id not in [each.id for each in await there.sessions.of(ada.user.id)]


async def test_groups_that_have_changed_hold_from_then_on(there: Stage, provider: Provider) -> None:
    """S-22."""
    ada = await there.enter(provider)
    first = await there.logged_in(provider, ada, of_ada(keep="token 0"))
    assert first.keep != "token 0"
    there.time.now += 1
    second = await there.logged_in(provider, ada, of_ada(keep="token 1"))
    said(provider).says = of_ada(groups=("ff-acme-owner", "staff"), keep="token 2")
    there.time.now += EVERY
    await refreshing(there).look()
    person = await there.store.database.person(ada.user.id)
    assert person is not None
    assert person.memberships["acme"].role is Role.OWNER
    found = {each.id: each for each in await there.sessions.of(ada.user.id)}
    assert {each.groups for each in found.values()} == {("ff-acme-owner", "staff")}
    kept = [there.sessions.kept(found[each.id]) for each in (first, second)]
    assert kept == ["token 0", "token 2"], "it was asked by the newest"
    assert [each.keep for each in said(provider).asked] == ["token 1"]
    there.time.now += EVERY
    await refreshing(there).look()
    assert [each.keep for each in said(provider).asked] == ["token 1", "token 2"]


async def test_a_refresh_that_says_nothing_of_groups_leaves_them(there: Stage, provider: Provider) -> None:
    """Nor is what the plugin keeps written anew where it is the same: sealed again, it would look otherwise."""
    ada = await there.enter(provider)
    session = await there.logged_in(provider, ada, of_ada(keep="token 0"))
    said(provider).says = of_ada(groups=None, keep="token 0")
    there.time.now += EVERY
    version = await there.store.database.version()
    await refreshing(there).look()
    assert await there.sessions.of(ada.user.id) == [session]
    assert await there.store.database.version() == version


async def test_nobody_is_asked_about_who_is_not_logged_in_any_more(there: Stage, provider: Provider) -> None:
    ada = await there.enter(provider)
    session = await there.logged_in(provider, ada)
    await there.sessions.end(session.id)
    there.time.now += EVERY
    ours = refreshing(there)
    await ours.look()
    assert said(provider).asked == []
    assert await there.store.shared.listed("logged in by corp", there.time.now, 10) == []


async def test_many_people_are_asked_about_a_few_at_a_time(there: Stage, provider: Provider) -> None:
    at_once, eight = [0, 0], asyncio.Barrier(8)

    class Slow(Said):
        @override
        async def refresh(self, identity: Identity) -> Identity:
            at_once[0] += 1
            at_once[1] = max(at_once)
            await eight.wait()
            at_once[0] -= 1
            return replace(ADA, subject=identity.subject, groups=None)

    slow = Provider(entry=provider.entry, plugin=Slow(PluginSettings(), kit(name="corp")))
    for number in range(16):
        identity = of_ada(subject=str(number), username=f"user-{number}", email="")
        await there.logged_in(slow, await there.enter(slow, identity))
    there.providers[0] = slow
    there.time.now += EVERY
    await refreshing(there).look()
    assert at_once == [0, 8]
