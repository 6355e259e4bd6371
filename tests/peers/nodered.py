"""Real Node-RED with the Dashboard, and with the plugin a test wants to see in it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from proxy.cli.nodered_setup import (
    DASHBOARD_PACKAGE,
    OWN_PLUGIN,
    Installation,
    NodeRed,
    Settings,
    fetch,
    free_port,
    running,
)

ROOT = Path(__file__).resolve().parents[2]
CLOUDFLARE_PLUGIN = "@fullmetal-fred/node-red-dashboard-2-cloudflare-auth"
EXTRA_PACKAGES = [f"{CLOUDFLARE_PLUGIN}@0.1.7"]
DEMO_FLOWS = ROOT / "examples" / "demo" / "flows.json"


def installed() -> Installation:
    """The programs the tests run, fetched from npm into the repository's cache unless they are there."""
    return fetch(ROOT / ".cache", extra=EXTRA_PACKAGES)


@asynccontextmanager
async def nodered(
    installation: Installation,
    home: Path,
    *,
    flows: Path | None = DEMO_FLOWS,
    plugin: str | None = OWN_PLUGIN,
    modules: Sequence[Path] = (),
    admin_root: str = "/",
    node_root: str = "/",
    port: int | None = None,
) -> AsyncIterator[NodeRed]:
    """Node-RED with the Dashboard and one auth plugin: ours, CLOUDFLARE_PLUGIN or none (two would fight).

    `modules` are CommonJS files spread into settings.js, for adminAuth and the plugin's keys. Naming the `port` of an
    earlier one starts it again where it was.
    """
    packages = {DASHBOARD_PACKAGE: installation.packages / DASHBOARD_PACKAGE}
    if plugin is not None:
        packages[plugin] = ROOT / "node-red" if plugin == OWN_PLUGIN else installation.packages / plugin
    settings = Settings(
        port=port or free_port(),
        admin_root=admin_root,
        node_root=node_root,
        flows=flows,
        packages=packages,
        modules=modules,
    )
    async with running(installation, home, settings) as started:
        yield started
