"""The first tables: the directory, resources, sessions, and the records of what changed and happened."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# SQLite counts only in a column declared INTEGER.
counter = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _directory()
    _resources()
    _sessions()
    _records()


def _directory() -> None:
    op.create_table(
        "space",
        sa.Column("id", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("slug", sa.String, nullable=False),
        sa.Column("title", sa.String, nullable=False),
        sa.Column("parent", sa.String),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("tags", sa.JSON, nullable=False),
        sa.Column("declared", sa.String),
        sa.ForeignKeyConstraint(
            ["parent"], ["space.id"], name="fk_space_parent", initially="DEFERRED", deferrable=True
        ),
        sa.PrimaryKeyConstraint("id", name="pk_space"),
        sa.UniqueConstraint("slug", name="uq_space_slug"),
    )
    op.create_index("ix_space_parent", "space", ["parent"])
    op.create_table(
        "user",
        sa.Column("id", sa.String, nullable=False),
        sa.Column("username", sa.String, nullable=False),
        sa.Column("username_key", sa.String, nullable=False),
        sa.Column("email", sa.String, nullable=False),
        sa.Column("email_key", sa.String),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("image", sa.String, nullable=False),
        sa.Column("admin", sa.Boolean, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("provider", sa.String),
        sa.Column("password_hash", sa.String),
        sa.Column("tags", sa.JSON, nullable=False),
        sa.Column("declared", sa.String),
        sa.PrimaryKeyConstraint("id", name="pk_user"),
        sa.UniqueConstraint("email_key", name="uq_user_email_key"),
        sa.UniqueConstraint("username_key", name="uq_user_username_key"),
    )
    op.create_table(
        "membership",
        sa.Column("user", sa.String, nullable=False),
        sa.Column("space", sa.String, nullable=False),
        sa.Column("role", sa.Integer, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.ForeignKeyConstraint(
            ["space"],
            ["space.id"],
            name="fk_membership_space",
            ondelete="CASCADE",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["user"], ["user.id"], name="fk_membership_user", ondelete="CASCADE", initially="DEFERRED", deferrable=True
        ),
        sa.PrimaryKeyConstraint("user", "space", name="pk_membership"),
    )
    op.create_index("ix_membership_space", "membership", ["space"])


def _resources() -> None:
    op.create_table(
        "resource",
        sa.Column("id", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("slug", sa.String, nullable=False),
        sa.Column("place", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("parent", sa.String),
        sa.Column("owner", sa.String),
        sa.Column("settings", sa.JSON(none_as_null=True)),
        sa.Column("declared", sa.String),
        sa.ForeignKeyConstraint(
            ["owner"], ["space.id"], name="fk_resource_owner", initially="DEFERRED", deferrable=True
        ),
        sa.ForeignKeyConstraint(
            ["parent"], ["resource.id"], name="fk_resource_parent", initially="DEFERRED", deferrable=True
        ),
        sa.PrimaryKeyConstraint("id", name="pk_resource"),
        sa.UniqueConstraint("place", "slug", name="uq_resource_place"),
    )
    op.create_index("ix_resource_owner", "resource", ["owner"])
    op.create_index("ix_resource_parent", "resource", ["parent"])
    op.create_table(
        "override",
        sa.Column("user", sa.String, nullable=False),
        sa.Column("space", sa.String, nullable=False),
        sa.Column("resource", sa.String, nullable=False),
        sa.Column("role", sa.Integer, nullable=False),
        sa.ForeignKeyConstraint(
            ["resource"],
            ["resource.id"],
            name="fk_override_resource",
            ondelete="CASCADE",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["user", "space"],
            ["membership.user", "membership.space"],
            name="fk_override_user",
            ondelete="CASCADE",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("user", "space", "resource", name="pk_override"),
    )
    op.create_index("ix_override_resource", "override", ["resource"])
    op.create_table(
        "folder_entry",
        sa.Column("folder", sa.String, nullable=False),
        sa.Column("member", sa.String, nullable=False),
        sa.ForeignKeyConstraint(
            ["folder"],
            ["resource.id"],
            name="fk_folder_entry_folder",
            ondelete="CASCADE",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["member"],
            ["resource.id"],
            name="fk_folder_entry_member",
            ondelete="CASCADE",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("folder", "member", name="pk_folder_entry"),
    )
    op.create_index("ix_folder_entry_member", "folder_entry", ["member"])
    op.create_table(
        "share",
        sa.Column("target", sa.String, nullable=False),
        sa.Column("space", sa.String, nullable=False),
        sa.Column("role", sa.Integer, nullable=False),
        sa.Column("declared", sa.String),
        sa.ForeignKeyConstraint(
            ["space"], ["space.id"], name="fk_share_space", ondelete="CASCADE", initially="DEFERRED", deferrable=True
        ),
        sa.ForeignKeyConstraint(
            ["target"],
            ["resource.id"],
            name="fk_share_target",
            ondelete="CASCADE",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("target", "space", name="pk_share"),
    )
    op.create_index("ix_share_space", "share", ["space"])
    op.create_table(
        "setting",
        sa.Column("name", sa.String, nullable=False),
        sa.Column("value", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_setting"),
    )


def _sessions() -> None:
    op.create_table(
        "session",
        sa.Column("id", sa.String, nullable=False),
        sa.Column("user", sa.String, nullable=False),
        sa.Column("provider", sa.String, nullable=False),
        sa.Column("amr", sa.JSON, nullable=False),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("seen", sa.Float, nullable=False),
        sa.Column("expires", sa.Float, nullable=False),
        sa.Column("idle", sa.Float, nullable=False),
        sa.Column("address", sa.String, nullable=False),
        sa.Column("agent", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_session"),
    )
    op.create_index("ix_session_user", "session", ["user"])
    op.create_table(
        "session_cookie",
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("session", sa.String, nullable=False),
        sa.Column("host", sa.String, nullable=False),
        sa.ForeignKeyConstraint(
            ["session"],
            ["session.id"],
            name="fk_session_cookie_session",
            ondelete="CASCADE",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("hash", name="pk_session_cookie"),
    )
    op.create_index("ix_session_cookie_session", "session_cookie", ["session"])
    op.create_table(
        "kept",
        sa.Column("key", sa.String, nullable=False),
        sa.Column("value", sa.String, nullable=False),
        sa.Column("until", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_kept"),
    )
    op.create_index("ix_kept_until", "kept", ["until"])


def _records() -> None:
    op.create_table(
        "change",
        sa.Column("version", counter, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("id", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_change"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "audit_event",
        sa.Column("id", counter, nullable=False),
        sa.Column("event", sa.String, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("actor", sa.String),
        sa.Column("actor_name", sa.String, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("address", sa.String, nullable=False),
        sa.Column("scope_kind", sa.String, nullable=False),
        sa.Column("scope_id", sa.String, nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_event"),
        sqlite_autoincrement=True,
    )
