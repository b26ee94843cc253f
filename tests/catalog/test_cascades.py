from collections.abc import Callable

import sqlalchemy as sa

from entrepot.catalog import Catalog, Write, cascades, community_tables, file_tables, tables
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.files import uploads
from entrepot.catalog.files.uploads import Upload
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.names import Sha256, new_uid

AddRepo = Callable[..., RepoRow]
AROUND_REPO = (
    community_tables.discussions,
    community_tables.discussion_events,
    community_tables.likes,
    community_tables.collection_items,
    community_tables.access_requests,
    community_tables.deliveries,
    community_tables.events,
    community_tables.notifications,
    community_tables.subscriptions,
)
AROUND_ACCOUNT = (
    community_tables.likes,
    community_tables.collections,
    community_tables.collection_items,
    community_tables.collection_upvotes,
    community_tables.access_requests,
    community_tables.invitations,
    community_tables.webhooks,
    community_tables.webhook_watches,
    community_tables.deliveries,
    community_tables.follows,
    community_tables.quotas,
    community_tables.notifications,
    community_tables.subscriptions,
)


def insert(tx: Write, table: sa.Table, **values: object) -> int:
    key = tx.sql.execute(sa.insert(table).values(**values)).inserted_primary_key
    assert key is not None
    return int(key[0])


def discussion(tx: Write, repo: RepoRow, author: int) -> None:
    discussion = insert(
        tx,
        community_tables.discussions,
        uid=new_uid(),
        repo_id=repo.id,
        num=1,
        title="t",
        author_id=author,
        is_pull=False,
        status="open",
        is_pinned=False,
        is_locked=False,
        comments=1,
        created_ms=1,
        updated_ms=1,
    )
    insert(
        tx,
        community_tables.discussion_events,
        uid=new_uid(),
        discussion_id=discussion,
        kind="comment",
        author_id=author,
        data={},
        created_ms=1,
    )


def gather(tx: Write, repo: RepoRow, user: int, owner: int) -> None:
    """Add one row of every kind that a user can leave around a repository, in collections of an owner."""
    insert(tx, community_tables.likes, repo_id=repo.id, user_id=user, liked_ms=1, mark=0)
    tx.sql.execute(sa.update(tables.repos).where(tables.repos.c.id == repo.id).values(likes=tables.repos.c.likes + 1))
    insert(
        tx,
        community_tables.access_requests,
        uid=new_uid(),
        repo_id=repo.id,
        user_id=user,
        status="pending",
        fields={},
        requested_ms=1,
    )
    collection = insert(
        tx,
        community_tables.collections,
        uid=new_uid(),
        namespace_id=owner,
        title="c",
        is_private=False,
        theme="blue",
        position=0,
        upvotes=1,
        created_ms=1,
        updated_ms=1,
    )
    insert(
        tx,
        community_tables.collection_items,
        uid=new_uid(),
        collection_id=collection,
        kind="model",
        repo_id=repo.id,
        position=0,
    )
    insert(tx, community_tables.collection_upvotes, collection_id=collection, user_id=user)
    insert(tx, community_tables.subscriptions, repo_id=repo.id, num=0, user_id=user, level="all")
    insert(
        tx,
        community_tables.notifications,
        uid=new_uid(),
        user_id=user,
        topic=f"requests:{repo.id}",
        kind="access-request",
        reason="personal",
        actor_id=owner,
        repo_id=repo.id,
        data={},
        event_id=0,
        is_read=False,
        happened_ms=1,
    )


def listen(tx: Write, repo: RepoRow, user: int) -> None:
    hook = insert(
        tx,
        community_tables.webhooks,
        uid=new_uid(),
        owner_id=user,
        url="https://x",
        domains=[],
        is_disabled=False,
        created_ms=1,
    )
    insert(tx, community_tables.webhook_watches, webhook_id=hook, kind="model", name="alice/a", name_key="alice/a")
    event = insert(
        tx,
        community_tables.events,
        repo_id=repo.id,
        namespace_id=repo.namespace_id,
        scope="repo",
        payload={},
        created_ms=1,
    )
    insert(
        tx,
        community_tables.deliveries,
        uid=new_uid(),
        webhook_id=hook,
        event_id=event,
        repo_id=repo.id,
        state="pending",
        attempts=0,
        next_ms=1,
        created_ms=1,
    )


