"""The tables of the catalog, as SQLAlchemy definitions.

Migrations create the tables; queries use the definitions in this module. A test
checks that both agree. Times are milliseconds since 1970 UTC; digests are raw bytes
in the database and lower-case hex text in Python.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

metadata = sa.MetaData()


class Hex(TypeDecorator[str]):
    """A column type: hex text in Python, raw bytes in the database, which is half the size."""

    impl = sa.LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> bytes | None:
        """Convert hex text to bytes."""
        return None if value is None else bytes.fromhex(value)

    def process_result_value(self, value: bytes | None, dialect: sa.Dialect) -> str | None:
        """Convert bytes to hex text."""
        return None if value is None else value.hex()


class Json(TypeDecorator[Any]):
    """JSON; on PostgreSQL in its comparable form, which DISTINCT needs."""

    impl = sa.JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """Return the type of a database."""
        if dialect.name != "postgresql":
            return dialect.type_descriptor(sa.JSON())
        from sqlalchemy.dialects.postgresql import JSONB  # nothing else needs it here

        return dialect.type_descriptor(JSONB())

    def coerce_compared_value(self, op: Any, value: Any) -> Any:  # noqa: ANN401 -- as its base class
        """Return the type of the other side of an operator: keys are not JSON."""
        return self.impl_instance.coerce_compared_value(op, value)


# SQLite assigns row ids only to a column declared exactly INTEGER.
Serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")

meta = sa.Table(
    "meta",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

namespaces = sa.Table(
    "namespaces",
    metadata,
    sa.Column("id", Serial, primary_key=True),
    sa.Column("uid", sa.String(24), nullable=False, unique=True),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("name_key", sa.String(100), nullable=False, unique=True),
    sa.Column("kind", sa.String(8), nullable=False),
    sa.Column("parent_id", sa.BigInteger, sa.ForeignKey("namespaces.id"), index=True),
    sa.Column("fullname", sa.Text, nullable=False),
    sa.Column("email", sa.Text),
    sa.Column("password_hash", sa.Text),
    sa.Column("is_admin", sa.Boolean, nullable=False),
    sa.Column("default_visibility", sa.String(8)),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("details", sa.Text),
    # When the account was suspended; NULL: it is not.
    sa.Column("suspended_ms", sa.BigInteger),
    # Counts the accounts of a kind, and lists them by name.
    sa.Index("namespaces_by_kind", "kind", "name_key"),
)

memberships = sa.Table(
    "memberships",
    metadata,
    sa.Column("org_id", sa.BigInteger, sa.ForeignKey("namespaces.id"), primary_key=True),
    sa.Column("user_id", sa.BigInteger, sa.ForeignKey("namespaces.id"), primary_key=True, index=True),
    sa.Column("role", sa.String(16), nullable=False),
)

folders = sa.Table(
    "folders",
    metadata,
    sa.Column("id", Serial, primary_key=True),
    sa.Column("uid", sa.String(24), nullable=False, unique=True),
    # A namespace of kind "folder". Folders of both types with one name share it.
    sa.Column("namespace_id", sa.BigInteger, sa.ForeignKey("namespaces.id"), nullable=False),
    sa.Column("type", sa.String(8), nullable=False),
    sa.Column("labels", sa.JSON, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("editor_id", sa.BigInteger),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("updated_ms", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("namespace_id", "type", name="folders_place"),
)

folder_grants = sa.Table(
    "folder_grants",
    metadata,
    sa.Column("folder_id", sa.BigInteger, sa.ForeignKey("folders.id"), primary_key=True),
    # The account that the grant is for; 0: everyone.
    sa.Column("subject_id", sa.BigInteger, primary_key=True, index=True),
    sa.Column("role", sa.String(8), nullable=False),
    sa.Column("granter_id", sa.BigInteger),
    sa.Column("granted_ms", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

folder_redirects = sa.Table(
    "folder_redirects",
    metadata,
    sa.Column("type", sa.String(8), primary_key=True),
    sa.Column("name_key", sa.String(100), primary_key=True),
    sa.Column("folder_id", sa.BigInteger, sa.ForeignKey("folders.id"), nullable=False, index=True),
    sqlite_with_rowid=False,
)

tokens = sa.Table(
    "tokens",
    metadata,
    sa.Column("id", Serial, primary_key=True),
    sa.Column("uid", sa.String(24), nullable=False, unique=True),
    sa.Column("user_id", sa.BigInteger, sa.ForeignKey("namespaces.id"), nullable=False, index=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("secret_hash", Hex(32), nullable=False, unique=True),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("expires_ms", sa.BigInteger),
    sa.Column("used_ms", sa.BigInteger),
    # Fine-grained tokens only: their rights and where they apply.
    sa.Column("scopes", Json),
    # Tokens of a program that was signed in: the grant that they belong to.
    sa.Column("grant_uid", sa.String(24)),
)

IS_DELETED = sa.text("deleted_ms IS NOT NULL")
"""The condition of the index of deleted repositories."""

repos = sa.Table(
    "repos",
    metadata,
    sa.Column("id", Serial, primary_key=True),
    sa.Column("uid", sa.String(24), nullable=False, unique=True),
    sa.Column("namespace_id", sa.BigInteger, sa.ForeignKey("namespaces.id"), nullable=False),
    sa.Column("type", sa.String(8), nullable=False),
    sa.Column("name", sa.String(96), nullable=False),
    sa.Column("name_key", sa.String(96), nullable=False),
    sa.Column("creator_id", sa.BigInteger),
    sa.Column("visibility", sa.String(8), nullable=False),
    sa.Column("gated", sa.String(8), nullable=False),
    sa.Column("is_disabled", sa.Boolean, nullable=False),
    sa.Column("settings", Json, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("updated_ms", sa.BigInteger, nullable=False),
    sa.Column("deleted_ms", sa.BigInteger),
    sa.Column("downloads", sa.BigInteger, nullable=False),
    sa.Column("likes", sa.BigInteger, nullable=False),
    sa.Column("card", Json),
    sa.Column("config", Json),
    sa.Column("file_metadata", Json),
    sa.Column("pipeline_tag", sa.Text),
    sa.Column("library", sa.Text),
    sa.Column("sdk", sa.Text),
    sa.Column("trending", sa.Float, nullable=False, server_default="0"),
    # Annotations, which no commit changes.
    sa.Column("labels", Json, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    # The number of the newest discussion; numbers are never reused.
    sa.Column("discussions", sa.Integer, nullable=False, server_default="0"),
    # In a folder: the visibility is that of the folder, and changes with its grants.
    sa.Column("follows", sa.Boolean, nullable=False, server_default=sa.false()),
    # Nothing in it can be changed.
    sa.Column("is_archived", sa.Boolean, nullable=False, server_default=sa.false()),
    # Bytes of the large files that its commits refer to; `catalog/files/file_links.py` keeps it.
    sa.Column("size", sa.BigInteger, nullable=False, server_default="0"),
    # Who may see it, for indexes: see `catalog/visibility.py`.
    sa.Column(
        "mark",
        sa.BigInteger,
        sa.Computed("CASE WHEN visibility = 'public' THEN 0 ELSE namespace_id END", persisted=True),
        nullable=False,
    ),
    # The namespace comes first, so the same index finds the repositories of an account.
    sa.UniqueConstraint("namespace_id", "type", "name_key", name="repos_name"),
    # In each index what a reader may not see is apart, so that it is not read.
    sa.Index("repos_by_owner", "namespace_id", "mark", "type", "name_key"),
    sa.Index("repos_by_update", "type", "visibility", "updated_ms"),
    sa.Index("repos_by_creation", "type", "visibility", "created_ms"),
    sa.Index("repos_by_downloads", "type", "visibility", "downloads"),
    sa.Index("repos_by_likes", "type", "visibility", "likes"),
    sa.Index("repos_by_trend", "type", "visibility", "trending"),
    sa.Index("repos_by_size", "type", "visibility", "size"),
    sa.Index("repos_by_task", "type", "pipeline_tag", "mark"),
    # Deleted ones are few: the others are counted as all of them without these.
    sa.Index("repos_deleted", "deleted_ms", sqlite_where=IS_DELETED),
)

# The parts of names: see `catalog/repos/name_parts.py`.
repo_name_parts = sa.Table(
    "repo_name_parts",
    metadata,
    # 0: the repository is public; otherwise its namespace, and -1 in a second row.
    sa.Column("mark", sa.BigInteger, primary_key=True),
    sa.Column("part", sa.LargeBinary(12), primary_key=True),
    sa.Column("repo_id", sa.BigInteger, primary_key=True),
    sqlite_with_rowid=False,
)

account_name_parts = sa.Table(
    "account_name_parts",
    metadata,
    sa.Column("part", sa.LargeBinary(12), primary_key=True),
    sa.Column("account_id", sa.BigInteger, primary_key=True),
    sqlite_with_rowid=False,
)

redirects = sa.Table(
    "redirects",
    metadata,
    sa.Column("type", sa.String(8), primary_key=True),
    sa.Column("path_key", sa.String(200), primary_key=True),
    sa.Column("repo_id", sa.BigInteger, sa.ForeignKey("repos.id"), nullable=False, index=True),
)

repo_tags = sa.Table(
    "repo_tags",
    metadata,
    sa.Column("repo_id", sa.BigInteger, sa.ForeignKey("repos.id"), primary_key=True),
    sa.Column("tag", sa.String(200), primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    # The tag is a label of the repository and not a tag of its card.
    sa.Column("is_label", sa.Boolean, nullable=False, server_default=sa.false()),
    # That of the repository.
    sa.Column("mark", sa.BigInteger, nullable=False),
    sa.Index("repo_tags_by_tag", "tag", "mark", "repo_id"),
    sqlite_with_rowid=False,
)

refs = sa.Table(
    "refs",
    metadata,
    sa.Column("repo_id", sa.BigInteger, sa.ForeignKey("repos.id"), primary_key=True),
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("oid", Hex(20), nullable=False),
    sa.Column("updated_ms", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

staged = sa.Table(
    "staged",
    metadata,
    sa.Column("id", Serial, primary_key=True),
    sa.Column("repo_id", sa.BigInteger, sa.ForeignKey("repos.id"), nullable=False),
    sa.Column("ref", sa.String(255), nullable=False),
    sa.Column("user_id", sa.BigInteger, nullable=False, index=True),
    sa.Column("path_key", Hex(16), nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    # add (a file), delete (a file) or clear (delete a folder).
    sa.Column("op", sa.String(8), nullable=False),
    # The file object, and for a large file the digest of its content; NULL for deletions.
    sa.Column("oid", Hex(20)),
    sa.Column("sha256", Hex(32)),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("staged_ms", sa.BigInteger, nullable=False, index=True),
    sa.UniqueConstraint("repo_id", "ref", "user_id", "path_key", name="staged_path"),
)

objects = sa.Table(
    "objects",
    metadata,
    sa.Column("repo_id", sa.BigInteger, sa.ForeignKey("repos.id"), primary_key=True),
    sa.Column("oid", Hex(20), primary_key=True),
    sa.Column("kind", sa.String(6), nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("data", sa.LargeBinary),
    sa.Column("sha256", Hex(32), index=True),
    sa.Column("pointer_size", sa.BigInteger),
    sa.Column("touched_ms", sa.BigInteger, nullable=False),
)

commits = sa.Table(
    "commits",
    metadata,
    sa.Column("repo_id", sa.BigInteger, sa.ForeignKey("repos.id"), primary_key=True),
    sa.Column("oid", Hex(20), primary_key=True),
    sa.Column("generation", sa.BigInteger, nullable=False),
    sa.Column("is_indexed", sa.Boolean, nullable=False),
    sqlite_with_rowid=False,
)

parents = sa.Table(
    "parents",
    metadata,
    sa.Column("repo_id", sa.BigInteger, sa.ForeignKey("repos.id"), primary_key=True),
    sa.Column("oid", Hex(20), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("parent", Hex(20), nullable=False),
    sqlite_with_rowid=False,
)

lineage_edges = sa.Table(
    "lineage_edges",
    metadata,
    # The repository and the commit that were made from something else.
    sa.Column("repo_id", sa.BigInteger, sa.ForeignKey("repos.id"), primary_key=True),
    sa.Column("oid", Hex(20), primary_key=True),
    sa.Column("kind", sa.String(16), primary_key=True),
    # What they were made from, by name: it may be on another hub, or not exist yet.
    sa.Column("source_type", sa.String(8), primary_key=True),
    sa.Column("source_key", sa.String(200), primary_key=True),
    sa.Column("source_oid", sa.String(40), primary_key=True),
    sa.Column("run", sa.String(200), primary_key=True),
    sa.Column("source_name", sa.String(200), nullable=False),
    sa.Column("origin", sa.String(8), nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    # That of the repository.
    sa.Column("mark", sa.BigInteger, nullable=False),
    sa.Index("lineage_edges_by_source", "source_type", "source_key", "mark"),
    sa.Index("lineage_edges_by_run", "run", "mark"),
    sqlite_with_rowid=False,
)

path_changes = sa.Table(
    "path_changes",
    metadata,
    sa.Column("repo_id", sa.BigInteger, sa.ForeignKey("repos.id"), primary_key=True),
    sa.Column("path_key", Hex(16), primary_key=True),
    sa.Column("oid", Hex(20), primary_key=True),
    sqlite_with_rowid=False,
)

# Not the other way round: SQLite would compare it with the parameter of every query on the state, and compile
# such queries again each time.
IS_READY = sa.text("'ready' = state")
"""The condition of the index of waiting jobs, of which only one may have a deduplication key."""

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", Serial, primary_key=True),
    sa.Column("kind", sa.String(40), nullable=False),
    # The lane selects the workers, which serve the namespaces of their lane in rotation; namespace 0 is the hub.
    sa.Column("lane", sa.String(16), nullable=False),
    sa.Column("namespace_id", sa.BigInteger, nullable=False),
    sa.Column("dedup_key", sa.String(200)),
    sa.Column("args", Json, nullable=False),
    sa.Column("state", sa.String(8), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("run_ms", sa.BigInteger, nullable=False),
    sa.Column("lease_ms", sa.BigInteger),
    sa.Column("owner", sa.String(80)),
    sa.Column("error", sa.Text),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("finished_ms", sa.BigInteger),
    sa.Index("jobs_by_turn", "state", "lane", "run_ms"),
    sa.Index("jobs_by_namespace", "state", "lane", "namespace_id", "run_ms"),
    sa.Index("jobs_by_key", "dedup_key", "state"),
    sa.Index("jobs_waiting", "dedup_key", unique=True, sqlite_where=IS_READY),
)

job_lanes = sa.Table(
    "job_lanes",
    metadata,
    sa.Column("lane", sa.String(16), primary_key=True),
    # The namespace that was served last in this lane.
    sa.Column("namespace_id", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

downloads = sa.Table(
    "downloads",
    metadata,
    sa.Column("repo_id", sa.BigInteger, sa.ForeignKey("repos.id"), primary_key=True),
    sa.Column("day", sa.Integer, primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

activity = sa.Table(
    "activity",
    metadata,
    sa.Column("repo_id", sa.BigInteger, sa.ForeignKey("repos.id"), primary_key=True),
    sa.Column("day", sa.Integer, primary_key=True),
    sa.Column("account_id", sa.BigInteger, primary_key=True),
    # The account that owns the repository, even if it is in a folder.
    sa.Column("owner_id", sa.BigInteger, nullable=False),
    sa.Column("count", sa.BigInteger, nullable=False),
    # That of the repository.
    sa.Column("mark", sa.BigInteger, nullable=False),
    sa.Index("activity_by_account", "account_id", "mark", "day"),
    sa.Index("activity_by_owner", "owner_id", "mark", "day"),
    sqlite_with_rowid=False,
)

lfs_locks = sa.Table(
    "lfs_locks",
    metadata,
    sa.Column("id", Serial, primary_key=True),
    sa.Column("uid", sa.String(24), nullable=False, unique=True),
    sa.Column("repo_id", sa.BigInteger, sa.ForeignKey("repos.id"), nullable=False),
    sa.Column("path_key", Hex(16), nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("ref", sa.String(255)),
    sa.Column("owner_id", sa.BigInteger, nullable=False, index=True),
    sa.Column("locked_ms", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("repo_id", "path_key", name="lfs_locks_path"),
)

push_reservations = sa.Table(
    "push_reservations",
    metadata,
    sa.Column("repo_id", sa.BigInteger, sa.ForeignKey("repos.id"), primary_key=True),
    sa.Column("account_id", sa.BigInteger, primary_key=True, index=True),
    # When the account last asked for the refs to push, and when its reservation began; 0: it has none.
    sa.Column("tried_ms", sa.BigInteger, nullable=False, index=True),
    sa.Column("began_ms", sa.BigInteger, nullable=False),
    sa.Column("until_ms", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

conversions = sa.Table(
    "conversions",
    metadata,
    sa.Column("repo_id", sa.BigInteger, sa.ForeignKey("repos.id"), primary_key=True),
    # The commit of main that was looked at last, and a digest of all that the result depends on.
    sa.Column("source", Hex(20), nullable=False),
    sa.Column("fingerprint", Hex(32), nullable=False),
    # The head of refs/convert/parquet; none if nothing could be converted.
    sa.Column("commit", Hex(20)),
    sa.Column("configs", Json, nullable=False),
    sa.Column("converted_ms", sa.BigInteger, nullable=False),
    # Seconds of processor time that conversions have taken on a day, counted since 1970.
    sa.Column("spent_s", sa.Integer, nullable=False),
    sa.Column("spent_day", sa.Integer, nullable=False),
)

TEXT_INDEX = "CREATE VIRTUAL TABLE repo_texts USING fts5(name, tags, body, tokenize = 'unicode61 remove_diacritics 2')"
"""The statement that creates the full-text index of SQLite, which SQLAlchemy cannot describe as a table."""
