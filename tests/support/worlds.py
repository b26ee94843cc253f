"""A hub with users in a data folder, for tests of `hub`."""

from __future__ import annotations

import hashlib
import os
import pathlib
import subprocess
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from entrepot.blobs import LocalBlobs
from entrepot.catalog.git import objects as object_rows
from entrepot.catalog.repos import refs
from entrepot.catalog.repos import repositories as repos
from entrepot.git import EMPTY_TREE, Kind, TreeEditor
from entrepot.hub import audit
from entrepot.hub.accounts import sessions, sign_ins
from entrepot.hub.callers import Caller, MaybeCaller, Role
from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.files import lfs
from entrepot.hub.files.lfs_links import SignedUrl
from entrepot.hub.files.operations import AddFile, AddLarge, Operation
from entrepot.hub.repos import commits, contents, repositories
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.publishing import Move, Publication, commit_object, publish
from entrepot.hub.repos.repositories import NewRepo
from entrepot.names import MAIN, ROOT, Oid, RefName, RepoPath, RepoRef, RepoType, Sha256
from entrepot.storage import objects as stored
from entrepot.storage.trees import Trees
from tests.support.guarded_blobs import GuardedLocalBlobs

DAY_MS = 86_400_000


PEOPLE = {"alice": None, "bob": None, "zed": None, "root": None} | {
    "rita": Role.READ,
    "carl": Role.CONTRIBUTOR,
    "wendy": Role.WRITE,
    "olga": Role.ADMIN,
}


