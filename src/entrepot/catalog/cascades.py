"""Deletion of everything that depends on a repository or an account."""

from __future__ import annotations

import sqlalchemy as sa

from entrepot.catalog import community_tables, file_tables, tables
from entrepot.catalog.database import Write

NOBODY = 0
"""The account id in rows whose account was deleted."""

_D = community_tables.discussions
_C = community_tables.collections
_I = community_tables.collection_items
_W = community_tables.webhooks
_L = community_tables.likes


def erase_around_repo(tx: Write, repo_id: int) -> None:
    """Delete the rows that depend on a repository which is being erased.

    These are its discussions, likes, collection items, access requests, notifications,
    subscriptions, deliveries and events. Webhooks watch names, and keep watching.
    """
    for table in (community_tables.notifications, community_tables.subscriptions):
        tx.sql.execute(sa.delete(table).where(table.c.repo_id == repo_id))
    discussions = sa.select(_D.c.id).where(_D.c.repo_id == repo_id)
    tx.sql.execute(
        sa.delete(community_tables.discussion_events).where(
            community_tables.discussion_events.c.discussion_id.in_(discussions)
        )
    )
    for table in (
        community_tables.discussions,
        community_tables.likes,
        community_tables.collection_items,
        community_tables.access_requests,
        community_tables.deliveries,
    ):
        tx.sql.execute(sa.delete(table).where(table.c.repo_id == repo_id))
    tx.sql.execute(sa.delete(community_tables.events).where(community_tables.events.c.repo_id == repo_id))


def forget_activity(tx: Write, account_id: int) -> None:
    """Remove an account's row id from rows that outlive it, because the database may reuse the id.

    The creator of a repository has rights in it as a contributor; the next
    account with the same row id must not inherit them.
    """
    for table, column in (
        (tables.repos, tables.repos.c.creator_id),
        (file_tables.file_links, file_tables.file_links.c.pusher_id),
        (tables.folders, tables.folders.c.editor_id),
        (tables.folder_grants, tables.folder_grants.c.granter_id),
    ):
        tx.sql.execute(sa.update(table).where(column == account_id).values({column: None}))
    tx.sql.execute(sa.delete(tables.staged).where(tables.staged.c.user_id == account_id))
    done = tables.activity
    tx.sql.execute(sa.delete(done).where((done.c.account_id == account_id) | (done.c.owner_id == account_id)))
    links, claims = file_tables.file_links, file_tables.xet_claims
    tx.sql.execute(sa.delete(links).where(links.c.owner_id == account_id))
    tx.sql.execute(sa.delete(claims).where(claims.c.user_id == account_id))
    loose = file_tables.loose_xorbs
    tx.sql.execute(sa.delete(loose).where(loose.c.user_id == account_id))
    uploads = file_tables.uploads
    open_ones = sa.select(uploads.c.uid).where(uploads.c.user_id == account_id)
    tx.sql.execute(sa.delete(file_tables.upload_parts).where(file_tables.upload_parts.c.upload.in_(open_ones)))
    tx.sql.execute(sa.delete(uploads).where(uploads.c.user_id == account_id))


def erase_around_account(tx: Write, account_id: int) -> None:
    """Delete likes, follows, collections, requests, invitations and webhooks of an account that is being deleted.

    Its picture, notifications and subscriptions go too. Its comments in discussions stay, without an author.
    """
    notified, subscribed = community_tables.notifications, community_tables.subscriptions
    tx.sql.execute(sa.delete(notified).where((notified.c.user_id == account_id) | (notified.c.org_id == account_id)))
    tx.sql.execute(sa.delete(subscribed).where(subscribed.c.user_id == account_id))
    _take_back_likes(tx, account_id)
    _erase_collections(tx, account_id)
    _forget_author(tx, account_id)
    hooks = sa.select(_W.c.id).where(_W.c.owner_id == account_id)
    tx.sql.execute(sa.delete(community_tables.deliveries).where(community_tables.deliveries.c.webhook_id.in_(hooks)))
    watches = community_tables.webhook_watches
    tx.sql.execute(sa.delete(watches).where(watches.c.webhook_id.in_(hooks)))
    tx.sql.execute(sa.delete(_W).where(_W.c.owner_id == account_id))
    follows, invitations = community_tables.follows, community_tables.invitations
    tx.sql.execute(
        sa.delete(follows).where((follows.c.follower_id == account_id) | (follows.c.followed_id == account_id))
    )
    tx.sql.execute(
        sa.delete(invitations).where((invitations.c.org_id == account_id) | (invitations.c.user_id == account_id))
    )
    tx.sql.execute(
        sa.delete(community_tables.access_requests).where(community_tables.access_requests.c.user_id == account_id)
    )
    tx.sql.execute(sa.delete(community_tables.quotas).where(community_tables.quotas.c.namespace_id == account_id))
    tx.sql.execute(sa.delete(community_tables.avatars).where(community_tables.avatars.c.namespace_id == account_id))
    _erase_folders(tx, account_id)


def _erase_folders(tx: Write, account_id: int) -> None:
    """Delete the folders of an account, which have no repositories, and the grants to it."""
    folders, grants, moved = tables.folders, tables.folder_grants, tables.folder_redirects
    below = sa.select(tables.namespaces.c.id).where(tables.namespaces.c.parent_id == account_id)
    own = sa.select(folders.c.id).where(folders.c.namespace_id.in_(below))
    tx.sql.execute(sa.delete(grants).where(grants.c.folder_id.in_(own) | (grants.c.subject_id == account_id)))
    tx.sql.execute(sa.delete(moved).where(moved.c.folder_id.in_(own)))
    tx.sql.execute(sa.delete(folders).where(folders.c.namespace_id.in_(below)))


def _forget_author(tx: Write, account_id: int) -> None:
    """Clear the author of an account's comments: SQLite may give its row id to the next account."""
    for table in (_D, community_tables.discussion_events):
        tx.sql.execute(sa.update(table).where(table.c.author_id == account_id).values(author_id=NOBODY))
    invited = community_tables.invitations
    tx.sql.execute(sa.delete(invited).where(invited.c.inviter_id == account_id))
    notified = community_tables.notifications
    tx.sql.execute(sa.update(notified).where(notified.c.actor_id == account_id).values(actor_id=NOBODY))
    images = community_tables.attachments
    tx.sql.execute(sa.update(images).where(images.c.user_id == account_id).values(user_id=NOBODY))


def _take_back_likes(tx: Write, account_id: int) -> None:
    liked = sa.select(_L.c.repo_id).where(_L.c.user_id == account_id)
    repos = tables.repos
    tx.sql.execute(sa.update(repos).where(repos.c.id.in_(liked)).values(likes=repos.c.likes - 1))
    tx.sql.execute(sa.delete(_L).where(_L.c.user_id == account_id))


def _erase_collections(tx: Write, account_id: int) -> None:
    votes = community_tables.collection_upvotes
    voted = sa.select(votes.c.collection_id).where(votes.c.user_id == account_id)
    tx.sql.execute(sa.update(_C).where(_C.c.id.in_(voted)).values(upvotes=_C.c.upvotes - 1))
    tx.sql.execute(sa.delete(votes).where(votes.c.user_id == account_id))
    own = sa.select(_C.c.id).where(_C.c.namespace_id == account_id)
    tx.sql.execute(sa.delete(votes).where(votes.c.collection_id.in_(own)))
    tx.sql.execute(sa.delete(_I).where(_I.c.collection_id.in_(own) | _I.c.linked_id.in_(own)))
    tx.sql.execute(sa.delete(_C).where(_C.c.namespace_id == account_id))
