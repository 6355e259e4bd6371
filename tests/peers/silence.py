"""Servers that are there and do not help: one that never says a word, one that says what was asked of nobody."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress


@contextmanager
def silent() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield int(listener.getsockname()[1])


@contextmanager
def counting() -> Iterator[tuple[int, Callable[[], int]]]:
    """The same, and how many connections have come so far."""
    with socket.socket() as listener, ExitStack() as held:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        listener.setblocking(False)
        lines: list[socket.socket] = []

        def came() -> int:
            with suppress(BlockingIOError):
                while True:
                    lines.append(held.enter_context(listener.accept()[0]))
            return len(lines)

        yield int(listener.getsockname()[1]), came


@contextmanager
def saying(words: bytes) -> Iterator[int]:
    """A port that answers the first thing sent to it with these bytes, whatever that was, and then hangs up."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        listener.settimeout(0.02)
        ended = threading.Event()
        thread = threading.Thread(target=_answer, args=(listener, words, ended))
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            ended.set()
            thread.join()


def _answer(listener: socket.socket, words: bytes, ended: threading.Event) -> None:
    while not ended.is_set():
        with suppress(OSError):
            line, _ = listener.accept()
            with line:
                line.settimeout(1)
                line.recv(4096)
                line.sendall(words)
