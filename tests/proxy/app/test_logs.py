"""The event log: whole lines, in the form and from the level on that is set."""

import json

import structlog

from config.schema import Log
from proxy.app.logs import set_up_logs


def test_an_event_is_one_line_of_json() -> None:
    said: list[bytes] = []
    set_up_logs(Log(), said.append)
    structlog.get_logger("x").warning("login-refused", name="a\nb\u2028", broken="\ud800")
    [line] = said
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    told = json.loads(line)
    assert (told["event"], told["level"], told["name"]) == ("login-refused", "warning", "a\nb\u2028")
    assert told["timestamp"].endswith("Z")


def test_what_is_below_the_level_is_not_said() -> None:
    said: list[bytes] = []
    set_up_logs(Log(level="warning"), said.append)
    log = structlog.get_logger("x")
    log.info("quiet")
    log.error("loud")
    assert [json.loads(line)["event"] for line in said] == ["loud"]


def test_a_defect_is_told_with_where_it_happened() -> None:
    said: list[bytes] = []
    set_up_logs(Log(), said.append)
    try:
        int("lost")
    except ValueError:
        structlog.get_logger("x").exception("defect")
    assert "ValueError: invalid literal" in json.loads(said[0])["exception"]


def test_people_get_lines_for_people() -> None:
    said: list[bytes] = []
    set_up_logs(Log(format="console"), said.append)
    structlog.get_logger("x").info("serving", listen="127.0.0.1:8080")
    assert b"serving" in said[0]
    assert not said[0].startswith(b"{")
