"""Content addressed by chunks: xorbs, the files made of them, and what dedup queries look for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from entrepot.catalog.tables import Hex

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and columns."""
    op.create_table(
        "dedup_chunks",
        sa.Column("chunk", Hex(32), nullable=False),
        sa.Column("realm", sa.BigInteger(), nullable=False),
        sa.Column("xorb", Hex(32), nullable=False),
        sa.Column("shard", sa.String(length=24), nullable=False),
        sa.PrimaryKeyConstraint("chunk", "realm"),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_dedup_chunks_xorb"), "dedup_chunks", ["xorb"], unique=False)
    op.create_table(
        "shard_xorbs",
        sa.Column("shard", sa.String(length=24), nullable=False),
        sa.Column("xorb", Hex(32), nullable=False),
        sa.PrimaryKeyConstraint("shard", "xorb"),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_shard_xorbs_xorb"), "shard_xorbs", ["xorb"], unique=False)
    op.create_table(
        "xet_files",
        sa.Column("hash", Hex(32), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("terms", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("touched_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_table(
        "xorb_realms",
        sa.Column("xorb", Hex(32), nullable=False),
        sa.Column("realm", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("xorb", "realm"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "xorbs",
        sa.Column("hash", Hex(32), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("raw_size", sa.BigInteger(), nullable=False),
        sa.Column("chunks", sa.Integer(), nullable=False),
        sa.Column("directory", sa.LargeBinary(), nullable=False),
        sa.Column("is_damaged", sa.Boolean(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("touched_ms", sa.BigInteger(), nullable=False),
        sa.Column("checked_ms", sa.BigInteger(), nullable=False),
        sa.Column("sweeping_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_index(op.f("ix_xorbs_checked_ms"), "xorbs", ["checked_ms"], unique=False)
    op.create_table(
        "xet_file_xorbs",
        sa.Column("file", Hex(32), nullable=False),
        sa.Column("xorb", Hex(32), nullable=False),
        sa.ForeignKeyConstraint(
            ["file"],
            ["xet_files.hash"],
        ),
        sa.PrimaryKeyConstraint("file", "xorb"),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_xet_file_xorbs_xorb"), "xet_file_xorbs", ["xorb"], unique=False)
    op.create_table(
        "xet_claims",
        sa.Column("repo_id", sa.BigInteger(), nullable=False),
        sa.Column("sha256", Hex(32), nullable=False),
        sa.Column("file", Hex(32), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("claimed_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["file"],
            ["xet_files.hash"],
        ),
        sa.ForeignKeyConstraint(
            ["repo_id"],
            ["repos.id"],
        ),
        sa.PrimaryKeyConstraint("repo_id", "sha256"),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_xet_claims_file"), "xet_claims", ["file"], unique=False)
    op.add_column("file_links", sa.Column("xet_hash", Hex(32), nullable=True))
    op.add_column("file_links", sa.Column("is_lie", sa.Boolean(), server_default=sa.text("0"), nullable=False))
    op.create_index(op.f("ix_file_links_xet_hash"), "file_links", ["xet_hash"], unique=False)
    op.add_column("files", sa.Column("is_raw", sa.Boolean(), server_default=sa.text("1"), nullable=False))
    op.add_column("files", sa.Column("xet_hash", Hex(32), nullable=True))
    op.create_index(op.f("ix_files_xet_hash"), "files", ["xet_hash"], unique=False)
