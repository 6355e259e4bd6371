"""What of a user the estate file that declares them states, so that nothing else changes it."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("user", sa.Column("stated", sa.JSON, nullable=False, server_default="[]"))
