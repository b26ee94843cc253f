"""The metadata of entities on a hub: one local git repository with the versions of many repositories of the hub."""

from __future__ import annotations

import contextlib
import functools
import shutil
from collections.abc import Iterable, Mapping, Sequence

import attrs
from msgspec import UNSET

from entrepot.client.calls import refs as ref_calls
from entrepot.client.calls import repos as repo_calls
from entrepot.client.git.git_commands import Credential, Git
from entrepot.client.hubs import Hub
from entrepot.client.parallel import run_parallel
from entrepot.errors import (
    AnswerUnusable,
    EntrepotError,
    Forbidden,
    InvalidName,
    LimitExceeded,
    Malformed,
    Refused,
    RepoNotFound,
)
from entrepot.names import Oid, RepoRef, parse_oid, parse_repo_id
from entrepot.wire.repos.refs import Refs
from entrepot.workspace.entities.kinds import parse_kind
from entrepot.workspace.entities.specs import Spec, StorageRef, parse_spec
from entrepot.workspace.entities.version_tags import Identity, VersionTag, find_tag
from entrepot.workspace.hubs.addresses import STORAGE, EntityNamespace, repo_type
from entrepot.workspace.hubs.readmes import kind_of, name_of
from entrepot.workspace.hubs.repo_names import entity_name
from entrepot.workspace.hubs.trees import write_hub_tree
from entrepot.workspace.manifests import Manifest, render_manifest
from entrepot.workspace.metadata.git_objects import read_file, write_commit
from entrepot.workspace.metadata.ref_tables import REMOTE, TAGS, UNPUBLISHED, RefTable, TagRef, read_refs
from entrepot.workspace.metadata.repositories import FetchReport, MetadataRepository

MAIN = "main"
_FETCHED = "refs/entrepot/fetched/"
_THREADS = 8
_MAX_REPOSITORIES = 100_000


OTHER_REPOSITORY = (
    "name another one in the spec: 'repository' below 'manifest' (--repo-name of 'create' and 'to-hub' does it); "
    "a committed version is undone by 'reset --reference=head~1'"
)
"""What to do about a repository that is taken."""


@attrs.frozen
class EntityRepository:
    """A repository that may be that of an entity, the name of the entity, and when the repository was created."""

    ref: RepoRef
    name: str
    created: str = ""


