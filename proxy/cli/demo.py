"""`flowward demo`: real Node-RED behind the gateway, with a user of each role."""

import asyncio
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

import click

from proxy.cli.demo_site import INSTANCE, Site
from proxy.cli.keys import trust_settings
from proxy.cli.nodered_setup import (
    DASHBOARD_PACKAGE,
    OWN_PLUGIN,
    CannotRun,
    Installation,
    Settings,
    cache_folder,
    fetch,
    free_port,
    material,
    running,
)
from proxy.cli.opening import configuration, with_store
from proxy.cli.standin import standin
from proxy.nodered.snippet import FILE_NAME
from proxy.services.estate import apply
from proxy.services.estate_ledger import applied_files

START_TIMEOUT = 30.0
"""Seconds for the gateway to listen."""


@click.command()
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".cache/demo"),
    show_default=True,
    help="Where the demo keeps its configuration and state.",
)
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True, help="The gateway's port.")
def demo(directory: Path, port: int) -> None:
    """Show real Node-RED behind the gateway, with a user of each role; Ctrl-C stops everything."""
    _refuse_taken(port)
    installation = _installation()
    site = Site(folder=directory, port=port, operations=free_port(), upstream=free_port())
    password = site.write()
    trust = _trust(site)
    instance = _nodered(installation, site, trust) if installation else standin(site.upstream)
    text = site.what_to_try(password, real=installation is not None, command=sys.argv[0])
    sys.exit(asyncio.run(_run(site, instance, text)))


def _installation() -> Installation | None:
    """Node-RED from npm, or None, said aloud, where it cannot be had."""
    try:
        return fetch(cache_folder(), say=click.echo)
    except CannotRun as error:
        click.echo(f"{error}\nWithout Node-RED, a small stand-in shows who is there; it has no editor.", err=True)
        return None


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise CannotRun(f"127.0.0.1:{port}: {error.strerror}. Choose another port by --port.") from error


def _trust(site: Site) -> Path:
    """Apply the estate, and write the settings by which Node-RED trusts the gateway: both know the instance's id."""
    config = configuration(site.settings)
    files = applied_files(config)
    with_store(config, lambda opened: apply(opened.workshop, files, now=time.time()))
    path = site.folder / FILE_NAME
    path.write_text(trust_settings(config, INSTANCE))
    return path


def _nodered(installation: Installation, site: Site, trust: Path) -> AbstractAsyncContextManager[object]:
    flows = material("examples/demo") / "flows.json"
    return running(
        installation,
        site.folder / "node-red",
        Settings(
            port=site.upstream,
            admin_root="/admin",
            flows=flows,
            packages={
                DASHBOARD_PACKAGE: installation.packages / DASHBOARD_PACKAGE,
                OWN_PLUGIN: material("node-red"),
            },
            modules=(trust.resolve(),),
        ),
    )


async def _run(site: Site, instance: AbstractAsyncContextManager[object], text: str) -> int:
    """Run the instance and the gateway until a signal ends the gateway; its exit code."""
    from proxy.app import serve  # noqa: PLC0415 - the other commands start without the whole gateway

    async with instance, _announced(site.port, text):
        return await serve(site.settings)


@asynccontextmanager
async def _announced(port: int, text: str) -> AsyncIterator[None]:
    """Print a text as soon as something listens on a port."""
    waiting = asyncio.create_task(_announce(port, text))
    try:
        yield
    finally:
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting


async def _announce(port: int, text: str) -> None:
    async with asyncio.timeout(START_TIMEOUT):
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                break
            await asyncio.sleep(0.05)
    click.echo(text)
