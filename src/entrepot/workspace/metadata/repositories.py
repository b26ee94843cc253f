"""The metadata repository of one kind of entities: a git repository without a work tree, and its remote."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import attrs

from entrepot.client.git.git_commands import Git
from entrepot.errors import GitFailed, InvalidArgument, Refused, shown
from entrepot.names import Oid
from entrepot.workspace.configuration.transfer_limits import TransferLimits
from entrepot.workspace.configuration.urls import parse_git_url
from entrepot.workspace.entities.specs import Spec, StorageRef
from entrepot.workspace.manifests import Manifest, render_manifest
from entrepot.workspace.metadata.git_objects import list_paths, remove_folder, write_commit, write_folder
from entrepot.workspace.metadata.ref_tables import LOST, REMOTE, TAGS, UNPUBLISHED, RefTable, TagRef, read_refs
from entrepot.workspace.metadata.secure_git import secure_git

DEFAULT_BRANCH = "master"
_HEAD = "refs/remotes/origin/HEAD"
_NETWORK = re.compile(
    r"Could not resolve host|Connection (refused|reset|timed out|closed)|early EOF|hung up|unexpected disconnect"
    r"|Failed to connect|Operation timed out|RPC failed|HTTP 5\d\d|returned error: 5\d\d",
    re.IGNORECASE,
)
_TRIES = 3
_MAX_PACKS = 50


@attrs.frozen
class FetchReport:
    """The result of a fetch: new tags, and tags that the remote has moved."""

    new: tuple[str, ...]
    moved: tuple[str, ...]


@attrs.frozen
class MetadataRepository:
    """A metadata repository in a folder; ``url`` is that of its remote, not yet checked."""

    folder: Path
    url: str
    environ: Mapping[str, str] = attrs.field(repr=False)
    limits: TransferLimits = attrs.field(factory=TransferLimits)

    @property
    def git(self) -> Git:
        """Git in the folder; a repository around it, such as that of the project, is never used."""
        git = secure_git(self.folder, self.environ, self.limits)
        return git.with_environ(GIT_CEILING_DIRECTORIES=str(self.folder.parent))

    @property
    def exists(self) -> bool:
        """Whether the repository has been initialised."""
        return (self.folder / ".git").exists()

    def initialise(self) -> FetchReport:
        """Create the repository, or repair one whose creation was interrupted, and fetch; idempotent.

        Raises:
            UrlRefused: the URL of the remote is not acceptable.
            GitFailed: the remote cannot be read; a repository that was new is removed.
        """
        url = parse_git_url(self.url)
        is_new = not self.folder.exists()
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            if self.git.attempt("rev-parse", "--git-dir").code:
                self.git.run("init", "--quiet")
            self._set_remote(url)
            return self.fetch()
        except GitFailed:
            if is_new:
                shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def fetch(self) -> FetchReport:
        """Fetch all branches and tags.

        Raises:
            GitFailed: the remote cannot be read.
        """
        url = parse_git_url(self.url)
        if self.git.attempt("config", "--get", "remote.origin.url").stdout.decode().strip() != url:
            self._set_remote(url)
        before = read_refs(self.git)
        self._with_retries("fetch", "--quiet", "--force", "origin", f"+refs/heads/*:{REMOTE}*", f"+{TAGS}*:{TAGS}*")
        self._find_branch()
        self.tidy()
        after = read_refs(self.git)
        new = tuple(sorted(after.tags.keys() - before.tags.keys()))
        moved = tuple(tag for tag, ref in before.tags.items() if after.tags[tag].commit != ref.commit)
        return FetchReport(new, moved)

    def tidy(self) -> None:
        """Put packs together if there are many: each fetch that brings something leaves one."""
        packs = list((self.folder / ".git" / "objects" / "pack").glob("*.pack"))
        if len(packs) > _MAX_PACKS:
            self.git.attempt("repack", "--geometric=2", "-d", "--quiet")

    def refs(self) -> RefTable:
        """Return the refs as of the last fetch."""
        return read_refs(self.git)

    @property
    def branch(self) -> str:
        """The branch of the remote that lists all versions."""
        done = self.git.attempt("symbolic-ref", "--quiet", _HEAD)
        found = done.stdout.decode("utf-8", "replace").strip().removeprefix(REMOTE)
        return found if done.code == 0 and found else DEFAULT_BRANCH

    def branch_of(self, name: str) -> str:
        """Return the branch that has the versions of an entity."""
        return self.branch

    @property
    def own_storage(self) -> StorageRef | None:
        """The storage to which all data of the entities goes; None if each entity chooses its own."""
        return None

    def parent_of(self, refs: RefTable, tag: str = "", commit: Oid | None = None) -> Oid | None:
        """Return the commit on which a version is built: the previous version if it is local, else the branch.

        So a branch never contains a version of another entity that was not pushed.

        Args:
            tag, commit: of the previous version, if there is one.
        """
        local = refs.unpublished.get(tag)
        return local.commit if local is not None and local.commit == commit else refs.branches.get(self.branch)

    def place_of(self, folder: str) -> str:
        """Return the folder that an entity has in the commits of its versions; empty is the root."""
        return folder

    def spec_paths(self, paths: Iterable[str], name: str) -> list[str]:
        """Return those of the paths of a commit that may be the spec of an entity."""
        ending = f"{name}/{name}.spec"
        return [path for path in paths if path == ending or path.endswith(f"/{ending}")]

    def spec_in_workspace(self, path: str, folder: str) -> str:
        """Return where the workspace has the spec that a commit has under a path.

        Args:
            folder: the folder of the entity that the spec itself names.
        """
        return path

    def with_repository(self, spec: Spec, repository: str) -> Spec:
        """Return the spec of a new entity with its repository; an empty name means the one with the name of the entity.

        Raises:
            InvalidArgument: one is named: entities have none of their own.
        """
        if repository:
            raise InvalidArgument("the option --repo-name is for entities whose remote is a hub")
        return spec

    def check_unused(self, url: str, spec: Spec) -> None:
        """Check that no entity of this kind has the repository that an entity of another kind wants.

        Args:
            url: the remote of the other kind.

        Raises:
            Refused: one has it.
        """

    def spec_of_workspace(self, spec: Spec) -> Spec:
        """Return the spec that the workspace has for the spec of a commit."""
        return spec

    def entity_folders(self, refs: RefTable) -> list[str]:
        """Return the folders of entities, ascending: those on the branch, and those of local versions."""
        head = refs.branches.get(self.branch)
        commits = {ref.commit for ref in refs.unpublished.values()} | ({head} if head is not None else set())
        folders: set[str] = set()
        for commit in commits:
            for path in list_paths(self.git, commit):
                folder, _, name = path.rpartition("/")
                if folder and name == f"{folder.rpartition('/')[2]}.spec":
                    folders.add(folder)
        return sorted(folders)

    def write_version(
        self,
        folder: str,
        spec: Spec,
        manifest: Manifest,
        documents: Mapping[str, bytes],
        parent: Oid | None,
        message: str,
        moved_from: str | None = None,
        merged: Sequence[Oid] = (),
    ) -> Oid:
        """Write the commit of a version and return its id; no ref is created.

        Args:
            folder: the folder of the entity in the workspace.
            documents: README and ignored paths by name; a spec among them is not used.
            moved_from: the folder that the previous version had, if it was another one.
            merged: commits of versions whose changes it has; here, the branch contains those that are published.
        """
        files = {name: content for name, content in documents.items() if not name.endswith(".spec")}
        files |= {f"{spec.name}.spec": spec.render().encode("utf-8"), **render_manifest(manifest)}
        tree = write_folder(self.git, parent, folder, files)
        if moved_from is not None and not folder.startswith(f"{moved_from}/"):
            tree = remove_folder(self.git, tree, moved_from)
        return write_commit(self.git, tree, () if parent is None else (parent,), f"{message.rstrip()}\n")

    def fetch_entity(self, spec: Spec) -> FetchReport:
        """Fetch what is needed to publish versions of one entity; raises as :meth:`fetch`."""
        return self.fetch()

    def head(self) -> Oid | None:
        """Return the head of the remote's branch as of the last fetch; None if the remote is empty."""
        return self.refs().branches.get(self.branch)

    def record(self, tag: str, oid: Oid) -> None:
        """Keep a local version until it is published.

        Raises:
            GitFailed: a local version has this tag.
        """
        self.git.run("update-ref", f"{UNPUBLISHED}{tag}", oid, "0" * 40)

    def forget(self, tag: str) -> None:
        """Remove a local version."""
        self.git.run("update-ref", "-d", f"{UNPUBLISHED}{tag}")

    def mark_lost(self, tag: str, ref: TagRef) -> None:
        """Keep a local version under another name, because its number was published by someone else."""
        self._update(f"update {LOST}{tag} {ref.oid}", f"delete {UNPUBLISHED}{tag}")

    def mark_published(self, tag: str, ref: TagRef, head: Oid) -> None:
        """Record that a local version is at the remote now."""
        self._update(
            f"update {TAGS}{tag} {ref.oid}", f"update {REMOTE}{self.branch} {head}", f"delete {UNPUBLISHED}{tag}"
        )

    def add_tag(self, name: str, commit: Oid) -> None:
        """Create a user's tag at the remote and here.

        Raises:
            Refused: a tag of this name exists.
            GitFailed: the remote refused it.
        """
        if name.startswith("-") or not name.isprintable():
            raise Refused(f"the tag {shown(name)} begins with '-' or has control characters; choose another name")
        if name in self.refs().tags or self.git.attempt("check-ref-format", f"{TAGS}{name}").code:
            raise Refused(f"the tag {name!r} exists already, or git does not accept this name; choose another one")
        self.git.run("push", "--quiet", "origin", f"{commit}:{TAGS}{name}")
        self.git.run("update-ref", f"{TAGS}{name}", commit)

    def delete_tag(self, name: str) -> None:
        """Delete a user's tag at the remote and here.

        Raises:
            GitFailed: the remote refused it.
        """
        self.git.run("push", "--quiet", "origin", f":{TAGS}{name}")
        self.git.run("update-ref", "-d", f"{TAGS}{name}")

    def _set_remote(self, url: str) -> None:
        self.git.run("config", "remote.origin.url", url)
        self.git.run("config", "remote.origin.fetch", f"+refs/heads/*:{REMOTE}*")

    def _find_branch(self) -> None:
        """Point ``origin/HEAD`` to the default branch of the remote."""
        listed = self._with_retries("ls-remote", "--symref", "origin", "HEAD").decode("utf-8", "replace")
        match = re.search(r"^ref: refs/heads/(\S+)\tHEAD$", listed, re.MULTILINE)
        branches = sorted(self.refs().branches)
        named = match[1] if match else next((name for name in (DEFAULT_BRANCH, "main") if name in branches), "")
        branch = named or (branches[0] if branches else "")
        if branch:
            self.git.run("symbolic-ref", _HEAD, f"{REMOTE}{branch}")

    def _with_retries(self, *arguments: str) -> bytes:
        for attempt in range(1, _TRIES + 1):
            try:
                return self.git.run(*arguments)
            except GitFailed as error:
                is_slow = "Operation too slow" in error.reason
                if attempt == _TRIES or is_slow or not _NETWORK.search(error.reason):
                    raise
                time.sleep(0.5 * attempt)
        raise AssertionError("the loop returns or raises")

    def _update(self, *lines: str) -> None:
        self.git.run("update-ref", "--stdin", stdin="".join(f"{line}\n" for line in lines).encode())
