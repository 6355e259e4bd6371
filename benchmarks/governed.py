"""What it costs to look into a Dashboard's socket: CPU per message and memory per socket, governed beside spliced.

python -m benchmarks.governed --help
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.dashboards import PAGES
from benchmarks.gateway import Gateway, serving
from benchmarks.harness import (
    LOAD_CORE,
    Failed,
    Missing,
    free_port,
    module,
    raise_open_files,
    started,
    stay_on_load_core,
    stop_on_signals,
)
from benchmarks.load import Address
from benchmarks.report import spread
from benchmarks.subject import Upstreams
from benchmarks.visitor import Visitor
from proxy.model.access import Role
from proxy.model.estate import Grant, Resource, ResourceKind, RowKind, RowPolicy
from proxy.store.sql import open_store

CPU_LIMIT = 8.0
"""CPU per message of the governed by the spliced, median of the rounds."""
MEMORY_LIMIT_KIB = 60.0
SPLICED, PAGED, ALL = "spliced", "pages", "pages, rows, constraint"
KINDS = (SPLICED, PAGED, ALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """CPU seconds for 10,000 messages there and back, and KiB of each socket."""

    per_10k: float
    memory: float


@contextmanager
def instance(folder: Path) -> Iterator[Upstreams]:
    port = free_port()
    with started(
        "instance", module("benchmarks.dashboards", "instance", str(port)), core=LOAD_CORE, folder=folder
    ) as running:
        running.await_port(port)
        yield Upstreams(http=port, sockets=port)


async def govern(folder: Path, kind: str) -> None:
    """What makes the second instance's socket one to look into, as people would say it through the API."""
    async with open_store(folder / "var") as store:
        estate = await store.database.estate()
        line = next(each for each in estate.resources.values() if each.slug == "line-1")
        team = next(each for each in estate.spaces.values() if each.slug == "acme")
        pages = [
            Resource(
                id=f"p-{n}", kind=ResourceKind.PAGE, slug=f"page-{n}", parent=line.id, attributes={"match": f"/page{n}"}
            )
            for n in range(PAGES)
        ]
        grants = [Grant(target=page.id, space=team.id, role=Role.DASHBOARD) for page in pages]
        edits: list[Resource | Grant] = [*pages, *grants]
        if kind == ALL and line.instance is not None:
            rows = (RowPolicy(name="rows", kind=RowKind.SOCKET, tag="@things", field="device", types=("ui-table",)),)
            edits.append(replace(line, instance=replace(line.instance, rows=rows, enforce_client_constraint=True)))
        await store.database.edit(edits, [])


@contextmanager
def subject(kind: str, behind: Upstreams, folder: Path) -> Iterator[tuple[Gateway, Address]]:
    """A freshly started gateway, and where its visitor finds the dashboard."""
    own = folder / kind.partition(",")[0].replace(" ", "-") / str(len(kind))
    own.mkdir(parents=True, exist_ok=True)
    if not (own / "var").exists():
        with serving(own, behind):
            pass
        if kind != SPLICED:
            asyncio.run(govern(own, kind))
    with serving(own, behind, declared=False) as gateway:
        yield gateway, gateway.enter(Visitor(gateway.port), 1)


def measure(kind: str, behind: Upstreams, folder: Path, *, connections: int, seconds: float) -> Measured:
    with subject(kind, behind, folder) as (gateway, address):
        running = gateway.running
        _talk(running.name, address, 32, 0.5)  # so that nothing that is made once counts as a socket's
        before = running.memory()
        with _pages(address, connections, seconds) as pages:
            _line(pages)
            memory = (running.memory() - before) / connections
            _go_on(pages)
            _line(pages)
            _go_on(pages)
        with _pages(address, 32, seconds) as pages:
            _line(pages)
            cpu = running.cpu()
            _go_on(pages)
            told = json.loads(_line(pages))
            cpu = running.cpu() - cpu
            _go_on(pages)
        return Measured(per_10k=cpu / told["messages"] * 10_000, memory=memory)


def _talk(name: str, address: Address, connections: int, seconds: float) -> None:
    with _pages(address, connections, seconds) as pages:
        if _line(pages).strip() != "open":
            raise Failed(f"{name}: sockets did not open")
        _go_on(pages)
        _line(pages)
        _go_on(pages)


@contextmanager
def _pages(address: Address, connections: int, seconds: float) -> Iterator[subprocess.Popen[str]]:
    options = {
        "--port": address.port, "--host": address.host, "--credential": address.credential, "--connections": connections,
        "--seconds": seconds,
    }  # fmt: skip
    words = [str(part) for option in options.items() for part in option]
    command = ["taskset", "-c", str(LOAD_CORE), *module("benchmarks.dashboards", "pages", *words)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        try:
            yield running
        finally:
            running.terminate()


def _line(pages: subprocess.Popen[str]) -> str:
    assert pages.stdout is not None
    line = pages.stdout.readline()
    if not line:
        assert pages.stderr is not None
        raise Failed(f"pages ended: {pages.stderr.read()[-500:]}")
    return line


def _go_on(pages: subprocess.Popen[str]) -> None:
    assert pages.stdin is not None
    pages.stdin.write("\n")
    pages.stdin.flush()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.governed", description=__doc__)
    parser.add_argument("--connections", type=int, default=500, help="open at once, for their memory")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="per gateway and round")
    return parser.parse_args()


def report(found: dict[str, list[Measured]]) -> None:
    for kind, measured in found.items():
        ratios = [one.per_10k / spliced.per_10k for one, spliced in zip(measured, found[SPLICED], strict=True)]
        memory = statistics.median(one.memory for one in measured)
        held = statistics.median(ratios) <= CPU_LIMIT and memory <= MEMORY_LIMIT_KIB
        bars = (
            ""
            if kind == SPLICED
            else f"  {'holds' if held else 'MISSED'}: <= {CPU_LIMIT:g}, <= {MEMORY_LIMIT_KIB:g} KiB"
        )
        cost = spread([one.per_10k for one in measured], 3)
        print(f"{kind:26} {cost} CPU s / 10k, {spread(ratios)} x spliced, {memory:.1f} KiB / socket{bars}", flush=True)


def main() -> int:
    stop_on_signals()
    stay_on_load_core()
    raise_open_files()
    options = arguments()
    found: dict[str, list[Measured]] = {kind: [] for kind in KINDS}
    with tempfile.TemporaryDirectory(prefix="flowward-governed-") as temporary, ExitStack() as stack:
        folder = Path(temporary)
        folder.chmod(0o755)
        try:
            behind = stack.enter_context(instance(folder))
            for _ in range(options.rounds):
                for kind in KINDS:
                    found[kind].append(
                        measure(kind, behind, folder, connections=options.connections, seconds=options.seconds)
                    )
        except (Failed, Missing) as problem:
            print(f"Stopped: {problem}", file=sys.stderr)
            return 1
    report(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
