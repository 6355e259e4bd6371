"""Ports for the peers that one test process starts."""

import itertools
import os
import secrets
import socket
from typing import Final

_FIRST: Final = 10_100
"""Above 10080, which browsers refuse to open."""
_EACH: Final = 2_500
"""Ports for one of several test processes."""
_PROCESSES: Final = 9


def _numbers() -> list[int]:
    """This process's own ports, below those that the system gives to connections (32768 and up).

    Where in them it begins is chance: somebody may run the tests in another checkout at the same time.
    """
    name = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    first = _FIRST + int(name) % _PROCESSES * _EACH
    begin = secrets.randbelow(_EACH)
    return [first + (begin + number) % _EACH for number in range(_EACH)]


_ports: Final = itertools.cycle(_numbers())


def free_port() -> int:
    """A TCP port of loopback that nobody listens on, and that nobody gets for a long while by asking again."""
    for port in itertools.islice(_ports, _EACH):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("none of this process's ports is free")
