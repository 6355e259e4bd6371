"""The steps that bring a database of any age to the tables of today."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection

from proxy.store import StoreUnavailable


def steps(connection: Connection) -> Config:
    """Alembic's view of the steps, to be done on this connection."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


def upgrade(connection: Connection) -> None:
    """Do every step that is missing, in the transaction that is open.

    Raises StoreUnavailable where the database is younger than this program.
    """
    try:
        command.upgrade(steps(connection), "head")
    except CommandError as error:
        raise StoreUnavailable(
            f"The database was made by a newer Flowward ({error}). Start that version, or restore an older backup."
        ) from error
