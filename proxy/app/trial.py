"""Trying out a way in from the command line, with no gateway running."""

import asyncio
import time
from collections.abc import Sequence

from aiohttp import ClientSession, ClientTimeout, DummyCookieJar

from auth_plugins.registry import Provider
from config.schema import Settings
from proxy.app.ways_in import at_work, ways_in
from proxy.services.accounts import Accounts
from proxy.services.clock import SYSTEM
from proxy.services.linking import Linking
from proxy.services.offload import Offload
from proxy.services.problems import NotPossible
from proxy.services.snapshot import Snapshot
from proxy.services.trying import try_out
from proxy.services.writer import Writer
from proxy.store import Store
from proxy.web.api.sso import TrialAnswer, told_of


async def trial(
    settings: Settings, store: Store, accounts: Accounts, offload: Offload, name: str, sample: str
) -> TrialAnswer:
    """What a login by the way in of this name would come to. Raises UnusablePlugins, NotPossible and StoreUnavailable."""
    timeout = ClientTimeout(total=None, sock_connect=5)
    async with ClientSession(cookie_jar=DummyCookieJar(), trust_env=False, timeout=timeout) as outside:
        built = await asyncio.to_thread(ways_in, settings, store.shared, accounts, offload, outside, SYSTEM)
        found = built.providers
        provider = _named(found, name)
        estate = await store.database.estate()
        writer = Writer(
            database=store.database,
            shared=store.shared,
            snapshot=Snapshot(store.database, estate),
            now=time.time,
            wake=store.bus.tell,
        )
        linking = Linking(
            writer=writer,
            shared=store.shared,
            providers=lambda: found,
            new_id=lambda: "",
            end_sessions=store.shared.end_sessions_of,
        )
        async with at_work([provider]):
            return told_of(estate, await try_out(linking, provider, sample))


def _named(found: Sequence[Provider], name: str) -> Provider:
    provider = next((each for each in found if each.name == name), None)
    if provider is None:
        there = ", ".join(each.name for each in found) or "none"
        raise NotPossible("provider_unknown", f"No active way in is called {name}. These are: {there}.")
    return provider
