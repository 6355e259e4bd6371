"""Accounts linked to what a provider calls them, overrides it decides about, what a session knows of it, second factors."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("user", sa.Column("subject", sa.String))
    op.create_index("ix_user_subject", "user", ["provider", "subject"], unique=True)
    op.add_column("override", sa.Column("managed", sa.Boolean, nullable=False, server_default=sa.false()))
    for column in (
        sa.Column("factor", sa.Float, nullable=False, server_default=sa.text("0")),
        sa.Column("vouched", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("groups", sa.JSON, nullable=False, server_default="[]"),
        sa.Column("provider_session", sa.String, nullable=False, server_default=""),
        sa.Column("keep", sa.String, nullable=False, server_default=""),
    ):
        op.add_column("session", column)
    op.create_table(
        "factor",
        sa.Column("id", sa.String, nullable=False),
        sa.Column("user", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("confirmed", sa.Boolean, nullable=False),
        sa.Column("last_used", sa.Float),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        sa.Column("credential", sa.LargeBinary),
        sa.Column("counter", sa.BigInteger, nullable=False),
        sa.Column("details", sa.JSON, nullable=False),
        sa.ForeignKeyConstraint(
            ["user"], ["user.id"], name="fk_factor_user", ondelete="CASCADE", initially="DEFERRED", deferrable=True
        ),
        sa.PrimaryKeyConstraint("id", name="pk_factor"),
        sa.UniqueConstraint("credential", name="uq_factor_credential"),
    )
    op.create_index("ix_factor_user", "factor", ["user"])
    _accounts()


def _accounts() -> None:
    """What accounts live by: ages and earlier ones of passwords, mail that waits, bans that can be listed."""
    op.add_column("user", sa.Column("password_set", sa.Float))
    op.create_table(
        "former_password",
        sa.Column("user", sa.String, nullable=False),
        sa.Column("hash", sa.String, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.ForeignKeyConstraint(
            ["user"],
            ["user.id"],
            name="fk_former_password_user",
            ondelete="CASCADE",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("user", "hash", name="pk_former_password"),
    )
    op.create_table(
        "letter",
        sa.Column("id", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("user", sa.String),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("until", sa.Float, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_letter"),
    )
    op.create_index("ix_letter_at", "letter", ["at"])
    op.create_table(
        "listing",
        sa.Column("name", sa.String, nullable=False),
        sa.Column("item", sa.String, nullable=False),
        sa.Column("until", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("name", "item", name="pk_listing"),
    )
    op.create_index("ix_listing_until", "listing", ["until"])
