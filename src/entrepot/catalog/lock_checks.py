"""A check for tests: each table is written only by transactions that have locked things of the right kind.

SQLite serialises writers whatever they lock, so no test on it could find a lock that is missing. This
check compares the tables that a transaction writes with the kinds of its locks instead. It does not
see which thing was locked; what several writers do at a time is tested on PostgreSQL.
"""

from __future__ import annotations

import sqlalchemy as sa

from entrepot.catalog.named_locks import LockClass

KINDS = "entrepot_lock_kinds"
"""The execution option of a writing connection that names the kinds of its locks."""

_HUB, _NAMESPACE, _REPO = LockClass.HUB, LockClass.NAMESPACE, LockClass.REPO
_FILE, _XORB, _JOB, _AUDIT = LockClass.FILE, LockClass.XORB, LockClass.JOB, LockClass.AUDIT

LOCKS: dict[str, frozenset[LockClass]] = {
    **dict.fromkeys(
        (
            *("memberships", "tokens", "sign_in_codes", "sessions", "invitations", "follows", "quotas", "avatars"),
            *("oauth_grants", "device_codes", "used_id_tokens", "sso_identities"),
            *("second_factors", "recovery_codes", "passkeys"),
            *("collections", "collection_upvotes", "webhooks", "webhook_watches"),
        ),
        frozenset({_HUB}),
    ),
    # The namespace of a folder is made and renamed under the lock of its owner's.
    **dict.fromkeys(
        ("namespaces", "account_name_parts", "folders", "folder_grants", "folder_redirects"),
        frozenset({_NAMESPACE, _HUB}),
    ),
    # Creating, moving and deleting repositories changes what names are taken, and so does removing an account.
    **dict.fromkeys(
        ("repos", "repo_name_parts", "redirects", "repo_tags", "repo_texts"), frozenset({_REPO, _NAMESPACE, _HUB})
    ),
    # Rows with the mark of a repository, which changes with the grants of its folder.
    **dict.fromkeys(("likes", "activity", "lineage_edges"), frozenset({_REPO, _NAMESPACE, _HUB})),
    # The removal of an account holds the lock of the hub: likes, requests, uploads and deleted repositories go with it.
    **dict.fromkeys(
        (
            *("refs", "objects", "commits", "parents", "path_changes", "downloads", "file_links", "uploads"),
            *("upload_parts", "lfs_locks", "staged", "discussions", "discussion_events", "access_requests"),
            *("push_reservations", "subscriptions"),
            *("collection_items", "bucket_files", "trusted_publishers", "conversions"),
            "repo_scans",
        ),
        frozenset({_REPO, _HUB}),
    ),
    **dict.fromkeys(("xet_claims", "bucket_rights", "loose_xorbs"), frozenset({_REPO, _XORB, _HUB})),
    "files": frozenset({_FILE}),
    "attachments": frozenset({_FILE, _HUB}),
    **dict.fromkeys(
        (
            *("xorbs", "xorb_realms", "xorb_uploads", "xet_files", "xet_file_xorbs"),
            *("dedup_chunks", "shard_xorbs"),
        ),
        frozenset({_XORB}),
    ),
    "deliveries": frozenset({_JOB, _REPO, _NAMESPACE, _HUB}),
    "delivery_pauses": frozenset({_JOB, _HUB}),
    "limit_counts": frozenset({_JOB}),
    "audit": frozenset({_AUDIT}),
    "meta": frozenset({_HUB, _AUDIT}),
}
"""The kinds of locks of which a transaction must hold one to write a table."""

ATOMIC = {
    "jobs": "each statement is atomic: an insert that respects waiting jobs, or a change that depends on the state",
    "job_lanes": "a row only says which namespace was served last",
    "events": "rows are only added, and removed when nothing refers to them",
    "notifications": "a row is one notification of a user; statements replace, mark or remove whole rows",
    "scans": "a row is what a scanner found in one content, for all who store it",
}
"""Tables that need no lock, and why."""


def check(connection: sa.Connection, statement: object, *_others: object) -> None:
    """Raise if a transaction that names its locks writes a table without one of the right kind.

    A listener for SQLAlchemy's event ``before_execute``.

    Raises:
        AssertionError: no lock of the transaction covers the table.
    """
    kinds = connection.get_execution_options().get(KINDS)
    if not kinds or not isinstance(statement, sa.Insert | sa.Update | sa.Delete):
        return
    name = statement.table.name  # type: ignore[union-attr]  # the catalog writes tables only, never aliases or joins
    if name not in ATOMIC:
        held = ", ".join(kind.name for kind in sorted(kinds))
        assert LOCKS[name] & kinds, f"the table {name} is written under locks of {held} only"
