"""Tokens and invitations, service accounts, proofs, attributes; the audit log gets its chain, its scopes and its intents."""

import json

import sqlalchemy as sa
from alembic import op

from proxy.model.audit import Event
from proxy.store.chain import GENESIS, following

revision = "0002"
down_revision = "0001"

# SQLite counts only in a column declared INTEGER.
counter = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _columns()
    _indexes()
    _tokens()
    _audit()
    _fill_people()
    _fill_audit()


def _columns() -> None:
    if op.get_bind().dialect.name == "postgresql":  # compared by code points, as SQLite does
        op.alter_column("user", "username_key", type_=sa.String(collation="C"))
    op.add_column("user", sa.Column("kind", sa.String, nullable=False, server_default="person"))
    op.add_column("user", sa.Column("password_expired", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("user", sa.Column("words", sa.Text, nullable=False, server_default=""))
    op.add_column("space", sa.Column("details", sa.JSON, nullable=False, server_default="{}"))
    op.add_column("resource", sa.Column("attributes", sa.JSON, nullable=False, server_default="{}"))
    op.add_column("session", sa.Column("proved", sa.Float, nullable=False, server_default=sa.text("0")))
    for column in (
        sa.Column("token", sa.String),
        sa.Column("user", sa.String),
        sa.Column("error", sa.String, nullable=False, server_default=""),
        sa.Column("within", sa.JSON, nullable=False, server_default="[]"),
        sa.Column("updates", sa.JSON, nullable=False, server_default="[]"),
        sa.Column("phase", sa.String, nullable=False, server_default="done"),
        sa.Column("intent", counter),
        sa.Column("hash", sa.String, nullable=False, server_default=""),
        sa.Column("actor_key", sa.String, nullable=False, server_default=""),
        sa.Column("words", sa.Text, nullable=False, server_default=""),
    ):
        op.add_column("audit_event", column)


def _indexes() -> None:
    """What lists of people look at, in the order in which they do."""
    op.drop_index("ix_membership_space", "membership")
    op.create_index("ix_membership_space", "membership", ["space", "user"])
    op.create_index("ix_user_listed", "user", ["id", "kind", "state", "username_key"])


def _hanging(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column],
        [f"{target}.id"],
        name=f"fk_{table}_{column}",
        ondelete="CASCADE",
        initially="DEFERRED",
        deferrable=True,
    )


def _tokens() -> None:
    op.create_table(
        "token",
        sa.Column("id", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("hash", sa.LargeBinary),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("created_by", sa.String),
        sa.Column("expires", sa.Float),
        sa.Column("last_used", sa.Float),
        sa.Column("user", sa.String),
        sa.Column("read_only", sa.Boolean, nullable=False),
        sa.Column("limited", sa.Boolean, nullable=False),
        sa.Column("admin", sa.Boolean, nullable=False),
        sa.Column("instance", sa.String),
        sa.Column("paths", sa.JSON, nullable=False),
        sa.Column("methods", sa.JSON, nullable=False),
        sa.Column("networks", sa.JSON, nullable=False),
        _hanging("token", "instance", "resource"),
        _hanging("token", "user", "user"),
        sa.PrimaryKeyConstraint("id", name="pk_token"),
        sa.UniqueConstraint("hash", name="uq_token_hash"),
    )
    op.create_index("ix_token_user", "token", ["user"])
    op.create_index("ix_token_instance", "token", ["instance"])
    op.create_table(
        "token_space",
        sa.Column("token", sa.String, nullable=False),
        sa.Column("space", sa.String, nullable=False),
        _hanging("token_space", "token", "token"),
        _hanging("token_space", "space", "space"),
        sa.PrimaryKeyConstraint("token", "space", name="pk_token_space"),
    )
    op.create_index("ix_token_space_space", "token_space", ["space"])
    op.create_table(
        "invitation",
        sa.Column("id", sa.String, nullable=False),
        sa.Column("space", sa.String, nullable=False),
        sa.Column("role", sa.Integer, nullable=False),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("expires", sa.Float, nullable=False),
        sa.Column("created_by", sa.String),
        sa.Column("user", sa.String),
        sa.Column("email", sa.String, nullable=False),
        _hanging("invitation", "space", "space"),
        _hanging("invitation", "user", "user"),
        sa.PrimaryKeyConstraint("id", name="pk_invitation"),
    )
    op.create_index("ix_invitation_space", "invitation", ["space"])
    op.create_index("ix_invitation_user", "invitation", ["user"])


def _audit() -> None:
    op.create_table(
        "audit_scope",
        sa.Column("scope", sa.String, nullable=False),
        sa.Column("event", counter, nullable=False, autoincrement=False),
        _hanging("audit_scope", "event", "audit_event"),
        sa.PrimaryKeyConstraint("scope", "event", name="pk_audit_scope"),
    )
    op.create_index("ix_audit_scope_event", "audit_scope", ["event"])
    op.create_table(
        "open_intent",
        sa.Column("event", counter, nullable=False, autoincrement=False),
        sa.Column("until", sa.Float, nullable=False),
        _hanging("open_intent", "event", "audit_event"),
        sa.PrimaryKeyConstraint("event", name="pk_open_intent"),
    )
    op.create_index("ix_open_intent_until", "open_intent", ["until"])
    op.create_table(
        "audit_reader",
        sa.Column("name", sa.String, nullable=False),
        sa.Column("position", counter, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_audit_reader"),
    )


_user = sa.table("user", *(sa.column(name) for name in ("id", "username", "email", "name", "words")))
_session = sa.table("session", sa.column("created"), sa.column("proved"))
_audit_scope = sa.table("audit_scope", sa.column("scope"), sa.column("event"))
_TOLD = ("event", "at", "actor", "actor_name", "source", "address", "scope_kind", "scope_id")
_event = sa.table(
    "audit_event",
    *(sa.column(name) for name in (*_TOLD, "hash", "actor_key", "words")),
    sa.column("id", counter),
    sa.column("body", sa.JSON),
)


def _fill_people() -> None:
    connection = op.get_bind()
    words = [
        {"of": row.id, "told": f"{row.username}\n{row.name}\n{row.email}".casefold()}
        for row in connection.execute(sa.select(_user))
    ]
    if words:
        fill = sa.update(_user).where(_user.c.id == sa.bindparam("of")).values(words=sa.bindparam("told"))
        connection.execute(fill, words)
    # A session began with a proof.
    connection.execute(sa.update(_session).values(proved=_session.c.created))


def _fill_audit() -> None:
    """Chain what is there, and make it findable."""
    connection, link = op.get_bind(), GENESIS
    filled: list[dict[str, object]] = []
    scopes: list[dict[str, object]] = []
    for row in connection.execute(sa.select(_event).order_by(_event.c.id)):
        link = following(link, Event(**{name: getattr(row, name) for name in _TOLD}, body=row.body))
        details = json.dumps(row.body, ensure_ascii=False) if row.body else ""
        words = f"{row.event}\n{row.actor_name}\n{row.address}\n\n{details}".casefold()
        filled.append({"of": row.id, "link": link.hash, "key": row.actor_name.casefold(), "told": words})
        scopes += [{"scope": row.scope_id, "event": row.id}] if row.scope_id else []
    if filled:
        here = sa.update(_event).where(_event.c.id == sa.bindparam("of"))
        new = here.values(hash=sa.bindparam("link"), actor_key=sa.bindparam("key"), words=sa.bindparam("told"))
        connection.execute(new, filled)
    if scopes:
        connection.execute(sa.insert(_audit_scope), scopes)
