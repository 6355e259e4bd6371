"""`flowward audit` on the store of a gateway."""

import csv
import getpass
import io
import sqlite3
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from proxy.cli.commands import flowward
from proxy.services.audit_catalogue import EVENTS
from tests.proxy.cli.conftest import Run


@pytest.fixture
def filled(run: Run) -> Run:
    """`run`, on a store in which things have happened."""
    assert run("apply").exit_code == 0
    assert run("user", "add", "max").exit_code == 0
    return run


def events(run: Run, *more: str) -> list[str]:
    return [orjson.loads(line)["event"] for line in run("audit", "export", *more).stdout.splitlines()]


def test_a_log_as_it_was_written_verifies(filled: Run) -> None:
    result = filled("audit", "verify")
    assert result.exit_code == 0
    assert result.stdout.startswith("The audit log is as it was written: ")
    assert "It ends with event " in result.stdout


def test_the_first_row_that_was_changed_is_named(filled: Run, site: Path) -> None:
    with sqlite3.connect(site / "var" / "flowward.sqlite") as direct:
        direct.execute("UPDATE audit_event SET event = 'team.deleted' WHERE id = 2")
    direct.close()
    result = filled("audit", "verify")
    assert result.exit_code == 1
    assert "event 2 is not as it was written: its hash does not fit" in result.stderr


def test_everything_is_exported_oldest_first_with_who_did_it_and_how(filled: Run) -> None:
    lines = [orjson.loads(line) for line in filled("audit", "export").stdout.splitlines()]
    assert [line["id"] for line in lines] == list(range(1, len(lines) + 1))
    assert lines[0]["source"] == "file"
    made = lines[-1]
    assert (made["event"], made["source"]) == ("user.created-user", "cli")
    assert made["trigger"] == {"type": "command-line", "name": getpass.getuser()}


def test_a_scope_is_exported_with_all_below_it(filled: Run) -> None:
    assert set(events(filled, "--scope", "acme/plant/line-3")) == {"project.created"}
    assert set(events(filled, "--scope", "acme/plant")) == {"project.created", "application.created"}
    assert set(events(filled, "--scope", "acme")) == {
        "project.created",
        "application.created",
        "team.created",
        "team.user.added",
    }
    assert set(events(filled, "--scope", "ada")) == {"user.created-user"}
    assert events(filled, "--scope", "nobody") == []


def test_events_are_chosen_by_name_and_time(filled: Run) -> None:
    assert set(events(filled, "--event", "team.created", "--event", "project.created")) == {
        "team.created",
        "project.created",
    }
    assert events(filled, "--until", "2020-01-01") == []
    assert events(filled, "--since", "2999-01-01T00:00Z") == []
    assert events(filled, "--since", "1h") == events(filled)


def test_a_name_or_a_time_that_does_not_exist_is_refused(filled: Run) -> None:
    unknown = filled("audit", "export", "--event", "team.create")
    assert unknown.exit_code == 2
    assert "There is no event team.create." in unknown.stderr
    assert "never is no time. Write for example 2026-07-01" in filled("audit", "export", "--since", "never").stderr


def test_as_csv_there_is_a_row_for_every_event(filled: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(filled("audit", "export", "--format", "csv").stdout)))
    assert [row["event"] for row in rows] == events(filled)
    assert rows[-1]["source"] == "cli"


def test_every_event_is_listed_with_a_sentence() -> None:
    lines = CliRunner().invoke(flowward, ["audit", "events"]).stdout.splitlines()
    assert [line.split()[0] for line in lines] == sorted(EVENTS)
