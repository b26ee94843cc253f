"""The six classes: folders, their assets, and the branches, tags and commits of those.

They refer to each other, so they are in one module; what they do is in the others.
"""

from __future__ import annotations

from collections.abc import Sequence

from entrepot.ah import assets, commits, folders, objects, references, sharing
from entrepot.ah.assets import AssetFacts
from entrepot.ah.errors import AssetHubError, NotFound, missing
from entrepot.ah.handles import Handle
from entrepot.ah.paths import MAIN, ResourcePath
from entrepot.ah.plans import Additions
from entrepot.ah.properties import Row, extra_of
from entrepot.ah.references import CommitFacts, RefFacts
from entrepot.ah.sessions import HubSession
from entrepot.errors import InvalidArgument
from entrepot.wire.repos.folders import FolderInfo


class Folder(Handle):
    """A folder of models or of datasets: the unit of sharing."""

    def __init__(self, endpoint: str, found: FolderInfo) -> None:
        super().__init__(endpoint, folders.path_of(found), found.id)
        self._read(found)

    def _read(self, found: FolderInfo) -> None:
        self._path = folders.path_of(found)
        self.owner: str = found.owner
        self.kind: str = "Folder"
        self.asset_kind: str = self._path.noun
        self.labels: list[str] = list(found.labels)
        self.description: str = found.description
        self.permission: str = found.permission
        self.extra: str = extra_of(found.created_at)

    def _fresh(self) -> HubSession:
        """Return the session after checking that the folder exists, under any name."""
        session = self._session()
        try:
            found = folders.get_folder(session, self._path)
        except NotFound as error:
            self._end()
            raise self._gone() from error
        if found.id != self.id:
            self._end()
            raise self._gone()
        self._path = folders.path_of(found)
        return session

    def refresh(self) -> None:
        """Read the attributes again."""
        self._read(folders.get_folder(self._fresh(), self._path))

    def create_asset(
        self, name: str, labels: Sequence[str] | None = None, description: str = "", exist_ok: bool = False
    ) -> Model | Dataset:
        """Create an asset in the folder; see ``ah.create``."""
        session = self._fresh()
        made = assets.create_asset(session, self._path.inside(name), labels, description, exist_ok=exist_ok)
        return asset_of(self._endpoint, made, self)

    def get_asset(self, name: str) -> Model | Dataset:
        """Return an asset of the folder."""
        session = self._fresh()
        return asset_of(self._endpoint, assets.get_asset(session, self._path.inside(name)), self)

    def list_asset(self) -> list[Row]:
        """Return the assets of the folder as rows; see ``ah.list``."""
        return folders.list_assets(self._fresh(), self._path)

    def update(
        self, name: str | None = None, labels: Sequence[str] | None = None, description: str | None = None
    ) -> None:
        """Change the folder; None keeps a property, an empty list or text clears it."""
        if (name, labels, description) == (None, None, None):
            return
        self._read(folders.update_folder(self._fresh(), self._path, name, labels, description))

    def delete(self) -> None:
        """Delete the folder with every asset in it."""
        folders.delete_folder(self._fresh(), self._path)
        self._end()

    def share(
        self, user: str | None = None, group: str | None = None, public: bool = False, permission: str = "view"
    ) -> None:
        """Share the folder; see ``ah.share``."""
        sharing.share_folder(self._fresh(), self._path, user, group, public, permission)

    def unshare(self, user: str | None = None, group: str | None = None, public: bool = False) -> None:
        """Revoke a grant; see ``ah.unshare``."""
        sharing.unshare_folder(self._fresh(), self._path, user, group, public)

    def list_grants(self) -> list[Row]:
        """Return the grants of the folder; see ``ah.list_grants``."""
        return sharing.grant_rows(self._fresh(), self._path)


