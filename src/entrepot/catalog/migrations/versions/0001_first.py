"""The first tables: accounts, repositories, git objects, large files, jobs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from entrepot.catalog.tables import Hex

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "files",
        sa.Column("sha256", Hex(32), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("touched_ms", sa.BigInteger(), nullable=False),
        sa.Column("sweeping_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("sha256"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "jobs",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("dedup_key", sa.String(length=200), nullable=True),
        sa.Column("args", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("run_ms", sa.BigInteger(), nullable=False),
        sa.Column("lease_ms", sa.BigInteger(), nullable=True),
        sa.Column("owner", sa.String(length=80), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("finished_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("jobs_by_key", "jobs", ["dedup_key", "state"], unique=False)
    op.create_index("jobs_by_turn", "jobs", ["state", "run_ms"], unique=False)
    op.create_table(
        "meta",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "namespaces",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("uid", sa.String(length=24), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("name_key", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
        sa.Column("fullname", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("is_admin", sa.Boolean(), nullable=False),
        sa.Column("default_visibility", sa.String(length=8), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["parent_id"],
            ["namespaces.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name_key"),
        sa.UniqueConstraint("uid"),
    )
    op.create_index(op.f("ix_namespaces_parent_id"), "namespaces", ["parent_id"], unique=False)
    op.create_table(
        "memberships",
        sa.Column("org_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id"],
            ["namespaces.id"],
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["namespaces.id"],
        ),
        sa.PrimaryKeyConstraint("org_id", "user_id"),
    )
    op.create_index(op.f("ix_memberships_user_id"), "memberships", ["user_id"], unique=False)
    op.create_table(
        "repos",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("uid", sa.String(length=24), nullable=False),
        sa.Column("namespace_id", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(length=8), nullable=False),
        sa.Column("name", sa.String(length=96), nullable=False),
        sa.Column("name_key", sa.String(length=96), nullable=False),
        sa.Column("creator_id", sa.BigInteger(), nullable=True),
        sa.Column("visibility", sa.String(length=8), nullable=False),
        sa.Column("gated", sa.String(length=8), nullable=False),
        sa.Column("is_disabled", sa.Boolean(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.Column("deleted_ms", sa.BigInteger(), nullable=True),
        sa.Column("downloads", sa.BigInteger(), nullable=False),
        sa.Column("likes", sa.BigInteger(), nullable=False),
        sa.Column("card", sa.JSON(), nullable=True),
        sa.Column("config", sa.JSON(), nullable=True),
        sa.Column("pipeline_tag", sa.Text(), nullable=True),
        sa.Column("library", sa.Text(), nullable=True),
        sa.Column("sdk", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["namespace_id"],
            ["namespaces.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("namespace_id", "type", "name_key", name="repos_name"),
        sa.UniqueConstraint("uid"),
    )
    op.create_index("repos_by_creation", "repos", ["type", "created_ms"], unique=False)
    op.create_index("repos_by_downloads", "repos", ["type", "downloads"], unique=False)
    op.create_index("repos_by_likes", "repos", ["type", "likes"], unique=False)
    op.create_index("repos_by_update", "repos", ["type", "updated_ms"], unique=False)
    op.create_table(
        "tokens",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("uid", sa.String(length=24), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("secret_hash", Hex(32), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["namespaces.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("secret_hash"),
        sa.UniqueConstraint("uid"),
    )
    op.create_index(op.f("ix_tokens_user_id"), "tokens", ["user_id"], unique=False)
    op.create_table(
        "commits",
        sa.Column("repo_id", sa.BigInteger(), nullable=False),
        sa.Column("oid", Hex(20), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("is_indexed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repo_id"],
            ["repos.id"],
        ),
        sa.PrimaryKeyConstraint("repo_id", "oid"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "downloads",
        sa.Column("repo_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repo_id"],
            ["repos.id"],
        ),
        sa.PrimaryKeyConstraint("repo_id", "day"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "file_links",
        sa.Column("repo_id", sa.BigInteger(), nullable=False),
        sa.Column("sha256", Hex(32), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(length=24), nullable=False),
        sa.Column("path", sa.Text(), nullable=True),
        sa.Column("ref", sa.String(length=255), nullable=True),
        sa.Column("pusher_id", sa.BigInteger(), nullable=True),
        sa.Column("linked_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repo_id"],
            ["repos.id"],
        ),
        sa.PrimaryKeyConstraint("repo_id", "sha256"),
        sa.UniqueConstraint("uid"),
    )
    op.create_index(op.f("ix_file_links_sha256"), "file_links", ["sha256"], unique=False)
    op.create_table(
        "objects",
        sa.Column("repo_id", sa.BigInteger(), nullable=False),
        sa.Column("oid", Hex(20), nullable=False),
        sa.Column("kind", sa.String(length=6), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=True),
        sa.Column("sha256", Hex(32), nullable=True),
        sa.Column("pointer_size", sa.BigInteger(), nullable=True),
        sa.Column("touched_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repo_id"],
            ["repos.id"],
        ),
        sa.PrimaryKeyConstraint("repo_id", "oid"),
    )
    op.create_index(op.f("ix_objects_sha256"), "objects", ["sha256"], unique=False)
    op.create_table(
        "parents",
        sa.Column("repo_id", sa.BigInteger(), nullable=False),
        sa.Column("oid", Hex(20), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("parent", Hex(20), nullable=False),
        sa.ForeignKeyConstraint(
            ["repo_id"],
            ["repos.id"],
        ),
        sa.PrimaryKeyConstraint("repo_id", "oid", "position"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "path_changes",
        sa.Column("repo_id", sa.BigInteger(), nullable=False),
        sa.Column("path_key", Hex(16), nullable=False),
        sa.Column("oid", Hex(20), nullable=False),
        sa.ForeignKeyConstraint(
            ["repo_id"],
            ["repos.id"],
        ),
        sa.PrimaryKeyConstraint("repo_id", "path_key", "oid"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "redirects",
        sa.Column("type", sa.String(length=8), nullable=False),
        sa.Column("path_key", sa.String(length=200), nullable=False),
        sa.Column("repo_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repo_id"],
            ["repos.id"],
        ),
        sa.PrimaryKeyConstraint("type", "path_key"),
    )
    op.create_index(op.f("ix_redirects_repo_id"), "redirects", ["repo_id"], unique=False)
    op.create_table(
        "refs",
        sa.Column("repo_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("oid", Hex(20), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repo_id"],
            ["repos.id"],
        ),
        sa.PrimaryKeyConstraint("repo_id", "name"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "repo_tags",
        sa.Column("repo_id", sa.BigInteger(), nullable=False),
        sa.Column("tag", sa.String(length=200), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repo_id"],
            ["repos.id"],
        ),
        sa.PrimaryKeyConstraint("repo_id", "tag"),
        sqlite_with_rowid=False,
    )
    op.create_index("repo_tags_by_tag", "repo_tags", ["tag", "repo_id"], unique=False)
    op.create_table(
        "uploads",
        sa.Column("uid", sa.String(length=24), nullable=False),
        sa.Column("repo_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("sha256", Hex(32), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("part_size", sa.BigInteger(), nullable=False),
        sa.Column("touched_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repo_id"],
            ["repos.id"],
        ),
        sa.PrimaryKeyConstraint("uid"),
    )
    op.create_index("uploads_by_file", "uploads", ["repo_id", "sha256"], unique=False)
    op.create_table(
        "upload_parts",
        sa.Column("upload", sa.String(length=24), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("etag", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["upload"],
            ["uploads.uid"],
        ),
        sa.PrimaryKeyConstraint("upload", "number"),
        sqlite_with_rowid=False,
    )
