"""Real Redis on free ports of this machine: one server, three Sentinels with a replica, or a cluster of three."""

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from config.addresses import Listen
from config.stores import RedisAddress, RedisKind
from tests.peers.ports import free_port

PROGRAMS = ("redis-server", "redis-cli")
MASTER = "flowward"
_PATIENCE = 30.0


@dataclass(kw_only=True)
class RedisServer:
    """One process, a child of the test; `kill` is `kill -9`, and `start` brings it back with what it had on disk."""

    directory: Path
    port: int = field(default_factory=free_port)
    options: Sequence[str] = ()
    sentinel: bool = False
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def address(self) -> Listen:
        return Listen(host="127.0.0.1", port=self.port)

    def start(self) -> None:
        """Run it, and wait until it answers."""
        self.directory.mkdir(exist_ok=True)
        configuration = self.directory / "redis.conf"
        if not configuration.exists():
            lines = [f"port {self.port}", "bind 127.0.0.1", f"dir {self.directory}", 'save ""', *self.options]
            configuration.write_text("\n".join([*lines, ""]))
        command = ["redis-server", str(configuration), *(["--sentinel"] if self.sentinel else [])]
        with (self.directory / "redis.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for(lambda: self.says("PING").startswith(("+PONG", "-NOAUTH")), f"redis-server at port {self.port}")

    def says(self, *words: str) -> str:
        """The first line it answers to a command; nothing while it does not answer."""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as line:
            line.sendall(f"{' '.join(words)}\r\n".encode())
            return line.makefile("rb").readline().decode().strip()
        return ""

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
            self.process = None

    def hang(self) -> None:
        """Answer no more, though connections are still accepted."""
        if self.process is not None:
            self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)


def wait_for(true: Callable[[], bool], what: str) -> None:
    """Ask again and again, for as long as a loaded machine may take."""
    until = time.monotonic() + _PATIENCE
    while not true():
        if time.monotonic() > until:
            raise TimeoutError(what)
        time.sleep(0.02)


@contextmanager
def running(server: RedisServer) -> Iterator[RedisServer]:
    server.start()
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def single(directory: Path, *options: str) -> Iterator[RedisServer]:
    """One server."""
    with running(RedisServer(directory=directory / "single", options=options)) as server:
        yield server


def address_of(server: RedisServer, password: str = "") -> RedisAddress:
    return RedisAddress(kind=RedisKind.SINGLE, servers=(server.address,), password=password)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A master, its replica, and the three Sentinels that look after them."""

    servers: tuple[RedisServer, RedisServer]
    sentinels: tuple[RedisServer, ...]

    @property
    def address(self) -> RedisAddress:
        sentinels = tuple(sentinel.address for sentinel in self.sentinels)
        return RedisAddress(kind=RedisKind.SENTINEL, servers=sentinels, master=MASTER)

    @property
    def master(self) -> RedisServer:
        """Whichever of the two is the master now."""
        return next(server for server in self.servers if _role(server) == "master")

    def promoted(self, killed: RedisServer) -> bool:
        """Whether the other one is the master now, and the Sentinels say so."""
        (other,) = (server for server in self.servers if server is not killed)
        told = [_cli(sentinel, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER) for sentinel in self.sentinels]
        return _role(other) == "master" and all(str(other.port) in where for where in told)

    def settled(self) -> bool:
        """Whether the Sentinels know of each other and of a replica that is in step."""
        known = [_about(sentinel, "num-slaves") >= 1 for sentinel in self.sentinels]
        peers = [_about(sentinel, "num-other-sentinels") == 2 for sentinel in self.sentinels]
        return all(known) and all(peers) and sorted(map(_role, self.servers)) == ["master", "slave"] and self._in_step()

    def _in_step(self) -> bool:
        return any("state=online" in _cli(server, "INFO", "replication") for server in self.servers)


def _role(server: RedisServer) -> str:
    lines = _cli(server, "ROLE").splitlines()
    return lines[0] if lines else ""


def _about(sentinel: RedisServer, name: str) -> int:
    lines = _cli(sentinel, "SENTINEL", "MASTER", MASTER).splitlines()
    told = dict(zip(lines[::2], lines[1::2], strict=False))
    return int(told.get(name, "-1"))


def _cli(server: RedisServer, *words: str) -> str:
    command = ["redis-cli", "-p", str(server.port), *words]
    with suppress(subprocess.TimeoutExpired):
        return subprocess.run(command, capture_output=True, check=False, text=True, timeout=2).stdout
    return ""


@contextmanager
def watched(directory: Path) -> Iterator[Watched]:
    """A master with a replica and three Sentinels, who replace it two seconds after it is gone."""
    with ExitStack() as stack:
        first = RedisServer(directory=directory / "first", options=("repl-diskless-sync-delay 0",))
        second = RedisServer(
            directory=directory / "second",
            options=(f"replicaof 127.0.0.1 {first.port}", "repl-diskless-sync-delay 0"),
        )
        told = (
            f"sentinel monitor {MASTER} 127.0.0.1 {first.port} 2",
            f"sentinel down-after-milliseconds {MASTER} 2000",
            f"sentinel failover-timeout {MASTER} 2000",
        )
        sentinels = [
            RedisServer(directory=directory / f"sentinel-{number}", options=told, sentinel=True) for number in range(3)
        ]
        for server in (first, second, *sentinels):
            stack.callback(server.kill)
            server.start()
        group = Watched(servers=(first, second), sentinels=tuple(sentinels))
        wait_for(group.settled, "the Sentinels and the replica")
        yield group


@contextmanager
def cluster(directory: Path) -> Iterator[tuple[RedisServer, ...]]:
    """A cluster of three masters."""
    with ExitStack() as stack:
        nodes = [_node(directory, number) for number in range(3)]
        for node in nodes:
            stack.callback(node.kill)
            node.start()
        where = [str(node.address) for node in nodes]
        command = ["redis-cli", "--cluster", "create", *where, "--cluster-yes"]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        wait_for(lambda: all("cluster_state:ok" in _cli(node, "CLUSTER", "INFO") for node in nodes), "the cluster")
        yield tuple(nodes)


def address_of_cluster(nodes: Sequence[RedisServer]) -> RedisAddress:
    """Some of the nodes are enough to find all of them."""
    return RedisAddress(kind=RedisKind.CLUSTER, servers=tuple(node.address for node in nodes[:2]))


def _node(directory: Path, number: int) -> RedisServer:
    """Its second port must be free as well; by default it would be 10,000 higher, which not every port has."""
    return RedisServer(
        directory=directory / f"node-{number}",
        options=(
            "cluster-enabled yes",
            "cluster-config-file nodes.conf",
            "cluster-node-timeout 2000",
            f"cluster-port {free_port()}",
        ),
    )