class Asset(Handle):
    """A model or a dataset."""

    def __init__(self, endpoint: str, facts: AssetFacts, folder: Folder | None = None) -> None:
        super().__init__(endpoint, facts.path, facts.uid, None if folder is None else folder._life)
        self._folder = folder
        self._read(facts)

    def _read(self, facts: AssetFacts) -> None:
        self._path = facts.path
        self.kind: str = facts.path.noun
        self.labels: list[str] = list(facts.labels)
        self.description: str = facts.description
        self.extra: str = extra_of(facts.created)
        self._head = facts.head

    @property
    def folder(self) -> Folder:
        """The folder of the asset, which is read on first use."""
        if self._folder is None:
            self._folder = Folder(self._endpoint, folders.get_folder(self._session(), self._path.at_folder()))
        return self._folder

    def _fresh(self) -> HubSession:
        """Return the session after checking that the asset exists, under any path."""
        session = self._session()
        try:
            found = assets.get_asset(session, self._path)
        except NotFound as error:
            self._end()
            raise self._gone() from error
        if found.uid != self.id:
            self._end()
            raise self._gone()
        self._path = found.path
        return session

    def refresh(self) -> None:
        """Read the attributes again."""
        self._read(assets.get_asset(self._fresh(), self._path))

    def create_tag(self, name: str, source: str = MAIN) -> Tag:
        """Create a tag of a branch, tag or commit of the asset; see ``ah.create``."""
        session = self._fresh()
        return Tag(self, references.create_tag(session, self._path.at(name), source))

    def get_tag(self, name: str) -> Tag:
        """Return a tag."""
        found = self._find(name)
        if not isinstance(found, Tag):
            raise missing("tag", self._path.at(name))
        return found

    def _find(self, name: str) -> Branch | Tag | Commit:
        session = self._fresh()
        return ref_of(self, references.find_ref(session, self._path.at(name)))

    def list_tag(self) -> list[Row]:
        """Return the tags as rows."""
        return assets.list_refs(self._fresh(), self._path, "tag")

    def list_object(self, checksums: bool = False) -> list[Row]:
        """Return the objects of main as rows; ``checksums`` also computes those of small objects."""
        session = self._fresh()
        head = references.find_ref(session, self._path).commit.id
        return objects.list_objects(session, self._path, head, checksums=checksums)

    def download(self, objects: Sequence[str] | None = None, save_dir: str = ".") -> None:
        """Download objects of main; see ``ah.download``."""
        session = self._fresh()
        _download(session, self._path, objects, save_dir)

    def update(
        self, name: str | None = None, labels: Sequence[str] | None = None, description: str | None = None
    ) -> None:
        """Change the asset; None keeps a property, an empty list or text clears it."""
        if (name, labels, description) == (None, None, None):
            return
        session = self._fresh()
        self._read(assets.get_asset(session, assets.update_asset(session, self._path, name, labels, description)))

    def delete(self) -> None:
        """Delete the asset with everything in it."""
        assets.delete_asset(self._fresh(), self._path)
        self._end()


class Model(Asset):
    """A model, with branches and tags."""

    def create_branch(self, name: str) -> Branch:
        """Create a branch without objects."""
        session = self._fresh()
        references.create_branch(session, self._path.at(name))
        return Branch(self, references.find_ref(session, self._path.at(name)))

    def get_branch(self, name: str) -> Branch:
        """Return a branch."""
        found = self._find(name)
        if not isinstance(found, Branch):
            raise missing("branch", self._path.at(name))
        return found

    def get_commit(self, id: str) -> Commit:
        """Return a commit by its id or at least the first 4 digits of it."""
        return _need_commit(self, id)

    def list_branch(self) -> list[Row]:
        """Return the branches as rows."""
        return assets.list_refs(self._fresh(), self._path, "branch")


class Dataset(Asset):
    """A dataset: its only branch is main, whose methods it has itself."""

    @property
    def commit_id(self) -> str:
        """The newest commit of main when the handle was made, or made a commit."""
        return self._head

    def create_commit(
        self, msg: str, delete: Sequence[str] | None = None, add: Additions = None, force: bool = False
    ) -> Commit | None:
        """Commit changes to main; see ``ah.commit``."""
        session = self._fresh()
        oid = commits.make_commit(session, self._path.at(MAIN), msg, delete, add, force=force)
        if oid is None:
            return None
        self._head = oid
        return Commit(self._endpoint, self._path.at(oid), asset=self)

    def get_commit(self, index: int | None = None, id: str | None = None) -> Commit:
        """Return a commit of main by its place (0 newest, -1 first) or the beginning of its id."""
        return _commit_at(self, self._fresh(), self._path.at(MAIN), index, id)

    def list_commit(self) -> list[Row]:
        """Return the commits of main as rows, newest first."""
        return assets.list_commits(self._fresh(), self._path)

    def reset(self) -> None:
        """Drop the caller's staged changes of main."""
        commits.reset_branch(self._fresh(), self._path.at(MAIN))