@attrs.frozen
class HubMetadata(MetadataRepository):
    """The metadata of one kind of entities in a namespace of a hub.

    A version is a commit and a tag of its entity's repository. Tags of versions have their usual names
    here; the branch ``main`` of a repository is ``entities/<name>``.
    """

    address: EntityNamespace = attrs.field(kw_only=True)
    word: str = attrs.field(kw_only=True)

    @property
    def hub(self) -> Hub:
        """The connection to the hub."""
        return self.address.connect(self.environ)

    @property
    def git(self) -> Git:
        """Git in the folder; it sends the token to this hub only."""
        git = super().git
        token = self.hub.token
        return git if token is None else attrs.evolve(git, credential=Credential(self.address.endpoint, token))

    def initialise(self) -> FetchReport:
        """Create the local repository and fetch; idempotent.

        Raises:
            HubFailure, HubUnreachable, HubTimeout, GitFailed: the hub cannot be read; a repository that was new is
                removed.
        """
        is_new = not self.folder.exists()
        try:
            self.create()
            return self.fetch()
        except EntrepotError:
            if is_new:
                shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def create(self) -> None:
        """Create the local repository, without asking the hub; idempotent."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.git.attempt("rev-parse", "--git-dir").code:
            self.git.run("init", "--quiet")

    def fetch(self) -> FetchReport:
        """Fetch the versions of all entities of this kind in the namespace.

        Raises:
            HubFailure, HubUnreachable, HubTimeout, GitFailed: the hub cannot be read.
        """
        found = self.repositories()
        listings = run_parallel(lambda it: self._listing(it.ref), found, _THREADS)
        pairs = zip(found, listings, strict=True)
        return self._report([(one, listed) for one, listed in pairs if listed is not None])

    def fetch_entity(self, spec: Spec) -> FetchReport:
        """Fetch the versions of one entity; raises as :meth:`fetch`."""
        return self.fetch_repository(self.address.repo_of(spec), spec.name)

    def fetch_repository(self, ref: RepoRef, name: str) -> FetchReport:
        """Fetch the versions of an entity from its repository; raises as :meth:`fetch`."""
        listed = self._listing(ref)
        return self._report([(EntityRepository(ref, name), listed)] if listed is not None else [])

    @property
    def own_storage(self) -> StorageRef:
        """The namespace: the hub has metadata and data."""
        return StorageRef(STORAGE, self.address.namespace)

    def parent_of(self, refs: RefTable, tag: str = "", commit: Oid | None = None) -> Oid | None:
        """Return the preceding version of an entity, whatever main contains; of a lost version, the one before it."""
        lost = refs.lost.get(tag)
        if commit is None or lost is None or lost.commit != commit:
            return commit
        done = self.git.attempt("rev-parse", "--verify", "--quiet", f"{commit}^")
        return Oid(done.stdout.decode("ascii").strip()) if done.code == 0 else None

    def place_of(self, folder: str) -> str:
        """Return the root: a repository of the hub has one entity."""
        return ""

    def spec_paths(self, paths: Iterable[str], name: str) -> list[str]:
        """Return the path of the spec, if the commit has it at its root."""
        return [path for path in paths if path == f"{name}.spec"]

    def spec_in_workspace(self, path: str, folder: str) -> str:
        """Return the path in the folder that the spec names."""
        return f"{folder}/{path}"

    def spec_of_workspace(self, spec: Spec) -> Spec:
        """Return the spec without the folder of the entity, which only commits on a hub have to name."""
        return spec.with_folder(spec.name)

    def entity_folders(self, refs: RefTable) -> list[str]:
        """Return the folders that the latest versions of entities name, ascending."""
        versions = refs.versions()
        latest = _latest(versions).values()
        found = [self._find_spec(tag.identity.name, versions[str(tag)].commit) for tag in latest]
        return sorted({spec.folder for spec in found if spec is not None})

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
        """Write the commit of a version, whose tree has the files as they are.

        Raises:
            Refused: a file of the data has the path of a document.
        """
        files = {name: content for name, content in documents.items() if not name.endswith(".spec")}
        files |= {f"{spec.name}.spec": spec.with_folder(folder).render().encode("utf-8"), **render_manifest(manifest)}
        tree = write_hub_tree(self.git, files, manifest)
        parents = dict.fromkeys([*([] if parent is None else [parent]), *merged])
        return write_commit(self.git, tree, parents, f"{message.rstrip()}\n")

    def branch_of(self, name: str) -> str:
        """Return the name of the branch with the versions in a repository."""
        return f"entities/{name}"

    def repo_of_commit(self, name: str, commit: Oid) -> RepoRef:
        """Return the repository of a version of an entity; that with its name if the commit has no usable spec.

        Raises:
            InvalidName: no repository can have its name.
        """
        spec = self._find_spec(name, commit)
        return self.address.repo(self.word, name) if spec is None else self.address.repo_of(spec)

    def repositories(self) -> list[EntityRepository]:
        """Return the repositories of the namespace that may be those of entities of this kind, the oldest first.

        Raises:
            HubFailure, HubUnreachable, HubTimeout: the hub cannot be read.
            LimitExceeded: there are more than 100,000.
        """
        wanted = repo_calls.Filter(author=self.address.namespace, full=True, card_data=True)
        found = []
        for count, info in enumerate(self.hub.pages(repo_calls.page(repo_type(self.word), wanted))):
            if count == _MAX_REPOSITORIES:
                raise LimitExceeded(f"the number of repositories of {self.address.url}", _MAX_REPOSITORIES)
            namespace, _, name = str(info.id).rpartition("/")
            kind = None if info.card_data is UNSET else kind_of(info.card_data)
            if namespace.lower() != self.address.namespace.lower() or kind not in (None, self.word):
                continue
            entity = name_of(info.card_data) if kind else entity_name(name)
            try:
                ref = RepoRef(repo_type(self.word), parse_repo_id(f"{self.address.namespace}/{name}"))
                created = "" if info.created_at is UNSET else info.created_at
                found.append(EntityRepository(ref, entity or entity_name(name) or name, created))
            except InvalidName:
                continue
        return sorted(found, key=lambda one: one.created)

    def find_entity(self, spec: Spec) -> RepoRef | None:
        """Fetch the versions of an entity from whatever repository has them, and return that; None if none has.

        Raises:
            HubFailure, HubUnreachable, HubTimeout, GitFailed: the hub cannot be read.
        """
        self.fetch_entity(spec)
        for one in self.repositories():
            if one.name == spec.name:
                self.fetch_repository(one.ref, one.name)
        versions = self.refs().versions()
        latest = _latest(versions).get(spec.identity)
        return None if latest is None else self.repo_of_commit(spec.name, versions[str(latest)].commit)

    def with_repository(self, spec: Spec, repository: str) -> Spec:
        """Return the spec with the name of its repository; raises InvalidName if no repository can have it."""
        chosen = spec.with_repository(repository) if repository else spec
        self.address.repo_of(chosen)
        return chosen

    def check_unused(self, url: str, spec: Spec) -> None:
        """Check that no entity of this kind has the repository of an entity of another kind.

        Raises:
            Refused: one has it.
        """
        if url != self.url or not self.exists:
            return
        ref, versions = self.address.repo_of(spec), self.refs().versions()
        for tag in _latest(versions).values():
            if str(self.repo_of_commit(tag.identity.name, versions[str(tag)].commit)) == str(ref):
                cure = f"create {spec.name} with another repository: --repo-name"
                raise Refused(f"{ref} belongs to {self.word} ({tag.identity.name}); {cure}")

    def check_repository(self, spec: Spec) -> RepoRef:
        """Return the repository of an entity after checking that it is that of its versions, and of no other entity.

        Raises:
            Refused: another entity of this kind has it, or the versions of this one are in another repository.
            InvalidName: no repository can have its name.
        """
        refs, ref = self.refs(), self.address.repo_of(spec)
        latest = _latest(refs.versions())
        own = latest.pop(spec.identity, None)
        if own is not None:
            known = self.repo_of_commit(spec.name, refs.versions()[str(own)].commit)
            if str(known) != str(ref):
                raise Refused(f"the versions of {spec.identity} are in {known}: its repository cannot be changed")
            return ref
        for tag in latest.values():
            if str(self.repo_of_commit(tag.identity.name, refs.versions()[str(tag)].commit)) == str(ref):
                raise Refused(f"{ref} has the versions of {tag.identity}; {OTHER_REPOSITORY}")
        return ref

    def mark_published(self, tag: str, ref: TagRef, head: Oid) -> None:
        """Record that a local version is on the hub now."""
        version = find_tag(tag)
        assert version is not None
        repo = self.repo_of_commit(version.identity.name, ref.commit)
        branch = f"{REMOTE}{self.branch_of(repo.id.name)}"
        self._update(f"update {TAGS}{tag} {ref.oid}", f"update {branch} {head}", f"delete {UNPUBLISHED}{tag}")

    def add_tag(self, name: str, commit: Oid) -> None:
        """Raise Refused: tags of users are made on the hub itself."""
        raise Refused(f"the tag {name!r} cannot be made here: make it on the hub")

    def delete_tag(self, name: str) -> None:
        """Raise Refused, as :meth:`add_tag`."""
        raise Refused(f"the tag {name!r} cannot be deleted here: delete it on the hub")

    def _listing(self, ref: RepoRef) -> Refs | None:
        """Return the refs of a repository; None if the caller cannot read them."""
        try:
            return self.hub.send(ref_calls.listing(ref))
        except (RepoNotFound, Forbidden):
            return None  # it was deleted, or it is gated and the caller has no access

    def _report(self, listings: Sequence[tuple[EntityRepository, Refs]]) -> FetchReport:
        before = read_refs(self.git)
        owners = _Owners(self, before)
        for one, listed in listings:
            ref = one.ref
            tags = [tag.name for tag in listed.tags if _is_version_of(tag.name, one.name)]
            head = main_of(listed, self.address)
            known = before.branches.get(self.branch_of(ref.id.name))
            if head is not None and tags and (head != known or any(tag not in before.tags for tag in tags)):
                self._fetch(ref, one.name, owners)
        self.tidy()
        after = read_refs(self.git)
        moved = tuple(
            tag for tag, it in before.tags.items() if tag in after.tags and after.tags[tag].commit != it.commit
        )
        return FetchReport(tuple(sorted(after.tags.keys() - before.tags.keys())), moved)

    def _fetch(self, ref: RepoRef, entity: str, owners: _Owners) -> None:
        """Fetch one repository, and keep its refs if it is that of an entity of this kind."""
        try:
            refspecs = (f"+refs/heads/{MAIN}:{_FETCHED}head", f"+{TAGS}*:{_FETCHED}tags/*")
            self._with_retries("fetch", "--quiet", "--no-tags", self.address.git_url(ref), *refspecs)
            lines = self.git.lines("for-each-ref", "--format=%(refname) %(objectname)", _FETCHED)
            fetched = dict(line.rsplit(" ", 1) for line in lines)
            head = fetched.get(f"{_FETCHED}head")
            prefix = f"{_FETCHED}tags/"
            tags = {name.removeprefix(prefix): oid for name, oid in fetched.items() if name.startswith(prefix)}
            tags = {name: oid for name, oid in tags.items() if _is_version_of(name, entity)}
            if head is None or not self._is_entity(ref, entity, tags):
                return
            tags = {name: oid for name, oid in tags.items() if owners.claim(name, ref)}
            if not tags:
                return
            branch = f"{REMOTE}{self.branch_of(ref.id.name)}"
            self._update(f"update {branch} {head}", *(f"update {TAGS}{name} {oid}" for name, oid in tags.items()))
        finally:
            self.drop_fetched()

    def drop_fetched(self) -> None:
        """Delete the refs under which a fetch keeps what it has not verified yet."""
        names = self.git.lines("for-each-ref", "--format=%(refname)", _FETCHED)
        if names:
            self._update(*(f"delete {name}" for name in names))

    def _is_entity(self, ref: RepoRef, name: str, tags: dict[str, str]) -> bool:
        """Return whether one of the tags is a version of an entity of this kind whose repository this is."""
        for oid in tags.values():
            spec = self._find_spec(name, Oid(self.git.line("rev-parse", f"{oid}^{{commit}}")))
            with contextlib.suppress(InvalidName):
                if spec is not None and str(self.address.repo_of(spec)).lower() == str(ref).lower():
                    return True
        return False

    def _find_spec(self, name: str, commit: Oid) -> Spec | None:
        """Return the spec at the root of a commit; None if there is none that can be used."""
        try:
            return parse_spec(read_file(self.git, commit, f"{name}.spec"), parse_kind(self.word), name)
        except (Malformed, InvalidName):
            return None


class _Owners:
    """The repositories whose tags are the versions of an entity.

    Everyone who may create a repository can write the name of any entity into it. So the versions of one come from
    the repository that had them before; if there are none here yet, from the first that was created.
    """

    def __init__(self, metadata: HubMetadata, known: RefTable) -> None:
        self._metadata, self._tags = metadata, known.tags
        self._latest = _latest(known.tags)
        self._owners: dict[Identity, str] = {}

    def claim(self, tag: str, ref: RepoRef) -> bool:
        """Return whether a tag of a repository is a version of an entity that no other repository has."""
        version = find_tag(tag)
        if version is None:
            return False
        owner = self._owners.get(version.identity)
        if owner is None:
            owner = self._owners[version.identity] = self._find(version.identity) or _key(ref)
        return owner == _key(ref)

    def _find(self, identity: Identity) -> str | None:
        known = self._latest.get(identity)
        if known is None:
            return None
        return _key(self._metadata.repo_of_commit(identity.name, self._tags[str(known)].commit))


def _key(ref: RepoRef) -> str:
    return str(ref).lower()


def _latest(versions: Iterable[str]) -> dict[Identity, VersionTag]:
    """Return the highest version of each entity."""
    latest: dict[Identity, VersionTag] = {}
    for tag in filter(None, map(find_tag, versions)):
        if tag.identity not in latest or latest[tag.identity].number < tag.number:
            latest[tag.identity] = tag
    return latest


def main_of(listed: Refs, address: EntityNamespace) -> Oid | None:
    """Return the commit of the branch main, or None.

    Raises:
        AnswerUnusable: what the hub says is no id of a commit.
    """
    found = next((branch.target_commit for branch in listed.branches if branch.name == MAIN), None)
    try:
        return None if found is None else parse_oid(found)
    except InvalidName as error:
        raise AnswerUnusable(address.endpoint, "the id of a commit is not valid") from error


@functools.lru_cache(maxsize=4096)
def _is_version_of(tag: str, name: str) -> bool:
    version = find_tag(tag)
    return version is not None and version.identity.name == name
