"""Real Node-RED with the Dashboard, and with the plugin a test wants to see in it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from proxy.cli.nodered_setup import (
    DASHBOARD_PACKAGE,
    OWN_PLUGIN,
    Installation,
    NodeRed,
    Settings,
    cache_folder,
    fetch,
    material,
    npm_install,
    running,
)
from tests.peers.ports import free_port

# It reads the headers that Cloudflare Access would set; tests run it unmodified.
CLOUDFLARE_PLUGIN = "@fullmetal-fred/node-red-dashboard-2-cloudflare-auth"
CLOUDFLARE_VERSION = "0.1.7"
DEMO_FLOWS = material("examples/demo") / "flows.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """Node-RED with the Dashboard, and the folders of the auth plugins a test may choose from."""

    installation: Installation
    plugins: Mapping[str, Path]


def installed() -> Programs:
    """The programs the tests run, fetched from npm into the repository's cache unless they are there."""
    home = cache_folder() / "nodered" / f"cloudflare-{CLOUDFLARE_VERSION}"
    installation = fetch(cache_folder())
    foreign = npm_install(home, f"{CLOUDFLARE_PLUGIN}@{CLOUDFLARE_VERSION}") / CLOUDFLARE_PLUGIN
    return Programs(installation=installation, plugins={OWN_PLUGIN: material("node-red"), CLOUDFLARE_PLUGIN: foreign})


@asynccontextmanager
async def nodered(
    programs: Programs,
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
    packages = {DASHBOARD_PACKAGE: programs.installation.packages / DASHBOARD_PACKAGE}
    if plugin is not None:
        packages[plugin] = programs.plugins[plugin]
    settings = Settings(
        port=port or free_port(),
        admin_root=admin_root,
        node_root=node_root,
        flows=flows,
        packages=packages,
        modules=modules,
    )
    async with running(programs.installation, home, settings) as started:
        yield started