class RefHandle(Handle):
    """A branch or a tag."""

    def __init__(self, asset: Asset, facts: RefFacts) -> None:
        super().__init__(asset._endpoint, asset._path.at(facts.name), facts.name, asset._life)
        self.asset = asset
        self._kind = facts.kind
        self.commit_id: str = facts.commit.id

    @property
    def path(self) -> str:
        """The full path."""
        return str(self._place)

    @property
    def _place(self) -> ResourcePath:
        return self.asset._path.at(self.id)

    def _identity(self) -> tuple[object, ...]:
        return (*super()._identity(), self.asset.id)

    def _fresh(self) -> tuple[HubSession, RefFacts]:
        """Return the session and the hub's description of the ref, after checking that it exists."""
        if not self.alive:
            raise self._gone()
        session = self.asset._fresh()
        try:
            found = references.find_ref(session, self._place)
        except NotFound as error:
            self._end()
            raise self._gone() from error
        if found.kind != self._kind:
            self._end()
            raise self._gone()
        return session, found

    def refresh(self) -> None:
        """Read ``commit_id`` again."""
        self.commit_id = self._fresh()[1].commit.id

    def create_tag(self, name: str) -> Tag:
        """Create a tag of the commit that this is at."""
        session, found = self._fresh()
        return Tag(self.asset, references.create_tag(session, self.asset._path.at(name), found.name))

    def list_commit(self) -> list[Row]:
        """Return the commits as rows, newest first."""
        return assets.list_commits(self._fresh()[0], self._place)

    def list_object(self, checksums: bool = False) -> list[Row]:
        """Return the objects as rows; ``checksums`` also computes those of small objects."""
        session, found = self._fresh()
        return objects.list_objects(session, self._place, found.commit.id, checksums=checksums)

    def download(self, objects: Sequence[str] | None = None, save_dir: str = ".") -> None:
        """Download objects; see ``ah.download``."""
        session, _ = self._fresh()
        _download(session, self._place, objects, save_dir)

    def delete(self) -> None:
        """Delete the branch or tag; its commits stay as long as another branch or tag reaches them."""
        references.delete_ref(self._fresh()[0], self._place)
        self._end()


class Branch(RefHandle):
    """A branch: commits are made on it."""

    def create_commit(
        self, msg: str, delete: Sequence[str] | None = None, add: Additions = None, force: bool = False
    ) -> Commit | None:
        """Commit changes to the branch; see ``ah.commit``."""
        session, _ = self._fresh()
        oid = commits.make_commit(session, self._place, msg, delete, add, force=force)
        if oid is None:
            return None
        self.commit_id = oid
        return Commit(self._endpoint, self.asset._path.at(oid), asset=self.asset)

    def get_commit(self, index: int | None = None, id: str | None = None) -> Commit:
        """Return a commit of the branch by its place (0 newest, -1 first) or the beginning of its id."""
        return _commit_at(self.asset, self._fresh()[0], self._place, index, id)

    def merge(self) -> None:
        """Give main exactly the objects of this branch; see ``ah.merge``."""
        references.merge_branch(self._fresh()[0], self._place)

    def reset(self) -> None:
        """Drop the caller's staged changes of the branch."""
        commits.reset_branch(self._fresh()[0], self._place)

    def stage(self, add: Additions = None, delete: Sequence[str] | None = None) -> None:
        """Stage changes on the branch without committing them; see ``ah.stage``."""
        commits.stage_changes(self._fresh()[0], self._place, add, delete)

    def status(self) -> list[Row]:
        """Return the caller's staged changes of the branch."""
        return commits.staged_rows(self._fresh()[0], self._place)


class Tag(RefHandle):
    """A tag: a name of a commit, which never moves to another one."""


