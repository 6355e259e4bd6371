"""A plugin's share of the shared store."""

from pathlib import Path

from proxy.services.vault import Vault
from tests.peers.state import open_store
from tests.proxy.web.house import Time


async def test_a_plugin_reaches_its_own_keys_alone(tmp_path: Path) -> None:
    time = Time()
    async with open_store(tmp_path) as store:
        mine, yours = Vault(store.shared, "mine", time), Vault(store.shared, "yours", time)
        assert await mine.put_new("seen", "1", 10) == "1"
        assert await mine.put_new("seen", "2", 10) == "1"
        assert await yours.take("seen") is None
        assert await mine.take("seen") == "1"
        await mine.put_new("seen", "3", 10)
        time.now += 10
        assert await mine.take("seen") is None
