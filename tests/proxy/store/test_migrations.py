"""The migrations lead to the tables, from any age."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from proxy.model.audit import AuditQuery, Event
from proxy.store import PeopleQuery, StoreUnavailable, migrations
from proxy.store.chain import GENESIS, verify
from proxy.store.sql import FILE
from proxy.store.tables import metadata
from tests.peers.postgresql import Postgresql
from tests.peers.state import open_postgresql, open_store

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
    assert differences(connection) == []


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


async def test_users_and_events_of_the_first_version_are_found_and_chained(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / FILE}")
    with engine.begin() as first:
        await asyncio.to_thread(command.upgrade, migrations.steps(first), "0001")
        first.exec_driver_sql(
            "INSERT INTO user VALUES ('u1', 'Ada', 'ada', 'a@x.example', 'a@x.example', 'Ada Ö', '', 0, 'active',"
            " NULL, 'hash', '{}', NULL)"
        )
        first.exec_driver_sql(
            "INSERT INTO session VALUES ('s1', 'u1', 'local', '[\"pwd\"]', 5.0, 6.0, 900.0, 9.0, '', '')"
        )
        for number in (1, 2):
            first.exec_driver_sql(
                "INSERT INTO audit_event VALUES (?, 'account.login', 5.5, 'u1', 'Ada', 'ui', '', 'user', 'u1', ?)",
                (number, '{"provider": "local"}'),
            )
    engine.dispose()
    async with open_store(tmp_path) as store:
        await store.database.record(Event(event="account.logout", at=6.0))
        assert [ada.user.kind for ada in (await store.database.search(PeopleQuery(text="ada ö"))).items] == ["person"]
        assert [session.proved for session in await store.shared.sessions_of("u1")] == [5.0]
        assert verify(await store.database.events_after(0, 10), GENESIS) is None
        assert (await store.database.events(AuditQuery(scope="u1", text="LOCAL", actor="ada"))).total == 2


async def test_the_migrations_agree_with_the_tables_on_postgresql(postgresql_server: Postgresql) -> None:
    migrated, made = [await postgresql_server.new_database() for _ in range(2)]
    async with open_postgresql(postgresql_server.url(migrated)):
        pass
    async with connected(postgresql_server, made) as fresh:
        await fresh.run_sync(metadata.create_all)
        expected = await fresh.run_sync(constraints)
    async with connected(postgresql_server, migrated) as connection:
        assert await connection.run_sync(differences) == []
        assert await connection.run_sync(constraints) == expected


@asynccontextmanager
async def connected(server: Postgresql, database: str) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine("postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(server.url(database)))
    async with engine.connect() as connection:
        yield connection
    await engine.dispose()


def differences(connection: Connection) -> list[object]:
    return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)


def constraints(connection: Connection) -> set[tuple[str, ...]]:
    """What Alembic's comparison does not see: cascades, deferral, collations, defaults."""
    rules = connection.exec_driver_sql(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace"
    )
    columns = connection.exec_driver_sql(
        "SELECT table_name, column_name, data_type, is_nullable, coalesce(collation_name, ''),"
        " coalesce(column_default, '') FROM information_schema.columns WHERE table_schema = 'public'"
    )
    return {tuple(row) for row in (*rules, *columns) if "alembic" not in row[0]}
