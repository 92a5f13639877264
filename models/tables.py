"""All tables, as SQLAlchemy Core. Unique keys are the idempotency rules; times are UTC milliseconds.

Ids are 32 hex digits (128 random bits). ``JSON`` columns hold what no query filters on.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Float,
    ForeignKey,
    FromClause,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    or_,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ID = String(32)


def _id(name: str = "id") -> Column[str]:
    return Column(name, ID, primary_key=True)


def _at(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def _to(name: str, target: str, *, nullable: bool = False, primary_key: bool = False) -> Column[str]:
    return Column(name, ID, ForeignKey(f"{target}.id"), nullable=nullable, primary_key=primary_key)


def _some(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """Return an index of some rows only: what cannot repeat, or does not change, need not be stored twice."""
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


def _key(name: str, *columns: str, where: str) -> Index:
    return _some(name, *columns, where=where, unique=True)


settings = Table("settings", metadata, Column("name", String(60), primary_key=True), Column("value", JSON))

teams = Table("teams", metadata, _id(), Column("name", String(100), nullable=False, unique=True), _at("created_at"))

users = Table(
    "users",
    metadata,
    _id(),
    Column("email", String(254), nullable=False, unique=True),
    Column("name", String(300), nullable=False),
    Column("password", String(200)),
    Column("role", String(20), nullable=False),
    Column("capacity", Integer, nullable=False),
    Column("disabled", Boolean, nullable=False),
    _at("created_at"),
)

team_members = Table(
    "team_members", metadata, _to("team_id", "teams", primary_key=True), _to("user_id", "users", primary_key=True)
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    _to("user_id", "users"),
    Column("csrf", String(64), nullable=False),
    _at("created_at"),
    _at("expires_at"),
    Index("ix_sessions_user_id", "user_id"),
)

links = Table(
    "links",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("purpose", String(10), nullable=False),
    _to("user_id", "users", nullable=True),
    _at("expires_at"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("failures", Integer, nullable=False),
    _at("since"),
)

presence = Table(
    "presence",
    metadata,
    _to("user_id", "users", primary_key=True),
    Column("availability", String(10), nullable=False),
    _at("seen_at"),
)

assistants = Table(
    "assistants",
    metadata,
    _id(),
    Column("name", String(100), nullable=False, unique=True),
    Column("engine", String(30), nullable=False),
    Column("config", JSON, nullable=False),
    Column("live_model_id", ID),
    _at("created_at"),
)

bot_models = Table(
    "bot_models",
    metadata,
    _id(),
    _to("assistant_id", "assistants"),
    Column("version", String(100), nullable=False),
    Column("path", String(1000), nullable=False),
    Column("report", JSON, nullable=False),
    _at("created_at"),
    UniqueConstraint("assistant_id", "version"),
)

inboxes = Table(
    "inboxes",
    metadata,
    _id(),
    Column("kind", String(30), nullable=False),
    Column("name", String(100), nullable=False),
    Column("key", String(64), nullable=False, unique=True),
    Column("config", JSON, nullable=False),
    Column("secrets", LargeBinary),
    _to("assistant_id", "assistants", nullable=True),
    _to("team_id", "teams", nullable=True),
    Column("zone", String(60), nullable=False),
    Column("reopen_hours", Integer, nullable=False),
    Column("assignment", String(20), nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("broken", String(200)),
    _at("created_at"),
)

contacts = Table(
    "contacts",
    metadata,
    _id(),
    Column("name", String(300), nullable=False),
    Column("email", String(254)),
    Column("phone", String(32)),
    Column("language", String(35)),
    _at("created_at"),
    _at("changed_at"),
    Index("ix_contacts_phone", "phone"),
    Index("ix_contacts_email", "email"),
)

attributes = Table(
    "attributes",
    metadata,
    _to("contact_id", "contacts", primary_key=True),
    Column("name", String(300), primary_key=True),
    Column("value", Text, nullable=False),
    Column("source", String(20), nullable=False),
    Column("by", String(300)),
    _at("at"),
)

identities = Table(
    "identities",
    metadata,
    _id(),
    _to("inbox_id", "inboxes"),
    Column("address", String(300), nullable=False),
    _to("contact_id", "contacts"),
    Column("proven", Boolean, nullable=False),
    Column("opted_out", Boolean, nullable=False),
    _at("created_at"),
    UniqueConstraint("inbox_id", "address"),
    Index("ix_identities_contact_id", "contact_id"),
    Index("ix_identities_address", "address"),
)

consents = Table(
    "consents",
    metadata,
    _id(),
    _to("identity_id", "identities"),
    Column("purpose", String(40), nullable=False),
    Column("granted", Boolean, nullable=False),
    Column("evidence", JSON, nullable=False),
    _at("at"),
    Index("ix_consents_identity_id", "identity_id"),
)

merges = Table(
    "merges",
    metadata,
    _id(),
    _to("identity_id", "identities"),
    _to("from_contact", "contacts"),
    _to("to_contact", "contacts"),
    _to("user_id", "users", nullable=True),
    Column("reason", String(300), nullable=False),
    _at("at"),
    _at("undone_at", nullable=True),
    Index("ix_merges_identity_id", "identity_id"),
)

conversations = Table(
    "conversations",
    metadata,
    _id(),
    _to("identity_id", "identities"),
    _to("inbox_id", "inboxes"),
    Column("thread", String(200), nullable=False),
    Column("status", String(10), nullable=False),
    _to("assignee_id", "users", nullable=True),
    Column("priority", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("rev", Integer, nullable=False),
    Column("last_seq", Integer, nullable=False),
    Column("last_public_seq", Integer, nullable=False),
    Column("fallbacks", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("tracker", JSON(none_as_null=True)),
    Column("slots", JSON(none_as_null=True)),
    Column("brief", JSON(none_as_null=True)),
    Column("language", String(35)),
    Column("preview", String(300), nullable=False),
    Column("last_sender", String(10), nullable=False),
    _at("last_at"),
    Column("seen_by_contact", Integer, nullable=False),
    Column("seen_by_agents", Integer, nullable=False),
    Column("unread", Integer, nullable=False),
    Column("menu", JSON(none_as_null=True)),
    Column("last_agent_id", ID),
    _at("answered_at", nullable=True),
    Column("rating", Integer),
    Column("rating_comment", Text),
    _at("waiting_since", nullable=True),
    _at("snoozed_until", nullable=True),
    _at("resolved_at", nullable=True),
    _at("created_at"),
    _at("changed_at"),
    _key("uq_conversations_unresolved", "identity_id", "thread", where="status <> 'resolved'"),
    Index("ix_conversations_identity", "identity_id", "thread", "created_at"),
    Index("ix_conversations_list", "status", "changed_at"),
    Index("ix_conversations_queue", "status", "assignee_id", "priority", "waiting_since"),
    Index("ix_conversations_changed_at", "changed_at"),
)

messages = Table(
    "messages",
    metadata,
    Column("conversation_id", ID, ForeignKey("conversations.id"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("prev", Integer, nullable=False),
    Column("rev", Integer, nullable=False),
    Column("first_rev", Integer),
    Column("kind", String(10), nullable=False),
    Column("public", Boolean, nullable=False),
    Column("sender", String(10), nullable=False),
    Column("author_id", ID),
    Column("author_name", String(300)),
    Column("client_id", String(64)),
    Column("inbox_id", ID),
    Column("external_id", String(200)),
    Column("in_reply_to", Integer),
    Column("part", Integer),
    Column("text", Text, nullable=False),
    Column("data", JSON(none_as_null=True)),
    Column("state", String(10), nullable=False),
    Column("error", String(200)),
    Column("removed", Boolean, nullable=False),
    _at("created_at"),
    _key("uq_messages_client_id", "author_id", "client_id", where="client_id IS NOT NULL"),
    _key("uq_messages_external_id", "inbox_id", "external_id", where="external_id IS NOT NULL"),
    _key("uq_messages_in_reply_to", "conversation_id", "in_reply_to", "part", where="in_reply_to IS NOT NULL"),
    _some("ix_messages_changed", "conversation_id", "rev", where="first_rev IS NULL OR rev <> first_rev"),
    sqlite_with_rowid=False,
)


def changed_since_stored(of: FromClause) -> ColumnElement[bool]:
    """Messages that may have changed since they were stored, in the words of their index: most never do."""
    return or_(of.c.first_rev.is_(None), of.c.rev != of.c.first_rev)


deliveries = Table(
    "deliveries",
    metadata,
    Column("inbox_id", ID, ForeignKey("inboxes.id"), primary_key=True),
    Column("external_id", String(200), primary_key=True),
    Column("conversation_id", ID),
    Column("seq", Integer),
    Column("state", String(10), nullable=False),
    Column("code", String(60), nullable=False),
    _at("at"),
    Index("ix_deliveries_message", "conversation_id", "seq"),
)

traces = Table(
    "traces",
    metadata,
    Column("conversation_id", ID, ForeignKey("conversations.id"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("model", String(100), nullable=False),
    Column("intent", String(200), nullable=False),
    Column("confidence", Float, nullable=False),
    Column("fallback", Boolean, nullable=False),
    Column("ranking", JSON, nullable=False),
    Column("entities", JSON, nullable=False),
    Column("rev", Integer, nullable=False),
    _at("at"),
)

read_marks = Table(
    "read_marks",
    metadata,
    Column("conversation_id", ID, ForeignKey("conversations.id"), primary_key=True),
    _to("user_id", "users", primary_key=True),
    Column("seq", Integer, nullable=False),
)

attachments = Table(
    "attachments",
    metadata,
    _id(),
    Column("owner", ID, nullable=False),
    Column("conversation_id", ID),
    Column("seq", Integer),
    Column("name", String(300), nullable=False),
    Column("media_type", String(100), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("width", Integer),
    Column("height", Integer),
    Column("sha256", String(64)),
    Column("state", String(10), nullable=False),
    Column("source_url", String(2000)),
    _at("created_at"),
    Index("ix_attachments_message", "conversation_id", "seq"),
)

outbox = Table(
    "outbox",
    metadata,
    _id(),
    Column("kind", String(20), nullable=False),
    Column("conversation_id", ID),
    Column("seq", Integer, nullable=False),
    Column("state", String(10), nullable=False),
    _at("due_at"),
    Column("owner", String(32)),
    _at("lease_until", nullable=True),
    Column("attempts", Integer, nullable=False),
    Column("error", String(300)),
    Column("payload", JSON, nullable=False),
    _at("created_at"),
    Index("ix_outbox_due", "state", "due_at"),
    Index("ix_outbox_line", "conversation_id", "kind", "seq"),
)
"""Promises of a commit. ``state``: waiting, leased, dead, uncertain; a kept promise is deleted."""
