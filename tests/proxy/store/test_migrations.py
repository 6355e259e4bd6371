"""The migrations lead to the tables, from any age."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine

from proxy.store import StoreUnavailable, migrations
from proxy.store.tables import metadata

REVISIONS = [script.revision for script in ScriptDirectory(str(Path(migrations.__file__).parent)).walk_revisions()]

_PARTS = re.compile(r",(?![^(]*\))")
"""Between columns and constraints: commas outside of the inner parentheses."""


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    engine = create_engine(f"sqlite:///{tmp_path}/test.sqlite")
    with engine.connect() as opened:
        yield opened
    engine.dispose()


def spelled(sql: str) -> str:
    what, _, parts = sql.partition("(")
    lines = sorted(" ".join(part.split()) for part in _PARTS.split(parts.strip().removesuffix(")")))
    return f"{what.strip()} ({', '.join(lines)})"


def schema(connection: Connection) -> set[str]:
    """Every table and index, as the database spells it, without the order of columns and constraints."""
    rows = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").scalars()
    return {spelled(sql) for sql in rows}


def test_the_migrations_agree_with_the_tables(connection: Connection) -> None:
    migrations.upgrade(connection)
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    assert compare_metadata(context, metadata) == []


def test_a_migrated_database_is_spelled_as_a_fresh_one(connection: Connection) -> None:
    """Alembic's comparison does not see everything: cascades, deferral, defaults, the counter of versions."""
    migrations.upgrade(connection)
    migrated = schema(connection)
    fresh = create_engine("sqlite://")
    with fresh.connect() as other:
        metadata.create_all(other)
        assert {sql for sql in migrated if "alembic_version" not in sql} == schema(other)
    fresh.dispose()


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_database_of_any_age_becomes_one_of_today(connection: Connection, tmp_path: Path, revision: str) -> None:
    command.upgrade(migrations.steps(connection), revision)
    migrations.upgrade(connection)
    upgraded = schema(connection)
    engine = create_engine(f"sqlite:///{tmp_path}/fresh.sqlite")
    with engine.connect() as fresh:
        migrations.upgrade(fresh)
        assert schema(fresh) == upgraded
    engine.dispose()


def test_upgrading_again_changes_nothing(connection: Connection) -> None:
    migrations.upgrade(connection)
    before = schema(connection)
    migrations.upgrade(connection)
    assert schema(connection) == before


def test_a_database_of_a_newer_program_is_refused(connection: Connection) -> None:
    migrations.upgrade(connection)
    connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'tomorrow'")
    with pytest.raises(StoreUnavailable, match=r"newer Flowward .*tomorrow"):
        migrations.upgrade(connection)
