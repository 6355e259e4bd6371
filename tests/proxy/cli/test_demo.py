"""`flowward demo` as a person starts and stops it."""

import http.client
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.peers.ports import free_port

ROOT = Path(__file__).parents[3]
START = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from proxy.cli import main; main()"


@contextmanager
def demo(folder: Path, port: int) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The demo, once it has said what to try; and what it said."""
    command = [sys.executable, "-c", START, "demo", "--directory", str(folder), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield process, _until_ready(process)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)


def _until_ready(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    said = ""
    for line in process.stdout:
        said += line
        if line.startswith("Ctrl-C"):
            return said
    pytest.fail(f"the demo ended with {process.wait()}:\n{said}")


def answer(port: int, path: str, host: str, **headers: str) -> tuple[int, str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("GET", path, headers={"Host": f"{host}:{port}", **named})
    response = connection.getresponse()
    found = response.status, response.getheader("Location") or "", response.read().decode()
    connection.close()
    return found


@pytest.mark.real
@pytest.mark.usefixtures("node_red_programs")
def test_the_demo_shows_node_red_behind_the_gateway_and_leaves_nothing_running(
    tmp_path: Path,
) -> None:
    port = free_port()
    with demo(tmp_path, port) as (process, said):
        assert f"http://plant.localhost:{port}" in said
        assert answer(port, "/hooks/ping", "plant.localhost")[::2] == (200, '{"pong":true}')
        navigation = {"Accept": "text/html", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
        status, location, _ = answer(port, "/dashboard/line-3", "plant.localhost", **navigation)
        assert (status, location.split("?")[0]) in {
            (302, f"http://localhost:{port}/-/login"),
            (303, f"http://localhost:{port}/-/login"),
        }
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
    upstream = re.search(r"upstream: http://127.0.0.1:(\d+)", (tmp_path / "estate.yaml").read_text())
    assert upstream
    for gone in (port, int(upstream[1])):
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", gone)) != 0


def test_a_taken_port_is_told_before_anything_is_fetched(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-c", START, "demo", "--directory", str(tmp_path / "demo"), "--port", str(port)]
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 1
    assert ran.stderr == f"flowward: 127.0.0.1:{port}: Address already in use. Choose another port by --port.\n"
    assert not (tmp_path / "demo").exists()
