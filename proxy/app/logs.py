"""The event log: one JSON object per line on standard output, or lines for people."""

import logging
import sys

import structlog

from config.schema import Log


def set_up_logs(log: Log) -> None:
    """Configure structlog for this process."""
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
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=False,
    )
