"""Copies of entities on hubs: all published versions of an entity of a git remote and a bucket, with their authors."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import attrs

from entrepot.client.sources import PathSource, sha256_of
from entrepot.errors import Malformed, Refused, VersionTaken
from entrepot.names import Oid, RepoPath, RepoRef
from entrepot.workspace.entities.kinds import EntityKind, parse_kind
from entrepot.workspace.entities.specs import Spec, StorageRef, VersionLink
from entrepot.workspace.entities.version_tags import VersionTag, find_tag
from entrepot.workspace.hubs.addresses import STORAGE, find_hub, parse_hub_url
from entrepot.workspace.hubs.contents import NamedSource, count, find_missing, send_contents
from entrepot.workspace.hubs.publishing import prepare_repository, publish_on_hub, set_mutability
from entrepot.workspace.hubs.readmes import readme_text, render_readme
from entrepot.workspace.hubs.repositories import EntityRepository, HubMetadata
from entrepot.workspace.manifests import MANIFEST, Manifest, ManifestEntry, parse_manifest
from entrepot.workspace.metadata.git_objects import read_file, write_tag
from entrepot.workspace.projects.entities import README
from entrepot.workspace.projects.projects import KindState
from entrepot.workspace.projects.recovery import recover
from entrepot.workspace.projects.remotes.hubs import lineage_lines
from entrepot.workspace.projects.sizes import render_size
from entrepot.workspace.projects.transfers.checkouts import fetch_contents
from entrepot.workspace.projects.versions import Version, one_identity, read_version
from entrepot.workspace.stores import PushCounts, draft_path

_PERSON = re.compile(rb"^(author|committer) (.*) <([^<>\n]*)> (\d+) ([+-]\d{4})$", re.MULTILINE)


@attrs.frozen
class CopiedVersion:
    """A version that is on the hub now; ``is_new`` is False if it was there before."""

    tag: str
    commit: str
    counts: PushCounts
    is_new: bool = True


def copy_to_hub(
    state: KindState,
    name: str,
    url: str,
    *,
    repository: str = "",
    is_rehearsal: bool = False,
    report: Callable[[CopiedVersion], None] | None = None,
) -> tuple[CopiedVersion, ...]:
    """Copy all published versions of an entity to a repository of a hub, oldest first. Can be repeated and continued.

    Commits on the hub have the authors, dates and messages of the originals; tags are the same. The entity and the
    configuration of the project stay as they are.

    Args:
        url: a namespace on a hub.
        repository: the name of the repository; empty is that of an earlier copy, else that of the entity.
        is_rehearsal: only count what would be sent.
        report: called with every version that is on the hub, even if a later one fails.

    Raises:
        Refused: the remote of the entity is a hub already, its name is taken on the hub, or an earlier copy is in
            another repository.
        VersionTaken: the hub has another version with one of the tags; earlier versions are copied.
        EntityMissing, EntityAmbiguous: the name stands for no entity, or for several.
        ChunkMissing, ContentDamaged, HubFailure, HubUnreachable, GitFailed: earlier versions are copied.
    """
    if state.hub is not None:
        raise Refused(f"the {state.kind.word} of this project are on a hub already: {state.url}")
    environ = state.project.around.environ
    address = find_hub(url, environ) or parse_hub_url(url)
    recover(state)
    with state.locked():
        refs = state.initialised_metadata().refs()
        _, tags = one_identity(refs, name, state.kind.word)
        folder = state.folder / "hub-copies" / hashlib.sha256(address.url.encode()).hexdigest()[:16]
        target = HubMetadata(folder, address.url, environ, address=address, word=state.kind.word)
        target.create()
        latest = read_version(state, tags[-1], refs.versions()[str(tags[-1])].commit)
        copy = _Copy(state, target, _find_repository(target, latest.spec, repository))
        published = [tag for tag in tags if str(tag) in refs.tags]
        done: list[CopiedVersion] = []
        for tag in published:
            done.append(copy.add(tag, refs.tags[str(tag)].commit, is_rehearsal=is_rehearsal))
            if report is not None:
                report(done[-1])
        if published and not is_rehearsal:
            # Last: old versions may have been made before their entity was strict, or in spite of it.
            latest = read_version(state, published[-1], refs.tags[str(published[-1])].commit)
            set_mutability(target, copy.placed(latest.spec))
        return tuple(done)


def _find_repository(target: HubMetadata, spec: Spec, repository: str) -> str:
    """Return the name that specs have to give the repository of a copy; empty if it is that of the entity.

    Raises:
        Refused: another one is wanted than that of an earlier copy, or another entity has it.
        InvalidName: no repository can have the name.
    """
    chosen = target.with_repository(spec, repository)
    found = target.find_entity(chosen)
    if found is not None and not repository:
        chosen = spec.with_repository("")
        if str(target.address.repo_of(chosen)) != str(found):
            chosen = spec.with_repository(found.id.name)
    target.check_repository(chosen)
    return chosen.repository


@attrs.define
class _Copy:
    """The copy of one entity; ``parent`` is the commit of the previous version on the hub."""

    state: KindState
    target: HubMetadata
    repository: str = ""
    parent: Oid | None = None
    _others: dict[str, list[EntityRepository]] = attrs.field(factory=dict, init=False)

    def placed(self, spec: Spec) -> Spec:
        """Return a spec with the repository of the copy."""
        return spec.with_repository(self.repository) if spec.repository != self.repository else spec

    def add(self, tag: VersionTag, commit: Oid, *, is_rehearsal: bool) -> CopiedVersion:
        """Copy one version, if the hub does not have it."""
        version = read_version(self.state, tag, commit)
        there = self.target.refs().tags.get(str(tag))
        if there is not None:
            self._check_same(version, there.commit)
            self.parent = there.commit
            return CopiedVersion(str(tag), there.commit, PushCounts(0, 0, version.manifest.size), is_new=False)
        return self._rehearse(version) if is_rehearsal else self._publish(version)

    def _rehearse(self, version: Version) -> CopiedVersion:
        repo = self.target.address.repo_of(self.placed(version.spec))
        files = version.manifest.files
        known = Manifest({path: entry for path, entry in files.items() if entry.sha256})
        missing = dict(find_missing(self.target.hub, repo, known))
        # The digests of old contents are known only after they have been read.
        missing |= {path: _with_size(entry) for path, entry in files.items() if not entry.sha256}
        return CopiedVersion(str(version.tag), "", count(version.manifest, missing))

    def _publish(self, version: Version) -> CopiedVersion:
        state, target = self.state, self.target
        contents = BucketContents(state, version)
        manifest = contents.named()
        linked = self._find_linked(version.spec)
        spec = self._spec(version, manifest, linked)
        repo = prepare_repository(target, spec, sets_mutability=False).ref
        counts = send_contents(target.hub, repo, manifest, contents, state.project.around.progress)
        raw = state.metadata.git.run("cat-file", "commit", version.commit)
        people = {word.decode(): it for word, *it in _PERSON.findall(raw.partition(b"\n\n")[0])}
        if people.keys() != {"author", "committer"}:
            raise Malformed(str(version.tag), "its commit names no author")
        by = attrs.evolve(target, environ={**target.environ, **_identity(people)})
        message = lineage_lines(spec, raw.partition(b"\n\n")[2].decode("utf-8", "replace"), linked)
        old = readme_text(version.documents.get(README, b""))
        readme = render_readme(old, spec, {root: ref for root, (ref, _) in linked.items()})
        documents = {**version.documents, README: readme.encode("utf-8")}
        commit = by.write_version(version.folder, spec, manifest, documents, self.parent, message)
        name, address, seconds, zone = (part.decode("utf-8", "replace") for part in people["committer"])
        text = str(version.tag)
        oid = write_tag(by.git, text, commit, f"Version {text}", f"{name} <{address}> {seconds} {zone}")
        if text in target.refs().unpublished:
            target.forget(text)  # of a copy that was interrupted
        target.record(text, oid)
        ref = target.refs().unpublished[text]
        publish_on_hub(by, text, ref, repo, lambda said: state.project.around.notify("warning", said))
        self.parent = commit
        return CopiedVersion(text, commit, counts)

    def _spec(self, version: Version, manifest: Manifest, linked: Mapping[str, tuple[RepoRef, str]]) -> Spec:
        storage = StorageRef(STORAGE, self.target.address.namespace)
        links = {
            root: VersionLink(link.tag, linked[root][1]) if root in linked else link
            for root, link in version.spec.links().items()
        }
        spec = self.placed(version.spec.with_storage(storage)).with_links(links)
        return spec.with_contents(manifest.amount, render_size(manifest.size))

    def _find_linked(self, spec: Spec) -> dict[str, tuple[RepoRef, str]]:
        """Return repository and commit of the copies of linked versions, by the root key of their kind."""
        found = {}
        for root, link in spec.links().items():
            copy = self._find_copy(parse_kind(root), link)
            if copy is not None:
                found[root] = copy
                continue
            text = f"{link.tag} is not on the hub; the link keeps the commit that it has at the old remote"
            self.state.project.around.notify("warning", f"{text}: copy the {root} first to avoid this")
        return found

    def _find_copy(self, kind: EntityKind, link: VersionLink) -> tuple[RepoRef, str] | None:
        """Return the copy of a linked version, whatever the name of its repository is.

        Another version with the same tag is none.
        """
        tag, target = find_tag(link.tag), self.target
        if tag is None:
            return None
        others = attrs.evolve(
            target, folder=target.folder.with_name(f"{target.folder.name}-{kind.word}"), word=kind.word
        )
        if kind.word not in self._others:
            others.create()
            self._others[kind.word] = others.repositories()
        for one in self._others[kind.word]:
            if one.name == tag.identity.name:
                others.fetch_repository(one.ref, one.name)
                there = others.refs().tags.get(link.tag)
                if there is not None and str(others.repo_of_commit(one.name, there.commit)) == str(one.ref):
                    known = self._linked_manifest(kind, tag)
                    is_copy = known is None or _is_copy(others, there.commit, known)
                    return (one.ref, there.commit) if is_copy else None
        return None

    def _linked_manifest(self, kind: EntityKind, tag: VersionTag) -> Manifest | None:
        """Return the manifest of a linked version; None if this project does not know the version."""
        state = self.state.project.of_kind(kind)
        ref = state.metadata.refs().tags.get(str(tag)) if state.hub is None and state.metadata.exists else None
        return None if ref is None else read_version(state, tag, ref.commit).manifest

    def _check_same(self, version: Version, commit: Oid) -> None:
        """Raise unless a commit on the hub has the files of a version."""
        if not _is_copy(self.target, commit, version.manifest):
            raise VersionTaken(str(version.tag), "the version on the hub has other files; copy to another namespace")


def _is_copy(target: HubMetadata, commit: Oid, manifest: Manifest) -> bool:
    """Return whether a commit on the hub has the files of a manifest; of old contents, only the paths are compared."""
    git, own = target.git, manifest.files
    there = parse_manifest(read_file(git, commit, MANIFEST), lambda path: read_file(git, commit, path)).files
    return there.keys() == own.keys() and all(
        not entry.sha256 or there[path].sha256 == entry.sha256 for path, entry in own.items()
    )


@attrs.frozen
class BucketContents:
    """The contents of a version in its bucket."""

    state: KindState
    version: Version
    _old: dict[str, ManifestEntry] = attrs.field(factory=dict, init=False)

    def named(self) -> Manifest:
        """Return the manifest with the SHA-256 of every content; contents of the old format are read for it.

        Raises:
            ChunkMissing, ContentDamaged: one cannot be read.
        """
        files = dict(self.version.manifest.files)
        digests: dict[str, tuple[str, int]] = {}
        for path, entry in files.items():
            if entry.sha256:
                continue
            if entry.cid not in digests:
                fetch_contents(self.state, self.version, [path])
                draft = PathSource.at(draft_path(self.state.drafts, entry))
                digests[entry.cid] = (sha256_of(draft), draft.size)
                draft.path.unlink()
            sha256, size = digests[entry.cid]
            self._old[sha256] = entry
            files[path] = ManifestEntry(sha256=sha256, size=size, x=entry.x)
        return Manifest.of(files.items())

    def find_file(self, path: RepoPath, entry: ManifestEntry) -> NamedSource | None:
        """Return None: contents are in the bucket."""
        return None

    def make_drafts(self, batch: Sequence[tuple[RepoPath, ManifestEntry]]) -> list[Path]:
        """Return the drafts of contents, each complete and verified; raises as :meth:`named`."""
        fetch_contents(self.state, self.version, [path for path, _ in batch])
        return [draft_path(self.state.drafts, self._old.get(entry.sha256, entry)) for _, entry in batch]


def _identity(people: dict[str, list[bytes]]) -> dict[str, str]:
    """Return the variables with which git makes commits by these people."""
    found: dict[str, str] = {}
    for word, (name, address, seconds, zone) in people.items():
        prefix = f"GIT_{word.upper()}_"
        found[f"{prefix}NAME"] = name.decode("utf-8", "replace") or "unknown"
        found[f"{prefix}EMAIL"] = address.decode("utf-8", "replace")
        found[f"{prefix}DATE"] = f"@{seconds.decode()} {zone.decode()}"
    return found


def _with_size(entry: ManifestEntry) -> ManifestEntry:
    return ManifestEntry(cid=entry.cid, size=max(entry.size, 0), x=entry.x)
