"""Git objects of a repository: reading them, and preparing new ones for the catalog."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping

import attrs

from entrepot.blobs import file_key, put
from entrepot.catalog import Read
from entrepot.catalog.git import objects
from entrepot.catalog.git.objects import ObjectRow
from entrepot.catalog.lists import slices
from entrepot.errors import ObjectDamaged, ObjectMissing
from entrepot.git import Commit, Kind, oid_of, parse_commit, parse_pointer, parse_tag_object
from entrepot.git.tree_scan import TreeScan
from entrepot.names import Oid, Sha256
from entrepot.storage.store import Store

INLINE_LIMIT = 256 * 1024
"""File objects larger than this (bytes) are stored in ``blobs``; trees and commits stay in their rows."""

_MAX_REMEMBERED = 16 * 1024
"""Size of the largest new tree that is cached, in bytes: splitting a larger one takes longer than reading it."""

MAX_MESSAGE = 64 << 10
"""Characters of the message of a commit in a list."""

_TOGETHER = 200  # commits that are held in memory with their whole messages


@attrs.frozen
class GitObject:
    """A git object in memory."""

    oid: Oid
    kind: Kind
    content: bytes


def of(kind: Kind, content: bytes) -> GitObject:
    """Return an object with this content and its git id."""
    return GitObject(oid_of(kind, content), kind, content)


def row_of(git_object: GitObject) -> ObjectRow:
    """Return the row for an object, including its content."""
    content = git_object.content
    # Ids do not compress: compressing a large tree would cost more than everything else.
    level = 0 if git_object.kind is Kind.TREE and len(content) > 64 * 1024 else 1
    data = zlib.compress(content, level)
    pointer = parse_pointer(content) if git_object.kind is Kind.BLOB else None
    sha256, size = (pointer.sha256, pointer.size) if pointer else (None, None)
    return ObjectRow(git_object.oid, git_object.kind.value, len(content), data, sha256, size)


def is_large(git_object: GitObject) -> bool:
    """Return whether the content belongs in ``blobs`` instead of the row of the object."""
    return git_object.kind is Kind.BLOB and len(git_object.content) > INLINE_LIMIT


def keep_large(store: Store, git_object: GitObject, sha256: Sha256) -> ObjectRow:
    """Make the content of a large file object durable and return its row.

    The file must be reserved in the catalog. Do not call this inside a transaction.
    """
    put(store.blobs, file_key(sha256), git_object.content)
    return ObjectRow(git_object.oid, git_object.kind.value, len(git_object.content), None, sha256, None)


def find_row(tx: Read, repo_id: int, oid: Oid) -> ObjectRow:
    """Return the row of an object that must exist.

    Raises:
        ObjectMissing: the object is not stored.
    """
    row = objects.find(tx, repo_id, oid)
    if row is None:
        raise ObjectMissing(oid)
    tx.expect(row.size >> 8 if row.kind == "tree" else row.size >> 10)  # entries are short, and cost more
    return row


def content_of(row: ObjectRow) -> bytes:
    """Return the content of an object whose bytes are in its row.

    Raises:
        ObjectDamaged: the stored bytes do not decompress to the stored size.
    """
    if row.data is None:
        raise ObjectDamaged(row.oid, "its content is not in its row")
    try:
        content = zlib.decompress(row.data, bufsize=max(row.size, 1))
    except zlib.error as error:
        raise ObjectDamaged(row.oid, str(error)) from error
    if len(content) != row.size:
        raise ObjectDamaged(row.oid, f"it has {len(content)} bytes instead of {row.size}")
    return content


def tree_scanner(store: Store, tx: Read, repo_id: int) -> Callable[[Oid], TreeScan]:
    """Return a function that reads trees of a repository and caches them.

    It raises ObjectMissing or ObjectDamaged if a tree is missing or damaged.
    """

    def scan(oid: Oid) -> TreeScan:
        found = store.trees.find((repo_id, oid))
        if found is None:
            found = TreeScan(content_of(find_row(tx, repo_id, oid)))
            store.trees.put((repo_id, oid), found)
        return found

    return scan


def read_commit(tx: Read, repo_id: int, oid: Oid) -> Commit:
    """Return the commit with this id.

    Raises:
        ObjectMissing, ObjectDamaged: the commit is missing or damaged.
    """
    return parse_commit(content_of(find_row(tx, repo_id, oid)))


def read_commits(tx: Read, repo_id: int, oids: Iterable[Oid]) -> list[tuple[Oid, Commit]]:
    """Return commits in the order of the given ids; long messages are cut, and further headers left out.

    Raises:
        ObjectMissing, ObjectDamaged: a commit is missing or damaged.
    """
    found: list[tuple[Oid, Commit]] = []
    for some in slices(list(oids), _TOGETHER):
        rows = {row.oid: row for row in objects.find_many(tx, repo_id, some)}
        lost = next((oid for oid in some if oid not in rows), None)
        if lost is not None:
            raise ObjectMissing(lost)
        found += [(oid, _shortened(parse_commit(content_of(rows[oid])))) for oid in some]
    return found


def _shortened(commit: Commit) -> Commit:
    return attrs.evolve(commit, message=commit.message[:MAX_MESSAGE], extra=())


def root_of(store: Store, tx: Read, repo_id: int, commit: Oid) -> Oid:
    """Return the root tree of a commit, from a cache if possible."""
    root = store.roots.find((repo_id, commit))
    if root is None:
        root = read_commit(tx, repo_id, commit).tree
        store.roots.put((repo_id, commit), root)
    return Oid(root)


def ask_ahead_root(store: Store, tx: Read, repo_id: int, commit: Oid) -> None:
    """Announce that :func:`root_of` will be called."""
    if store.roots.find((repo_id, commit)) is None:
        objects.ask_ahead(tx, repo_id, commit)


def remember_commit(store: Store, repo_id: int, commit: Oid, root: Oid, trees: Mapping[Oid, bytes]) -> None:
    """Cache a commit that was stored, and its new trees: the next commit to the branch reads them.

    Args:
        trees: their contents, by id.
    """
    store.roots.put((repo_id, commit), root)
    for oid, content in trees.items():
        if len(content) <= _MAX_REMEMBERED:
            store.trees.put((repo_id, oid), TreeScan(content))


def peel(tx: Read, repo_id: int, oid: Oid) -> Oid:
    """Return the commit at the end of a chain of annotated tags.

    Raises:
        ObjectMissing, ObjectDamaged: it is missing or damaged, or it is not a commit.
    """
    for _ in range(8):
        row = find_row(tx, repo_id, oid)
        if row.kind == Kind.COMMIT:
            return oid
        if row.kind != Kind.TAG:
            break
        oid = parse_tag_object(content_of(row)).target
    raise ObjectDamaged(oid, "a ref points to an object that is not a commit")


def peel_all(tx: Read, repo_id: int, oids: Iterable[Oid]) -> dict[Oid, Oid]:
    """Return what :func:`peel` returns for each object that refs name, with as many queries as for one of them.

    Raises:
        ObjectDamaged: a chain of annotated tags is too long, or one of them is damaged.
    """
    ends = {oid: oid for oid in oids}
    for _ in range(8):
        tags = objects.tags(tx, repo_id, list(dict.fromkeys(ends.values())))
        if not tags:
            return ends
        targets = {oid: parse_tag_object(content_of(row)).target for oid, row in tags.items()}
        ends = {oid: targets.get(end, end) for oid, end in ends.items()}
    raise ObjectDamaged(next(iter(tags)), "a chain of annotated tags is too long")