def left(tx: Write, those: tuple[sa.Table, ...]) -> set[str]:
    return {table.name for table in those if tx.sql.execute(sa.select(table)).first()}


def test_nothing_around_an_erased_repository_is_left_and_everything_around_others(
    catalog: Catalog, alice: Account, add_account: Callable[..., Account], add_repo: AddRepo
) -> None:
    bob, erased, kept = add_account("bob"), add_repo("a"), add_repo("b")
    with catalog.write() as tx:
        for repo in (erased, kept):
            discussion(tx, repo, bob.id)
            gather(tx, repo, bob.id, alice.id)
            listen(tx, repo, bob.id)
        cascades.erase_around_repo(tx, erased.id)
        for table in AROUND_REPO:
            assert len(tx.sql.execute(sa.select(table)).all()) == 1, table.name
            if "repo_id" in table.c:
                assert tx.sql.execute(sa.select(table.c.repo_id)).scalar_one() == kept.id


def test_deleting_an_account_deletes_its_own_rows_but_not_its_comments(
    catalog: Catalog, alice: Account, add_account: Callable[..., Account], add_repo: AddRepo
) -> None:
    bob, repo = add_account("bob"), add_repo("a")
    with catalog.write() as tx:
        discussion(tx, repo, bob.id)
        gather(tx, repo, bob.id, bob.id)
        listen(tx, repo, bob.id)
        insert(tx, community_tables.follows, follower_id=bob.id, followed_id=alice.id, followed_ms=1)
        insert(
            tx,
            community_tables.invitations,
            uid=new_uid(),
            org_id=alice.id,
            user_id=bob.id,
            role="read",
            inviter_id=alice.id,
            created_ms=1,
            expires_ms=2,
        )
        insert(tx, community_tables.quotas, namespace_id=bob.id, max_bytes=1)
        assert left(tx, AROUND_ACCOUNT) == {table.name for table in AROUND_ACCOUNT}
        cascades.erase_around_account(tx, bob.id)
        assert left(tx, AROUND_ACCOUNT) == set()
        assert left(tx, (community_tables.discussions, community_tables.discussion_events)) == {
            "discussions",
            "discussion_events",
        }
        accounts.remove(tx, bob.id)


def test_counts_go_down_with_an_account_that_had_raised_them(
    catalog: Catalog, alice: Account, add_account: Callable[..., Account], add_repo: AddRepo
) -> None:
    bob, repo = add_account("bob"), add_repo("a")
    with catalog.write() as tx:
        gather(tx, repo, bob.id, alice.id)
        cascades.erase_around_account(tx, bob.id)
        assert tx.sql.execute(sa.select(tables.repos.c.likes)).scalar_one() == 0
        assert tx.sql.execute(sa.select(community_tables.collections.c.upvotes)).scalar_one() == 0


def test_the_next_account_with_a_row_id_does_not_inherit_rights(
    catalog: Catalog, add_account: Callable[..., Account], add_repo: AddRepo
) -> None:
    acme, bob = add_account("acme", "org"), add_account("bob")
    repo = add_repo("m", owner=acme, creator_id=bob.id)
    with catalog.write() as tx:
        upload = Upload(new_uid(), repo.id, bob.id, Sha256("d" * 64), 9, 5, 1)
        uploads.add(tx, upload)
        uploads.put_part(tx, upload.uid, 1, "etag", 5)
        accounts.remove(tx, bob.id)
        assert tx.sql.execute(sa.select(tables.repos.c.creator_id)).scalar_one() is None
        assert tx.sql.execute(sa.select(file_tables.uploads)).all() == []
        next_one = accounts.add(tx, accounts.fresh("eve", "user", 2))
        found = repositories.by_id(tx, repo.id)
    assert found is not None
    assert found.creator_id != next_one.id
