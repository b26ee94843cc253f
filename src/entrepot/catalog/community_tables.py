"""The tables of discussions, reviews, likes, collections, access requests and webhooks.

They belong to the same database as :mod:`entrepot.catalog.tables`, whose notes
on times and digests apply here too. An account column has no foreign key if the
row outlives the account: comments stay when their author is deleted.
"""

from __future__ import annotations

import sqlalchemy as sa

from entrepot.catalog.sign_in_tables import metadata as metadata
from entrepot.catalog.tables import Hex, Json, Serial

_NAMESPACE = "namespaces.id"
_REPO = "repos.id"

discussions = sa.Table(
    "discussions",
    metadata,
    sa.Column("id", Serial, primary_key=True),
    sa.Column("uid", sa.String(24), nullable=False, unique=True),
    sa.Column("repo_id", sa.BigInteger, sa.ForeignKey(_REPO), nullable=False),
    sa.Column("num", sa.Integer, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("author_id", sa.BigInteger, nullable=False, index=True),
    sa.Column("is_pull", sa.Boolean, nullable=False),
    sa.Column("status", sa.String(8), nullable=False),
    # Pull requests only: the target branch, the merge commit, and the commit where they diverged
    # from it, which cannot be derived from their history after a squash.
    sa.Column("base", sa.String(255)),
    sa.Column("fork_oid", Hex(20)),
    sa.Column("merge_oid", Hex(20)),
    sa.Column("is_pinned", sa.Boolean, nullable=False),
    sa.Column("is_locked", sa.Boolean, nullable=False),
    sa.Column("comments", sa.Integer, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("updated_ms", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("repo_id", "num", name="discussions_num"),
    sa.Index("discussions_by_status", "repo_id", "status"),
)

discussion_events = sa.Table(
    "discussion_events",
    metadata,
    sa.Column("id", Serial, primary_key=True),
    sa.Column("uid", sa.String(24), nullable=False, unique=True),
    sa.Column("discussion_id", sa.BigInteger, sa.ForeignKey("discussions.id"), nullable=False, index=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("author_id", sa.BigInteger, nullable=False),
    sa.Column("data", Json, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
)

# Pictures that accounts have uploaded; each has at most 256 KiB.
avatars = sa.Table(
    "avatars",
    metadata,
    sa.Column("namespace_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("media_type", sa.String(20), nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
    sa.Column("updated_ms", sa.BigInteger, nullable=False),
)

attachments = sa.Table(
    "attachments",
    metadata,
    sa.Column("uid", sa.String(24), primary_key=True),
    sa.Column("user_id", sa.BigInteger, nullable=False, index=True),
    sa.Column("sha256", Hex(32), nullable=False, index=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("media_type", sa.String(100), nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

likes = sa.Table(
    "likes",
    metadata,
    sa.Column("repo_id", sa.BigInteger, sa.ForeignKey(_REPO), primary_key=True),
    sa.Column("user_id", sa.BigInteger, sa.ForeignKey(_NAMESPACE), primary_key=True),
    sa.Column("liked_ms", sa.BigInteger, nullable=False),
    # That of the repository.
    sa.Column("mark", sa.BigInteger, nullable=False),
    sa.Index("likes_by_user", "user_id", "mark", "liked_ms"),
    sa.Index("likes_by_time", "repo_id", "liked_ms"),
    sqlite_with_rowid=False,
)

follows = sa.Table(
    "follows",
    metadata,
    sa.Column("follower_id", sa.BigInteger, sa.ForeignKey(_NAMESPACE), primary_key=True),
    sa.Column("followed_id", sa.BigInteger, sa.ForeignKey(_NAMESPACE), primary_key=True, index=True),
    sa.Column("followed_ms", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

collections = sa.Table(
    "collections",
    metadata,
    sa.Column("id", Serial, primary_key=True),
    sa.Column("uid", sa.String(24), nullable=False, unique=True),
    sa.Column("namespace_id", sa.BigInteger, sa.ForeignKey(_NAMESPACE), nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("description", sa.Text),
    sa.Column("is_private", sa.Boolean, nullable=False),
    sa.Column("theme", sa.String(20), nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("upvotes", sa.BigInteger, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("updated_ms", sa.BigInteger, nullable=False),
    # Private ones are apart, so that they are not read for others.
    sa.Index("collections_by_owner", "namespace_id", "is_private"),
    sa.Index("collections_by_update", "is_private", "updated_ms"),
    sa.Index("collections_by_upvotes", "is_private", "upvotes"),
)

collection_items = sa.Table(
    "collection_items",
    metadata,
    sa.Column("id", Serial, primary_key=True),
    sa.Column("uid", sa.String(24), nullable=False, unique=True),
    sa.Column("collection_id", sa.BigInteger, sa.ForeignKey("collections.id"), nullable=False),
    sa.Column("kind", sa.String(12), nullable=False),
    # Items of this hub are referenced by row id; external items such as papers by their own id.
    sa.Column("repo_id", sa.BigInteger, sa.ForeignKey(_REPO), index=True),
    sa.Column("linked_id", sa.BigInteger, sa.ForeignKey("collections.id"), index=True),
    sa.Column("name", sa.Text),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("note", sa.Text),
    sa.Index("collection_items_in_order", "collection_id", "position"),
)

collection_upvotes = sa.Table(
    "collection_upvotes",
    metadata,
    sa.Column("collection_id", sa.BigInteger, sa.ForeignKey("collections.id"), primary_key=True),
    sa.Column("user_id", sa.BigInteger, sa.ForeignKey(_NAMESPACE), primary_key=True, index=True),
    sqlite_with_rowid=False,
)

access_requests = sa.Table(
    "access_requests",
    metadata,
    sa.Column("id", Serial, primary_key=True),
    sa.Column("uid", sa.String(24), nullable=False, unique=True),
    sa.Column("repo_id", sa.BigInteger, sa.ForeignKey(_REPO), nullable=False),
    sa.Column("user_id", sa.BigInteger, sa.ForeignKey(_NAMESPACE), nullable=False, index=True),
    sa.Column("status", sa.String(8), nullable=False),
    sa.Column("fields", Json, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("requested_ms", sa.BigInteger, nullable=False),
    sa.Column("handled_ms", sa.BigInteger),
    sa.Column("handler_id", sa.BigInteger),
    sa.UniqueConstraint("repo_id", "user_id", name="access_requests_once"),
    sa.Index("access_requests_by_status", "repo_id", "status", "requested_ms"),
)

invitations = sa.Table(
    "invitations",
    metadata,
    sa.Column("id", Serial, primary_key=True),
    sa.Column("uid", sa.String(24), nullable=False, unique=True),
    sa.Column("org_id", sa.BigInteger, sa.ForeignKey(_NAMESPACE), nullable=False),
    sa.Column("user_id", sa.BigInteger, sa.ForeignKey(_NAMESPACE), nullable=False, index=True),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("inviter_id", sa.BigInteger, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("expires_ms", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("org_id", "user_id", name="invitations_once"),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", Serial, primary_key=True),
    sa.Column("at_ms", sa.BigInteger, nullable=False, index=True),
    sa.Column("actor", sa.String(100), nullable=False, index=True),
    sa.Column("token", sa.String(24)),
    sa.Column("action", sa.String(40), nullable=False, index=True),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("details", sa.Text, nullable=False),
    # A hash over this row and the one before it: changed or deleted rows are detected.
    sa.Column("chain", Hex(32), nullable=False),
    # The permanent id of the account that the subject belonged to at that time: it outlives the account.
    sa.Column("namespace", sa.String(24)),
    sa.Index("audit_by_namespace", "namespace", "id"),
)

webhooks = sa.Table(
    "webhooks",
    metadata,
    sa.Column("id", Serial, primary_key=True),
    sa.Column("uid", sa.String(24), nullable=False, unique=True),
    sa.Column("owner_id", sa.BigInteger, sa.ForeignKey(_NAMESPACE), nullable=False, index=True),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("secret", sa.Text),
    sa.Column("domains", Json, nullable=False),
    sa.Column("is_disabled", sa.Boolean, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
)

webhook_watches = sa.Table(
    "webhook_watches",
    metadata,
    sa.Column("id", Serial, primary_key=True),
    sa.Column("webhook_id", sa.BigInteger, sa.ForeignKey("webhooks.id"), nullable=False, index=True),
    # No foreign keys: a watch is for whatever has the name when something happens, even if nothing has it yet.
    sa.Column("kind", sa.String(8), nullable=False),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("name_key", sa.String(200), nullable=False),
    sa.Index("webhook_watches_name", "kind", "name_key"),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("id", Serial, primary_key=True),
    # No foreign key: the event that a repository was deleted outlives the repository.
    sa.Column("repo_id", sa.BigInteger, nullable=False, index=True),
    sa.Column("namespace_id", sa.BigInteger, nullable=False),
    sa.Column("scope", sa.String(24), nullable=False),
    sa.Column("payload", Json, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
)

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("id", Serial, primary_key=True),
    sa.Column("uid", sa.String(24), nullable=False, unique=True),
    sa.Column("webhook_id", sa.BigInteger, sa.ForeignKey("webhooks.id"), nullable=False),
    sa.Column("event_id", sa.BigInteger, sa.ForeignKey("events.id"), nullable=False, index=True),
    sa.Column("repo_id", sa.BigInteger, nullable=False),
    sa.Column("state", sa.String(8), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_ms", sa.BigInteger, nullable=False),
    sa.Column("status", sa.Integer),
    sa.Column("answer", sa.Text),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("finished_ms", sa.BigInteger),
    sa.Index("deliveries_in_turn", "webhook_id", "repo_id", "state", "id"),
    sa.Index("deliveries_due", "state", "next_ms"),
    sa.Index("deliveries_by_end", "finished_ms"),
)

delivery_pauses = sa.Table(
    "delivery_pauses",
    metadata,
    # "webhook:<id>" or "host:<name>:<port>"
    sa.Column("key", sa.String(300), primary_key=True),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("until_ms", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

notifications = sa.Table(
    "notifications",
    metadata,
    sa.Column("id", Serial, primary_key=True),
    sa.Column("uid", sa.String(24), nullable=False, unique=True),
    sa.Column("user_id", sa.BigInteger, sa.ForeignKey(_NAMESPACE), nullable=False),
    # What it is about, such as "discussion:<id>": news about the same thing replace the row.
    sa.Column("topic", sa.String(80), nullable=False),
    sa.Column("kind", sa.String(24), nullable=False),
    sa.Column("reason", sa.String(16), nullable=False),
    sa.Column("actor_id", sa.BigInteger, nullable=False),
    sa.Column("repo_id", sa.BigInteger, sa.ForeignKey(_REPO), index=True),
    sa.Column("discussion_id", sa.BigInteger, sa.ForeignKey("discussions.id"), index=True),
    sa.Column("org_id", sa.BigInteger, sa.ForeignKey(_NAMESPACE), index=True),
    sa.Column("data", Json, nullable=False),
    # The event of the discussion, which grows: an earlier event never replaces a later one.
    sa.Column("event_id", sa.BigInteger, nullable=False),
    sa.Column("is_read", sa.Boolean, nullable=False),
    sa.Column("happened_ms", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("user_id", "topic", name="notifications_topic"),
    sa.Index("notifications_by_time", "user_id", "happened_ms", "id"),
    sa.Index("notifications_unread", "user_id", "is_read", "happened_ms", "id"),
    # Finds those that are too old.
    sa.Index("notifications_by_age", "happened_ms"),
)

subscriptions = sa.Table(
    "subscriptions",
    metadata,
    sa.Column("repo_id", sa.BigInteger, sa.ForeignKey(_REPO), primary_key=True),
    # The number of a discussion; 0: the whole repository.
    sa.Column("num", sa.Integer, primary_key=True),
    sa.Column("user_id", sa.BigInteger, sa.ForeignKey(_NAMESPACE), primary_key=True, index=True),
    sa.Column("level", sa.String(16), nullable=False),
    sqlite_with_rowid=False,
)

quotas = sa.Table(
    "quotas",
    metadata,
    sa.Column("namespace_id", sa.BigInteger, sa.ForeignKey(_NAMESPACE), primary_key=True),
    sa.Column("max_bytes", sa.BigInteger),
    sa.Column("max_repos", sa.Integer),
    sa.Column("max_file_bytes", sa.BigInteger),
)
