"""What is asked of every proxy: the request head, and the load generators that send it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import LOAD_CORE, Failed, Running, module
from benchmarks.install import system_program

HEAD_BYTES = 525
QUERY = "@@@@@@@@"
"""Stands in a head for eight hexadecimal digits that differ on every request, so that nobody can remember a whole head."""
SMALL, LARGE, ECHO = "/api/small", "/api/large", "/echo"
SIZES = {SMALL: 1024, LARGE: 100 * 1024}
_SCRIPT = Path(__file__).with_name("wrk.lua")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a proxy takes a request, and as whom it is made."""

    port: int
    host: str
    credential: str = "Cookie: visitor=" + "0" * 43
    """One whole header line; without need of one, a cookie of the size that Flowward's has."""
    fields_differ: bool = False
    """Whether what differs on every request is in a field, and not in the query."""

    @property
    def origin(self) -> str:
        return f"http://{self.host}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a number of exchanges took."""

    count: int
    seconds: float
    cpu: float
    """CPU seconds of the proxy and its children."""
    p50: float
    """Milliseconds; for one connection, the latency."""

    @property
    def rate(self) -> float:
        return self.count / self.seconds

    @property
    def per_10k(self) -> float:
        return self.cpu / self.count * 10_000


def head(address: Address, path: str) -> bytes:
    """A browser's fetch of `path`: ten headers, padded to the same length for everyone."""
    query, agent = ("0" * len(QUERY), QUERY) if address.fields_differ else (QUERY, "")
    lines = [
        f"GET {path}?q={query} HTTP/1.1",
        f"Host: {address.host}",
        "Accept: */*",
        "Accept-Language: en-GB,en;q=0.9,de;q=0.8",
        "Accept-Encoding: identity",
        f"Referer: {address.origin}/dashboard/page1",
        address.credential,
        "Sec-Fetch-Site: same-origin",
        "Sec-Fetch-Mode: cors",
        "Sec-Fetch-Dest: empty",
        f"User-Agent: Mozilla/5.0 (X11; Linux x86_64) bench/{agent}",
    ]
    text = "\r\n".join(lines)
    padding = HEAD_BYTES - len(text) - len("\r\n\r\n")
    if padding < 0:
        raise Failed(f"a head for {address.host} is {-padding} bytes over the {HEAD_BYTES} that everyone gets")
    return f"{text}{'0' * padding}\r\n\r\n".encode()


def http(address: Address, path: str, *, proxy: Running | None, connections: int, seconds: int, folder: Path) -> Cost:
    """`connections` keep-alive clients, each asking again as soon as it is answered."""
    template = folder / "head"
    template.write_bytes(head(address, path))
    before = proxy.cpu() if proxy else 0.0
    result = _wrk(address.port, template, connections, seconds)
    cpu = (proxy.cpu() if proxy else 0.0) - before
    count, errors, received = int(result["requests"]), int(result["errors"]), int(result["bytes"])
    name = proxy.name if proxy else "the upstream"
    if errors or not count or received < count * SIZES[path]:
        raise Failed(f"{name}: {errors} errors in {count} answers of {received} bytes to {path}")
    return Cost(count=count, seconds=result["seconds"], cpu=cpu, p50=result["p50"] / 1000)


def sockets(address: Address, *, proxy: Running | None, connections: int, seconds: float) -> Cost:
    """`connections` websockets, each sending 64 bytes again as soon as they have come back."""
    before = proxy.cpu() if proxy else 0.0
    command = [*_sockets_command(address, connections), "--seconds", str(seconds)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=seconds + 60)
    cpu = (proxy.cpu() if proxy else 0.0) - before
    if done.returncode:
        raise Failed(f"{proxy.name if proxy else 'the echo server'}: websockets: {done.stderr.strip()[-500:]}")
    result = json.loads(done.stdout)
    return Cost(count=result["messages"], seconds=result["seconds"], cpu=cpu, p50=result["p50"])


def idle_memory(address: Address, *, proxy: Running, connections: int) -> float:
    """KiB of the proxy's resident memory for each open websocket that says nothing."""
    before = proxy.memory()
    with subprocess.Popen(
        [*_sockets_command(address, connections), "--hold"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        open_now = holder.stdout.readline()
        held = proxy.memory() - before
        _, errors = holder.communicate(b"\n", timeout=60)
    if open_now.strip() != str(connections).encode():
        raise Failed(f"{proxy.name}: {connections} idle websockets did not open: {errors.decode()[-500:]}")
    return held / connections


def _sockets_command(address: Address, connections: int) -> list[str]:
    options = {
        "--port": address.port, "--host": address.host, "--credential": address.credential, "--path": ECHO,
        "--connections": connections,
    }  # fmt: skip
    pairs = [str(part) for option in options.items() for part in option]
    return ["taskset", "-c", str(LOAD_CORE), *module("benchmarks.sockets", *pairs)]


def _wrk(port: int, template: Path, connections: int, seconds: int) -> dict[str, float]:
    wrk = system_program("wrk", "wrk")
    command = ["taskset", "-c", LOAD_CORE, wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "-s", _SCRIPT]
    command += [f"http://127.0.0.1:{port}/", "--", template]
    done = subprocess.run(list(map(str, command)), check=False, capture_output=True, text=True, timeout=seconds + 60)
    if done.returncode or not done.stdout.strip():
        raise Failed(f"wrk: {done.stderr.strip()[-500:]}")
    result: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return result