class Commit(Handle):
    """A commit of an asset; message, author and time are read on first use."""

    def __init__(
        self, endpoint: str, path: ResourcePath, asset: Asset | None = None, facts: CommitFacts | None = None
    ) -> None:
        super().__init__(endpoint, path, path.ref or "", None if asset is None else asset._life)
        self._asset = asset
        self._facts = facts

    @property
    def path(self) -> str:
        """The full path."""
        return str(self._place)

    @property
    def name(self) -> str:
        """The first 8 digits of the id."""
        return self.id[:8]

    @property
    def asset(self) -> Asset:
        """The asset of the commit."""
        if self._asset is None:
            self._asset = asset_of(self._endpoint, assets.get_asset(self._session(), self._path))
        return self._asset

    @property
    def message(self) -> str:
        """The message."""
        return self._read().message

    @property
    def committer(self) -> str:
        """The name of the account that made the commit."""
        return self._read().committer

    @property
    def created(self) -> int:
        """The time of the commit in seconds since 1970."""
        return self._read().created

    @property
    def _place(self) -> ResourcePath:
        return self._path if self._asset is None else self._asset._path.at(self.id)

    def _read(self) -> CommitFacts:
        if self._facts is None:
            self._facts = references.find_ref(self._session(), self._place).commit
        return self._facts

    def _fresh(self) -> HubSession:
        if not self.alive:
            raise self._gone()
        return self.asset._fresh()

    def create_tag(self, name: str) -> Tag:
        """Create a tag of the commit."""
        session = self._fresh()
        return Tag(self.asset, references.create_tag(session, self.asset._path.at(name), self.id))

    def list_commit(self) -> list[Row]:
        """Return the commit and its ancestors as rows, newest first."""
        return assets.list_commits(self._fresh(), self._place)

    def list_object(self, checksums: bool = False) -> list[Row]:
        """Return the objects as rows; ``checksums`` also computes those of small objects."""
        session = self._fresh()
        return objects.list_objects(session, self._place, self.id, checksums=checksums)

    def download(self, objects: Sequence[str] | None = None, save_dir: str = ".") -> None:
        """Download objects; see ``ah.download``."""
        session = self._fresh()
        _download(session, self._place, objects, save_dir)


def asset_of(endpoint: str, facts: AssetFacts, folder: Folder | None = None) -> Model | Dataset:
    """Return the handle of an asset."""
    kind = Model if facts.path.noun == "Model" else Dataset
    return kind(endpoint, facts, folder)


def ref_of(asset: Asset, facts: RefFacts) -> Branch | Tag | Commit:
    """Return the handle of a branch, tag or commit."""
    if facts.kind == "commit":
        return Commit(asset._endpoint, asset._path.at(facts.commit.id), asset, facts.commit)
    return Branch(asset, facts) if facts.kind == "branch" else Tag(asset, facts)


def _need_commit(asset: Asset, text: str) -> Commit:
    if not isinstance(text, str):
        raise TypeError(f"the id of a commit is text, not {type(text).__name__}")
    found = asset._find(text)
    if not isinstance(found, Commit):
        raise missing("commit", asset._path.at(text))
    return found


def _commit_at(asset: Asset, session: HubSession, path: ResourcePath, index: int | None, digits: str | None) -> Commit:
    """Return a commit of a branch by its place or the beginning of its id."""
    if (index is None) == (digits is None):
        raise InvalidArgument("name either index (0 newest, -1 first) or id")
    rows = assets.list_commits(session, path)
    if index is not None:
        if not -len(rows) <= index < len(rows):
            raise missing("commit", f"{path}, number {index} of {len(rows)}")
        chosen = [rows[index]]
    else:
        text = str(digits).lower()
        chosen = [row for row in rows if str(row["id"]).startswith(text)] if len(text) >= 4 else []
    if not chosen:
        raise missing("commit", f"{path}, id {digits}")
    if len(chosen) > 1:
        ids = ", ".join(str(row["id"]) for row in chosen[:20])
        raise AssetHubError(f"Several commits begin with {digits!r}: {ids}: '{path}'")
    row = chosen[0]
    facts = CommitFacts(row["id"], row["message"], row["committer"], row["creation_date"])
    return Commit(asset._endpoint, asset._path.at(facts.id), asset, facts)


def _download(session: HubSession, path: ResourcePath, wanted: Sequence[str] | None, save_dir: str) -> None:
    objects.download_objects(session, path, references.find_ref(session, path).commit.id, wanted, save_dir)