class Clock:
    """A clock that only advances when a test sets it."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms

    def advance(self, ms: int) -> None:
        self.now_ms += ms


def guarded(hub: HubContext, clock: Clock) -> HubContext:
    blobs = hub.store.blobs
    assert isinstance(blobs, LocalBlobs)
    watched = GuardedLocalBlobs(blobs, hub.catalog.is_writing)
    return attrs.evolve(hub, store=attrs.evolve(hub.store, blobs=watched, parts=watched, drafts=watched), now_ms=clock)


@attrs.define
class World:
    """The hub under test, with short methods for frequent steps."""

    hub: HubContext
    clock: Clock
    secrets: Mapping[str, str]
    database: str | None = None

    def __getattr__(self, name: str) -> Caller:
        """Return the caller with this name and a write token."""
        if name not in PEOPLE:
            raise AttributeError(name)
        return self.caller(name)

    def browser(self, name: str) -> tuple[Caller, str]:
        """Return a user who has signed in with a browser, and the secret of the session."""
        code = sign_ins.issue_code(self.hub, audit.CONSOLE, name, 3600).code
        secret = sessions.sign_in_with_code(self.hub, code).secret
        found = sessions.identify(self.hub, secret)
        assert found is not None, "the session has just begun"
        return found, secret

    def caller(self, name: str, role: str = "write") -> Caller:
        found = self.hub.identify(self.secrets[f"{name.partition('.')[0]}:{role}"])
        assert found is not None
        return found

    def reopen(self) -> None:
        """Close the hub and open its data folder again, as in a restart."""
        self.hub.close()
        self.hub = guarded(open_hub(self.hub.settings, fsync=False, database=self.database), self.clock)

    def repo(
        self, name: str = "alice/m", by: MaybeCaller = None, kind: RepoType = RepoType.MODEL, **new: Any
    ) -> RepoRef:
        namespace, _, short = name.partition("/")
        maker = by or self.caller(namespace)
        return repositories.create(self.hub, maker, NewRepo(kind, short, namespace=namespace, **new)).ref

    def row_id(self, ref: RepoRef) -> int:
        with self.hub.read() as tx:
            row = repos.find(tx, ref)
        assert row is not None
        return row.id

    def commit(
        self, ref: RepoRef, *operations: Operation, by: MaybeCaller = None, branch: str = "main", **draft: Any
    ) -> Oid:
        summary = draft.pop("summary", "change")
        author = by or self.caller(ref.id.namespace)
        return commits.create(self.hub, author, ref, branch, CommitDraft(summary, operations, **draft)).oid

    def add(self, ref: RepoRef, path: str, content: bytes = b"x\n", **options: Any) -> Oid:
        return self.commit(ref, AddFile(RepoPath(path), content), **options)

    def upload(self, ref: RepoRef, data: bytes, by: MaybeCaller = None) -> Sha256:
        """Upload the content of a large file through a signed link."""
        sha256 = Sha256(hashlib.sha256(data).hexdigest())
        wanted = lfs.RequestedObject(sha256, len(data))
        author = by or self.caller(ref.id.namespace)
        [answer] = lfs.plan_uploads(self.hub, author, ref, [wanted], takes_parts=False)
        if isinstance(answer.link, SignedUrl):
            receiving = lfs.receive(self.hub, sha256, answer.link.query)
            receiving.write(data)
            receiving.finish()
        return sha256

    def add_large(self, ref: RepoRef, path: str, data: bytes, **options: Any) -> Sha256:
        sha256 = self.upload(ref, data, options.get("by"))
        self.commit(ref, AddLarge(RepoPath(path), sha256, len(data)), **options)
        return sha256

    def blob_path(self, key: str) -> pathlib.Path:
        return pathlib.Path(self.hub.store.blobs.path_of(key))  # type: ignore[attr-defined]

    def head(self, ref: RepoRef, name: str = "main") -> Oid:
        with self.hub.read() as tx:
            found = refs.find(tx, self.row_id(ref), RefName(f"refs/heads/{name}"))
        assert found is not None
        return found

    def read(self, ref: RepoRef, path: str, revision: str = "main", by: MaybeCaller = None) -> bytes:
        found = contents.locate(self.hub, by or self.caller("root"), ref, revision, RepoPath(path))
        opened = found.open(self.hub)
        data = opened.read_at(0, found.size + 1)
        opened.close()
        return data

    def paths(self, ref: RepoRef, revision: str = "main") -> list[str]:
        page = contents.list_tree(
            self.hub, self.caller("root"), ref, revision, ROOT, is_deep=True, with_commits=False, limit=100_000
        )
        return sorted(item.listed.path for item in page.entries if not item.listed.is_folder)

    def plant(self, ref: RepoRef, files: Mapping[str, tuple[int, bytes | Oid]], summary: str = "planted") -> Oid:
        """Store a commit as a push does, with any mode.

        If a file has an id instead of content, the tree refers to that object without storing it.
        """
        row_id, head = self.row_id(ref), self.head(ref)
        author = self.caller("root")
        with self.hub.read() as tx:
            root = stored.root_of(self.hub.store, tx, row_id, head)
            editor = TreeEditor(root, Trees(self.hub.store, tx, row_id).read)
            made = []
            for path, (mode, content) in files.items():
                if isinstance(content, bytes):
                    made.append(stored.of(Kind.BLOB, content))
                    editor.put(RepoPath(path), mode, made[-1].oid)
                else:
                    editor.put(RepoPath(path), mode, content)
            tree, fresh = editor.write()
        assert tree != EMPTY_TREE
        commit = commit_object(self.hub, author, tree, (head,), summary)
        made += [stored.GitObject(oid, Kind.TREE, content) for oid, content in fresh.items()]
        rows = [stored.row_of(item) for item in (*made, commit)]
        with self.hub.write() as tx:
            publication = Publication(
                row_id, Move(MAIN, head, commit.oid), (head,), rows, (), tuple(map(RepoPath, files)), author.account.id
            )
            row = repos.by_id(tx, row_id)
            assert row is not None
            assert publish(self.hub, tx, row, publication)
        return commit.oid

    def export(self, ref: RepoRef, folder: pathlib.Path) -> Callable[..., str]:
        """Write all objects of a repository to a bare git repository; return a function that runs git in it."""
        folder.mkdir()

        def git(*arguments: str, given: bytes = b"") -> str:
            done = subprocess.run(["git", *arguments], cwd=folder, input=given, capture_output=True, env=GIT_ENV)
            assert done.returncode == 0, done.stderr
            return done.stdout.decode("utf-8", "surrogateescape")

        git("init", "-q", "--bare", "-b", "main", ".")
        row_id = self.row_id(ref)
        with self.hub.read() as tx:
            oids = [oid for oid, *_ in object_rows.everything(tx, row_id)]
            rows = list(object_rows.find_many(tx, row_id, oids))
            heads = refs.everything(tx, row_id)
        for row in rows:
            content = self._content(row)
            raw = f"{row.kind} {len(content)}\0".encode() + content
            assert hashlib.sha1(raw).hexdigest() == row.oid
            target = folder / "objects" / row.oid[:2] / row.oid[2:]
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(zlib.compress(raw, 1))
        for name, oid in heads:
            git("update-ref", name, oid)
        return git

    def _content(self, row: object_rows.ObjectRow) -> bytes:
        if row.data is not None:
            return stored.content_of(row)
        from entrepot.blobs import file_key

        assert row.sha256 is not None
        with self.hub.store.blobs.open(file_key(row.sha256)) as reader:
            return reader.read_at(0, reader.size)


GIT_ENV = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "HOME": os.devnull,
    "LC_ALL": "C",
}
