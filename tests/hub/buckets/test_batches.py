"""Changes of buckets: what may be named, what is refused, and what becomes of the old content."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from entrepot.catalog import community_tables
from entrepot.errors import InvalidCredentials, LimitExceeded, NotAllowed, QuotaExceeded, RepoNotFound, ThingNotFound
from entrepot.hub.accounts import quotas
from entrepot.hub.buckets import batches, bucket_contents, buckets
from entrepot.hub.buckets.batches import EMPTY, AddToBucket, BucketOperation, CopyToBucket, DeleteFromBucket
from entrepot.hub.buckets.bucket_contents import BucketFile
from entrepot.hub.files import reconstructions, xet_tokens, xorb_scrubbing
from entrepot.hub.jobs import maintenance
from entrepot.hub.repos import repositories, storage_costs
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.hub.search import profiles
from entrepot.hub.webhooks import webhooks
from entrepot.hub.webhooks.webhooks import WebhookDraft
from entrepot.names import RepoId, RepoRef, RepoType, XetHash
from tests.support.chunk_sender import Sender
from tests.support.worlds import DAY_MS, World


def new(world: World, name: str = "alice/b", visibility: str = "public") -> RepoRef:
    namespace, _, short = name.partition("/")
    return buckets.create(world.hub, world.caller(namespace), namespace, short, visibility).ref


def change(world: World, ref: RepoRef, *operations: BucketOperation) -> list[str]:
    """Apply operations by the owner and return the paths that failed."""
    by = world.caller(ref.id.namespace)
    return [one.path for one in batches.apply(world.hub, by, ref, operations).failed]


def files(world: World, ref: RepoRef) -> dict[str, BucketFile]:
    page = bucket_contents.list_tree(world.hub, world.caller("root"), ref, "", is_deep=True, limit=100)
    return {item.path: item for item in page.entries if isinstance(item, BucketFile)}


def stored(sender: Sender, ref: RepoRef, seed: object = 1) -> XetHash:
    """Upload 4,000 bytes for a bucket without a SHA-256, as clients do, and return their hash."""
    given, xorb = sender.give(ref), sender.xorb(sender.chunks(seed))
    sender.send(given, xorb)
    block = sender.block([(xorb, 0, xorb.index.count)])
    sender.register(given, [block], [xorb])
    return block.hash


def test_uploaded_files_are_named_overwritten_and_deleted(world: World, sender: Sender) -> None:
    ref = new(world)
    one, two = stored(sender, ref, 1), stored(sender, ref, 2)
    assert change(world, ref, AddToBucket("a/b", one, 1_700_000_000_123), AddToBucket("c", one)) == []
    before = buckets.describe(world.hub, None, ref)
    assert (before.totals.files, before.totals.size) == (2, 8000)
    kept = files(world, ref)
    assert (kept["a/b"].mtime_ms, kept["c"].mtime_ms) == (1_700_000_000_123, world.clock.now_ms)
    assert change(world, ref, AddToBucket("c", two), DeleteFromBucket("a/b"), DeleteFromBucket("missing")) == []
    assert [(path, item.xet_hash) for path, item in files(world, ref).items()] == [("c", two)]
    after = buckets.describe(world.hub, None, ref)
    assert after.row.updated_ms > before.row.updated_ms


def test_operations_apply_in_their_order(world: World, sender: Sender) -> None:
    ref = new(world)
    one = stored(sender, ref)
    assert change(world, ref, AddToBucket("a", one), DeleteFromBucket("a"), AddToBucket("b", EMPTY)) == []
    assert list(files(world, ref)) == ["b"]


@pytest.mark.parametrize(
    "path",
    ["", "/a", "a/", "a//b", ".", "../a", "a/../b", "a\0", "a\nb", "x" * 300, "\ud800", ".git/x", "C:x", "é/" * 341],
)
def test_paths_that_no_file_may_have_fail_alone(world: World, path: str) -> None:
    ref = new(world)
    assert change(world, ref, AddToBucket(path, EMPTY), AddToBucket("good", EMPTY)) == [path]
    assert list(files(world, ref)) == ["good"]


def test_wrong_hashes_and_times_fail_alone(world: World) -> None:
    ref = new(world)
    wrong: list[BucketOperation] = [
        AddToBucket("h", "xyz"),
        AddToBucket("t", EMPTY, 10**18),
        AddToBucket("n", "1" * 64),
    ]
    assert change(world, ref, *wrong, AddToBucket("old", EMPTY, -1)) == ["h", "t", "n"]
    assert list(files(world, ref)) == ["old"]


def test_a_hash_alone_gives_no_right(world: World, sender: Sender) -> None:
    secret, ref, other = new(world, "bob/secret", "private"), new(world), new(world, "alice/other")
    known = stored(sender, secret)
    assert change(world, secret, AddToBucket("a", known)) == []
    source = RepoRef(RepoType.BUCKET, secret.id)
    absent = RepoRef(RepoType.BUCKET, other.id)
    tried: list[BucketOperation] = [
        AddToBucket("add", known),
        CopyToBucket("copy", known, source),
        CopyToBucket("from", known, absent),
    ]
    outcome = batches.apply(world.hub, world.alice, ref, [*tried, CopyToBucket("kind", known, None)])
    assert [one.path for one in outcome.failed] == ["add", "copy", "from", "kind"]
    assert outcome.failed[1].error == outcome.failed[2].error  # private is as absent
    with pytest.raises(ThingNotFound):
        reconstructions.reconstruct(world.hub, sender.give_read(ref), known, 0, None)
    # An upload for one bucket is none for another one of the same owner.
    mine = stored(sender, other, 5)
    assert change(world, ref, AddToBucket("x", mine)) == ["x"]


def test_an_upload_is_read_by_writers_only_until_the_bucket_shows_it(world: World, sender: Sender) -> None:
    ref = new(world)
    fresh = stored(sender, ref)
    reader = sender.give_read(ref, world.bob)
    with pytest.raises(ThingNotFound):
        reconstructions.reconstruct(world.hub, reader, fresh, 0, None)
    assert reconstructions.reconstruct(world.hub, sender.give(ref), fresh, 0, None).parts
    change(world, ref, AddToBucket("a", fresh))
    assert reconstructions.reconstruct(world.hub, reader, fresh, 0, None).parts
    # A download goes on after the file was deleted, as long as its token.
    change(world, ref, DeleteFromBucket("a"))
    assert reconstructions.reconstruct(world.hub, reader, fresh, 0, None).parts
    world.clock.advance(3 * 3600 * 1000)
    with pytest.raises(ThingNotFound):
        reconstructions.reconstruct(world.hub, sender.give_read(ref, world.bob), fresh, 0, None)


def test_copies_come_from_buckets_and_repositories_and_store_no_bytes(world: World, sender: Sender) -> None:
    ref, other, model = new(world), new(world, "alice/other", "private"), world.repo("alice/m")
    one, (two, _) = stored(sender, other), sender.add(model, "w.bin", sender.chunks(9))
    assert change(world, other, AddToBucket("a", one), AddToBucket("none", EMPTY)) == []
    before = sender.stored()
    copies = [CopyToBucket("x", one, other), CopyToBucket("y", two, model), CopyToBucket("z", EMPTY, other)]
    assert change(world, ref, *copies) == []
    assert {path: item.size for path, item in files(world, ref).items()} == {"x": 4000, "y": 4000, "z": 0}
    assert sender.stored() == before
    # From itself, as a move does; the empty file only where it is.
    assert change(world, ref, CopyToBucket("moved", one, ref), DeleteFromBucket("x")) == []
    assert change(world, ref, CopyToBucket("e", EMPTY, model)) == ["e"]


def test_only_writers_change_a_bucket_and_others_learn_nothing_of_a_private_one(world: World, sender: Sender) -> None:
    public, private = new(world), new(world, "alice/p", "private")
    with pytest.raises(NotAllowed):
        batches.apply(world.hub, world.bob, public, [AddToBucket("a", EMPTY)])
    with pytest.raises(NotAllowed):
        batches.apply(world.hub, world.caller("alice", "read"), public, [AddToBucket("a", EMPTY)])
    with pytest.raises(RepoNotFound):
        batches.apply(world.hub, world.bob, private, [AddToBucket("a", EMPTY)])
    with pytest.raises(NotAllowed):
        sender.give(public, world.bob)


def test_a_token_ends_when_the_bucket_becomes_private(world: World, sender: Sender) -> None:
    ref = new(world)
    one = stored(sender, ref)
    change(world, ref, AddToBucket("a", one))
    issued = xet_tokens.issue_read(world.hub, world.bob, ref, None)
    repositories.configure(world.hub, world.alice, ref, RepoChanges(visibility="private"))
    with pytest.raises(InvalidCredentials):
        xet_tokens.check(world.hub, issued.secret, issued.store)


def test_quotas_count_buckets_and_refuse_a_batch_as_a_whole(world: World, sender: Sender) -> None:
    ref = new(world)
    one, two = stored(sender, ref, 1), stored(sender, ref, 2)
    quotas.change(world.hub, "alice", {"max_bytes": 9000})
    assert change(world, ref, AddToBucket("a", one), AddToBucket("b", two)) == []
    assert quotas.show(world.hub, "alice").used == 8000
    with pytest.raises(QuotaExceeded):
        change(world, ref, AddToBucket("c", one), DeleteFromBucket("missing"))
    assert sorted(files(world, ref)) == ["a", "b"]
    # What replaces as many bytes needs no more room.
    assert change(world, ref, AddToBucket("a", two), DeleteFromBucket("b"), AddToBucket("c", one)) == []
    quotas.change(world.hub, "alice", {"max_file_bytes": 3999})
    assert change(world, ref, AddToBucket("d", one), DeleteFromBucket("c")) == ["d"]


def test_an_upload_without_sha256_needs_room(world: World, sender: Sender) -> None:
    ref, model = new(world), world.repo("alice/m")
    quotas.change(world.hub, "alice", {"max_file_bytes": 3999})
    for target in (ref, model):
        with pytest.raises(LimitExceeded):
            stored(sender, target, target)
    quotas.change(world.hub, "alice", {"max_file_bytes": None, "max_bytes": 3999})
    for target in (ref, model):
        with pytest.raises(QuotaExceeded):
            stored(sender, target, target)


def test_a_batch_has_a_maximum_size(world: World) -> None:
    many = [AddToBucket(f"{number}", EMPTY) for number in range(batches.MAX_OPERATIONS + 1)]
    with pytest.raises(LimitExceeded):
        batches.apply(world.hub, world.alice, new(world), many)


def test_a_batch_copies_from_a_maximum_of_repositories(world: World) -> None:
    ref = new(world)
    many = [
        CopyToBucket(f"{number}", EMPTY, RepoRef(RepoType.MODEL, RepoId("bob", f"m{number}")))
        for number in range(batches.MAX_SOURCES + 1)
    ]
    with pytest.raises(LimitExceeded, match="repositories to copy from"):
        batches.apply(world.hub, world.alice, ref, many)
    assert len(change(world, ref, *many[1:])) == batches.MAX_SOURCES


def test_an_empty_batch_changes_nothing(world: World) -> None:
    ref = new(world)
    before = buckets.describe(world.hub, None, ref).row.updated_ms
    outcome = batches.apply(world.hub, world.alice, ref, [])
    assert (outcome.processed, outcome.failed) == (0, [])
    assert buckets.describe(world.hub, None, ref).row.updated_ms == before


def sweep(world: World) -> list[str]:
    return [item.kind for item in maintenance.gc(world.hub)]


@pytest.fixture
def later(world: World) -> Callable[[], None]:
    """Return a function that lets every grace period pass."""

    def pass_by() -> None:
        world.clock.advance(xorb_scrubbing.XORB_GRACE_MS + world.hub.settings.gc_grace_s * 1000 + DAY_MS)

    return pass_by


def test_bytes_live_as_long_as_some_bucket_has_them(world: World, sender: Sender, later: Callable[[], None]) -> None:
    ref, other = new(world), new(world, "alice/other")
    one = stored(sender, ref)
    change(world, ref, AddToBucket("a", one))
    change(world, other, CopyToBucket("a", one, ref))
    later()
    assert sweep(world) == []
    assert list(maintenance.fsck(world.hub, checks_chunks=True)) == []
    change(world, ref, DeleteFromBucket("a"))
    later()
    assert sweep(world) == []
    repositories.delete(world.hub, world.alice, other)
    later()
    later()
    assert sorted(set(sweep(world))) == ["repository", "xorb"]
    assert sender.stored() == []
    assert list(maintenance.fsck(world.hub, checks_chunks=True)) == []


def test_an_upload_that_no_batch_names_is_swept(world: World, sender: Sender, later: Callable[[], None]) -> None:
    ref = new(world)
    one = stored(sender, ref)
    later()
    assert sweep(world) == ["xorb"]
    assert change(world, ref, AddToBucket("a", one)) == ["a"]


def test_storage_costs_show_what_buckets_use_and_share(world: World, sender: Sender) -> None:
    ref, other = new(world), new(world, "alice/other")
    one, two = stored(sender, ref, 1), stored(sender, ref, 2)
    change(world, ref, AddToBucket("a", one), AddToBucket("b", one), AddToBucket("c", two))
    change(world, other, CopyToBucket("a", one, ref))
    costs = {cost.name: cost for cost in storage_costs.of_everything(world.hub)}
    mine, copied = costs["bucket alice/b"], costs["bucket alice/other"]
    assert (mine.logical, copied.logical) == (12_000, 4_000)
    assert copied.stored == copied.shared == mine.shared
    assert (copied.freed, mine.freed) == (0, mine.stored - mine.shared)
    listed = {str(full.info.row.ref): full.used_bytes for full in profiles.stored(world.hub, world.alice, None).items}
    assert listed["bucket alice/b"] == 12_000


def test_webhooks_hear_of_changed_files(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = new(world)
    monkeypatch.setattr(batches, "_TOLD", 2)
    change(world, ref, AddToBucket("before", EMPTY))
    webhooks.create(world.hub, world.alice, WebhookDraft("https://example.org/", [("user", "alice")]))
    change(world, ref, *(AddToBucket(name, EMPTY) for name in "abc"), DeleteFromBucket("before"))
    change(world, ref, DeleteFromBucket("missing"))
    events = community_tables.events
    with world.hub.read() as tx:
        [(scope, payload)] = tx.sql.execute(sa.select(events.c.scope, events.c.payload)).all()
    assert (scope, payload["event"]["action"], payload["repo"]["type"]) == ("repo.content", "update", "bucket")
    assert payload["updatedFiles"] == {
        "written": {"count": 3, "paths": ["a", "b"]},
        "deleted": {"count": 1, "paths": ["before"]},
    }
