"""Integrity checks of a store: everything reachable exists and has the right content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence

import attrs

from entrepot.blobs import file_key, open_stored, xorb_of
from entrepot.catalog import Read
from entrepot.catalog.files import files
from entrepot.catalog.git import objects as object_rows
from entrepot.catalog.git.objects import ObjectRow
from entrepot.catalog.lists import slices
from entrepot.catalog.repos import refs, staged
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import BlobMissing, BlobUnreadable, EntrepotError, XorbDamaged
from entrepot.git import EMPTY_TREE, BlobHasher, Kind, Mode, oid_of, parse_commit, parse_tag_object, parse_tree
from entrepot.names import ROOT, Oid, RefName, RepoPath, Sha256, is_sha256, name_fault, quote_path
from entrepot.storage import objects
from entrepot.storage.store import Store
from entrepot.storage.trees import Trees

_PIECE = 1 << 20
_BATCH = 500


@attrs.frozen
class Finding:
    """A problem found by an integrity check.

    ``kind``: ``missing`` or ``corrupt`` (damage), ``orphaned`` (harmless: the
    sweeper will delete it), ``unreadable`` (a path that no client can use) or
    ``unproven`` (a right that would not be granted today); ``where``: the
    repository, key or file concerned; ``what``: a description; ``used_by``: the
    repositories and paths that use damaged content, up to a limit; ``due_to``:
    the digest of the large file or xorb whose loss or damage this is a
    consequence of, or nothing.
    """

    kind: str
    where: str
    what: str
    size: int = 0
    used_by: tuple[str, ...] = ()
    due_to: str = ""

    @property
    def is_damage(self) -> bool:
        """Whether referenced content is missing or corrupt."""
        return self.kind not in ("orphaned", "unreadable", "unproven")


@attrs.define
class ReachableSet:
    """The objects and large files that are reachable from the refs of a repository."""

    objects: set[Oid] = attrs.field(factory=set)
    files: set[Sha256] = attrs.field(factory=set)
    findings: list[Finding] = attrs.field(factory=list)


def reachable(store: Store, tx: Read, row_id: int, name: str, *, checks_content: bool) -> ReachableSet:
    """Return everything that is reachable from the refs and staged changes of a repository, with the problems found.

    Args:
        name: the name of the repository in findings.
        checks_content: also decompress and hash every object.
    """
    reach = ReachableSet()
    origins = {oid: f"the change of {quote_path(path)} staged on {ref}" for oid, ref, path in staged.held(tx, row_id)}
    origins |= {oid: ref for ref, oid in refs.everything(tx, row_id)}
    _walk(store, tx, row_id, name, reach, origins, checks_content)
    return reach


def extend(store: Store, tx: Read, row_id: int, reach: ReachableSet, oids: Iterable[Oid]) -> None:
    """Add everything that is reachable from the given unreferenced objects.

    Missing objects are not reported, because no ref needs them.
    """
    beyond = ReachableSet(reach.objects, reach.files)
    waiting = {oid: "a loose object" for oid in oids if oid not in reach.objects}
    _walk(store, tx, row_id, "", beyond, waiting, False)


def _walk(
    store: Store, tx: Read, row_id: int, name: str, reach: ReachableSet, waiting: dict[Oid, str], checks_content: bool
) -> None:
    while waiting:
        level, waiting = waiting, {}
        for some in slices(list(level), _BATCH):
            rows = {row.oid: row for row in object_rows.find_many(tx, row_id, some)}
            reach.objects.update(some)
            for oid in some:
                if oid not in rows:
                    reach.findings.append(Finding("missing", name, f"the object {oid}, named by {level[oid]}"))
                    continue
                for child in _visit(store, rows[oid], name, reach, checks_content=checks_content):
                    if child not in reach.objects and child not in level:
                        waiting.setdefault(child, f"{rows[oid].kind} {oid}")


def check_repo(store: Store, tx: Read, row: RepoRow, *, checks_content: bool) -> list[Finding]:
    """Return findings about one repository: problems of reachable objects, and orphaned objects."""
    name = str(row.ref)
    reach = reachable(store, tx, row.id, name, checks_content=checks_content)
    found = reach.findings
    for ref, path, rule in unreadable(store, tx, row.id):
        cure = "delete it over HTTP under this name, or with git"
        found.append(Finding("unreadable", name, f"the path {quote_path(path)} on {ref}: {rule}; {cure}"))
    loose = [(oid, size) for oid, _, size, _ in object_rows.everything(tx, row.id) if oid not in reach.objects]
    if loose:
        found.append(Finding("orphaned", name, f"{len(loose)} objects", sum(size for _, size in loose)))
    return found


def unreadable(store: Store, tx: Read, repo_id: int) -> Iterator[tuple[RefName, RepoPath, str]]:
    """Yield (ref, path, rule) for each path in the heads of all refs that breaks a rule for names.

    A folder that several refs share is checked once. Damaged trees are skipped.
    """
    trees = Trees(store, tx, repo_id)
    seen: set[tuple[Oid, bool]] = set()
    for ref, oid in refs.everything(tx, repo_id):
        try:
            stack = [(objects.root_of(store, tx, repo_id, objects.peel(tx, repo_id, oid)), ROOT)]
        except EntrepotError:
            continue
        while stack:
            tree, folder = stack.pop()
            if tree == EMPTY_TREE or (tree, not folder) in seen:
                continue
            seen.add((tree, not folder))
            try:
                entries = parse_tree(trees.read(tree))
            except EntrepotError:
                continue
            for entry in entries:
                path = RepoPath(f"{folder}/{entry.name}" if folder else entry.name)
                rule = name_fault(entry.name, is_top=not folder)
                if rule is not None:
                    yield ref, path, rule
                elif entry.is_folder:
                    stack.append((entry.oid, path))


def check_file(store: Store, sha256: Sha256, size: int, *, checks_content: bool) -> Finding | None:
    """Return a finding about the bytes of a large file, or None if they are intact."""
    key = file_key(sha256)
    stat = store.blobs.stat(key)
    if stat is None:
        return Finding("missing", key, f"the {size:,} bytes of this file")
    if stat.size != size:
        return Finding("corrupt", key, f"it has {stat.size:,} bytes instead of {size:,}", stat.size)
    if checks_content and _hash(store, sha256) != sha256:
        return Finding("corrupt", key, "its bytes have another sha256", stat.size)
    return None


def orphaned_blobs(store: Store, tx: Read, now_ms: int) -> Iterator[Finding]:
    """Yield a finding for each blob without a row, or whose row says that it is stored as chunks."""
    batch: list[tuple[Sha256, int]] = []
    for stat in store.blobs.list("files/"):
        sha256 = digest_of(stat.key)
        if sha256 is None:
            yield Finding("orphaned", stat.key, "bytes under a key that no file can have", stat.size)
            continue
        batch.append((sha256, stat.size))
        if len(batch) >= _BATCH:
            yield from _orphans(tx, batch, now_ms)
            batch = []
    yield from _orphans(tx, batch, now_ms)


def digest_of(key: str) -> Sha256 | None:
    """Return the digest of the file that is stored under a key, or None if it is not the key of a file."""
    name = key.rpartition("/")[2]
    return name if is_sha256(name) and file_key(name) == key else None


def blob_of(key: str) -> str:
    """Return the digest of the large file or xorb that is stored under a key, or nothing if it is no such key."""
    return digest_of(key) or xorb_of(key) or ""


def cause_of(error: EntrepotError) -> str:
    """Return the digest of the large file or xorb whose bytes an error is about, or nothing."""
    if isinstance(error, XorbDamaged):
        return error.xorb
    return blob_of(error.key) if isinstance(error, BlobMissing | BlobUnreadable) else ""


def _orphans(tx: Read, batch: Sequence[tuple[Sha256, int]], now_ms: int) -> Iterator[Finding]:
    sha256s = [sha256 for sha256, _ in batch]
    known, chunked = files.known(tx, sha256s), files.chunked_only(tx, sha256s, now_ms)
    for sha256, size in batch:
        if sha256 in chunked:
            yield Finding("orphaned", file_key(sha256), "the raw bytes of a file that is kept as chunks", size)
        elif sha256 not in known:
            yield Finding("orphaned", file_key(sha256), "bytes that the catalog does not know", size)


def _visit(store: Store, row: ObjectRow, name: str, reach: ReachableSet, *, checks_content: bool) -> list[Oid]:
    """Record problems of an object and the large file it needs; return the objects it refers to."""
    try:
        if row.kind == Kind.BLOB:
            _visit_blob(store, row, name, reach, checks_content=checks_content)
            return []
        content = objects.content_of(row)
        if checks_content and oid_of(Kind(row.kind), content) != row.oid:
            reach.findings.append(Finding("corrupt", name, f"the {row.kind} {row.oid} has another id", row.size))
            return []
        return _children(row, content)
    except EntrepotError as error:
        what = f"the {row.kind} {row.oid}: {error}"
        reach.findings.append(Finding("corrupt", name, what, row.size, due_to=cause_of(error)))
        return []


def _visit_blob(store: Store, row: ObjectRow, name: str, reach: ReachableSet, *, checks_content: bool) -> None:
    if row.sha256 is not None:
        reach.files.add(row.sha256)
    if not checks_content:
        return
    hasher = BlobHasher(row.size)
    if row.data is not None:
        hasher.update(objects.content_of(row))
    elif row.sha256 is not None:
        with open_stored(store.blobs, file_key(row.sha256)) as reader:
            for offset in range(0, reader.size, _PIECE):
                hasher.update(reader.read_at(offset, _PIECE))
    if hasher.oid() != row.oid:
        reach.findings.append(Finding("corrupt", name, f"the file object {row.oid} has another id", row.size))


def _children(row: ObjectRow, content: bytes) -> list[Oid]:
    if row.kind == Kind.COMMIT:
        commit = parse_commit(content)
        return [commit.tree, *commit.parents]
    if row.kind == Kind.TAG:
        return [parse_tag_object(content).target]
    return [entry.oid for entry in parse_tree(content) if entry.mode != Mode.GITLINK]


def _hash(store: Store, sha256: Sha256) -> str:
    digest = hashlib.sha256()
    with open_stored(store.blobs, file_key(sha256)) as reader:
        for offset in range(0, reader.size, _PIECE):
            digest.update(reader.read_at(offset, _PIECE))
    return digest.hexdigest()
