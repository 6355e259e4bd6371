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
    cache_folder,
    fetch,
    free_port,
    material,
    npm_install,
    running,
)

CLOUDFLARE_PLUGIN = "@fullmetal-fred/node-red-dashboard-2-cloudflare-auth"
CLOUDFLARE_VERSION = "0.1.7"
DEMO_FLOWS = material("examples/demo") / "flows.json"


def installed() -> Installation:
    """The programs the tests run, fetched from npm into the repository's cache unless they are there."""
    installation = fetch(cache_folder())
    cloudflare_plugin()
    return installation


def cloudflare_plugin() -> Path:
    """Somebody else's auth plugin, unmodified: it reads the headers that Cloudflare Access would set."""
    folder = cache_folder() / "nodered" / f"cloudflare-{CLOUDFLARE_VERSION}"
    return npm_install(folder, f"{CLOUDFLARE_PLUGIN}@{CLOUDFLARE_VERSION}") / CLOUDFLARE_PLUGIN


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
        packages[plugin] = material("node-red") if plugin == OWN_PLUGIN else cloudflare_plugin()
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
