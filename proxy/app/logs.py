"""The event log: one JSON object per line, or lines for people, written beside the access log by the same thread."""

import logging
import os
import sys
from collections.abc import Callable
from typing import Final

import structlog

from config.schema import Log

_STANDARD_OUTPUT: Final = 1


class StandardOutput:
    """Where log lines go, without Python's buffer: the lock of that would be held for as long as nobody reads the pipe."""

    def write(self, data: bytes, /) -> None:
        left = memoryview(data)
        while left:
            left = left[os.write(_STANDARD_OUTPUT, left) :]


class _Events:
    """What structlog calls with a finished line, by the name of its level."""

    def __init__(self, say: Callable[[bytes], None]) -> None:
        self._say = say

    def msg(self, line: str) -> None:
        self._say(line.encode("utf-8", "backslashreplace") + b"\n")

    debug = info = warning = error = critical = msg


def set_up_logs(log: Log, say: Callable[[bytes], None]) -> None:
    """Configure structlog for this process; `say` takes a line and must not block."""
    level = logging.getLevelNamesMapping()[log.level.upper()]
    console = log.format == "console"
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())
            if console
            else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _Events(say),
        cache_logger_on_first_use=False,
    )
