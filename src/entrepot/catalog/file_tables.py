"""The tables of large files: contents, who may use them, uploads, chunks in xorbs, files of buckets, and scans.

They belong to the same database as :mod:`entrepot.catalog.tables`, whose notes on times and digests apply here too.
"""

from __future__ import annotations

import sqlalchemy as sa

from entrepot.catalog.tables import Hex, Json
from entrepot.catalog.tables import metadata as metadata

files = sa.Table(
    "files",
    metadata,
    sa.Column("sha256", Hex(32), primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("touched_ms", sa.BigInteger, nullable=False),
    sa.Column("sweeping_ms", sa.BigInteger),
    sa.Column("is_raw", sa.Boolean, nullable=False, server_default=sa.true()),
    # The raw bytes: when they were last read and hashed, and whether they were found changed or missing.
    sa.Column("checked_ms", sa.BigInteger, nullable=False, server_default="0", index=True),
    sa.Column("is_damaged", sa.Boolean, nullable=False, server_default=sa.false()),
    sqlite_with_rowid=False,
)

file_links = sa.Table(
    "file_links",
    metadata,
    sa.Column("repo_id", sa.BigInteger, sa.ForeignKey("repos.id"), primary_key=True),
    sa.Column("sha256", Hex(32), primary_key=True, index=True),
    # 0 if commits name the file; else the account whose upload no commit names yet (-1: of no account).
    sa.Column("owner_id", sa.BigInteger, primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("uid", sa.String(24), nullable=False, unique=True),
    sa.Column("path", sa.Text),
    sa.Column("ref", sa.String(255)),
    sa.Column("pusher_id", sa.BigInteger),
    sa.Column("linked_ms", sa.BigInteger, nullable=False),
    # When a caller last prepared to use the file: restarts the grace period of a link that no commit names.
    sa.Column("touched_ms", sa.BigInteger, nullable=False, server_default="0"),
    # The chunks that this repository uses, and the hash that it shows; without them it uses the raw bytes.
    sa.Column("xet_file", Hex(20), sa.ForeignKey("xet_files.id"), index=True),
    sa.Column("xet_hash", Hex(32)),
    sa.Column("is_false", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("is_verified", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("is_proven", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Index("file_links_by_xet_hash", "repo_id", "xet_hash"),
)

uploads = sa.Table(
    "uploads",
    metadata,
    sa.Column("uid", sa.String(24), primary_key=True),
    sa.Column("repo_id", sa.BigInteger, sa.ForeignKey("repos.id"), nullable=False),
    sa.Column("user_id", sa.BigInteger, nullable=False),
    sa.Column("sha256", Hex(32), nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("part_size", sa.BigInteger, nullable=False),
    sa.Column("touched_ms", sa.BigInteger, nullable=False),
    sa.Index("uploads_by_file", "repo_id", "sha256"),
)

upload_parts = sa.Table(
    "upload_parts",
    metadata,
    sa.Column("upload", sa.String(24), sa.ForeignKey("uploads.uid"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("etag", sa.String(64), nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

xorbs = sa.Table(
    "xorbs",
    metadata,
    sa.Column("hash", Hex(32), primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("raw_size", sa.BigInteger, nullable=False),
    sa.Column("chunks", sa.Integer, nullable=False),
    sa.Column("directory", sa.LargeBinary, nullable=False),
    sa.Column("is_damaged", sa.Boolean, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("touched_ms", sa.BigInteger, nullable=False),
    sa.Column("checked_ms", sa.BigInteger, nullable=False, index=True),
    sa.Column("sweeping_ms", sa.BigInteger),
)

xorb_realms = sa.Table(
    "xorb_realms",
    metadata,
    sa.Column("xorb", Hex(32), primary_key=True),
    sa.Column("realm", sa.BigInteger, primary_key=True),
    sqlite_with_rowid=False,
)

xorb_uploads = sa.Table(
    "xorb_uploads",
    metadata,
    sa.Column("xorb", Hex(32), primary_key=True),
    sa.Column("holder", sa.String(40), primary_key=True),
    sa.Column("uploaded_ms", sa.BigInteger, nullable=False, index=True),
    sqlite_with_rowid=False,
)

loose_xorbs = sa.Table(
    "loose_xorbs",
    metadata,
    # What an account has sent that no file accounts for yet: it limits what one account may send without a file.
    sa.Column("user_id", sa.BigInteger, primary_key=True),
    sa.Column("xorb", Hex(32), primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("sent_ms", sa.BigInteger, nullable=False, index=True),
    sqlite_with_rowid=False,
)

xet_files = sa.Table(
    "xet_files",
    metadata,
    # The digest of hash and terms: one content has a row for each way in which its chunks lie in xorbs.
    sa.Column("id", Hex(20), primary_key=True),
    sa.Column("hash", Hex(32), nullable=False, index=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("terms", sa.LargeBinary, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("touched_ms", sa.BigInteger, nullable=False),
)

xet_file_xorbs = sa.Table(
    "xet_file_xorbs",
    metadata,
    sa.Column("file", Hex(20), sa.ForeignKey("xet_files.id"), primary_key=True),
    sa.Column("xorb", Hex(32), primary_key=True, index=True),
    sa.Column("ranges", sa.LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

xet_claims = sa.Table(
    "xet_claims",
    metadata,
    sa.Column("repo_id", sa.BigInteger, sa.ForeignKey("repos.id"), primary_key=True),
    sa.Column("sha256", Hex(32), primary_key=True),
    sa.Column("file", Hex(20), sa.ForeignKey("xet_files.id"), nullable=False, index=True),
    sa.Column("user_id", sa.BigInteger, primary_key=True, index=True),
    sa.Column("claimed_ms", sa.BigInteger, nullable=False),
    sa.Column("is_proven", sa.Boolean, nullable=False, server_default=sa.false()),
    sqlite_with_rowid=False,
)

bucket_files = sa.Table(
    "bucket_files",
    metadata,
    sa.Column("repo_id", sa.BigInteger, sa.ForeignKey("repos.id"), primary_key=True),
    # Bytes, so that every database sorts and compares paths in the same way.
    sa.Column("path", sa.LargeBinary(1024), primary_key=True),
    sa.Column("xet_hash", Hex(32), nullable=False),
    # The chunks of the file; NULL: it is empty.
    sa.Column("file", Hex(20), sa.ForeignKey("xet_files.id"), index=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("mtime_ms", sa.BigInteger, nullable=False),
    sa.Column("uploaded_ms", sa.BigInteger, nullable=False),
    sa.Index("bucket_files_by_hash", "repo_id", "xet_hash"),
    # With the size, so that the totals of a bucket need no row of the table.
    sa.Index("bucket_files_by_time", "repo_id", "uploaded_ms", "size"),
    sqlite_with_rowid=False,
)

bucket_rights = sa.Table(
    "bucket_rights",
    metadata,
    # What was uploaded for a bucket, or was in it until a moment ago: it may be named there, and read.
    sa.Column("repo_id", sa.BigInteger, sa.ForeignKey("repos.id"), primary_key=True),
    sa.Column("xet_hash", Hex(32), primary_key=True),
    sa.Column("file", Hex(20), sa.ForeignKey("xet_files.id"), nullable=False, index=True),
    sa.Column("granted_ms", sa.BigInteger, nullable=False),
    # Whether the bucket has shown the file to its readers, whose downloads may still be running.
    sa.Column("was_listed", sa.Boolean, nullable=False, server_default=sa.false()),
    sqlite_with_rowid=False,
)

dedup_chunks = sa.Table(
    "dedup_chunks",
    metadata,
    sa.Column("chunk", Hex(32), primary_key=True),
    sa.Column("xorb", Hex(32), primary_key=True, index=True),
    # The index of the chunk in the xorb: who may read only other chunks of it does not find this one.
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("shard", sa.String(24), nullable=False),
    sqlite_with_rowid=False,
)

shard_xorbs = sa.Table(
    "shard_xorbs",
    metadata,
    sa.Column("shard", sa.String(24), primary_key=True),
    sa.Column("xorb", Hex(32), primary_key=True, index=True),
    sqlite_with_rowid=False,
)

scans = sa.Table(
    "scans",
    metadata,
    # Names a content within an owner's repositories; see entrepot.hub.scanning.contents.
    sa.Column("content", Hex(32), primary_key=True),
    sa.Column("scanner", sa.String(16), primary_key=True),
    sa.Column("version", sa.String(32), nullable=False),
    sa.Column("status", sa.String(12), nullable=False),
    sa.Column("report", Json, nullable=False),
    sa.Column("scanned_ms", sa.BigInteger, nullable=False),
    # Accurate to a month: when a repository was last found to have the content.
    sa.Column("seen_ms", sa.BigInteger, nullable=False, index=True),
    sqlite_with_rowid=False,
)

# What the last scan of a repository found at its heads.
repo_scans = sa.Table(
    "repo_scans",
    metadata,
    sa.Column("repo_id", sa.BigInteger, sa.ForeignKey("repos.id"), primary_key=True),
    sa.Column("worst", sa.String(12), nullable=False),
    sa.Column("counts", Json, nullable=False),
    sa.Column("findings", Json, nullable=False),
    sa.Column("scanned_ms", sa.BigInteger, nullable=False),
    sa.Index("ix_repo_scans_worst", "worst", "repo_id"),
)
