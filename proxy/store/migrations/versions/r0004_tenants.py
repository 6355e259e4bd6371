"""Dashboards that people see first, how pages look, and logins by which an admin looks on as somebody else."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("user", sa.Column("default_dashboard", sa.String))
    op.add_column("user", sa.Column("fullscreen", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("space", sa.Column("home_dashboard", sa.String))
    op.add_column("space", sa.Column("labels", sa.JSON, nullable=False, server_default="[]"))
    op.add_column("space", sa.Column("branding", sa.JSON(none_as_null=True)))
    op.add_column("session", sa.Column("viewer", sa.String, nullable=False, server_default=""))
    op.create_table(
        "image",
        sa.Column("key", sa.String, nullable=False),
        sa.Column("type", sa.String, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_image"),
    )
