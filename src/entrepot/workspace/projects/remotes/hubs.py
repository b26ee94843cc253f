"""A namespace on a hub as remote: versions are committed, sent and received as those of repositories of the hub."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from entrepot.errors import ChunkMissing, ConfigError, DownloadDamaged, Malformed
from entrepot.names import Oid, RepoPath, RepoRef
from entrepot.workspace.configuration.config_files import replace_text
from entrepot.workspace.entities.kinds import parse_kind
from entrepot.workspace.entities.specs import Spec
from entrepot.workspace.entities.version_tags import find_tag
from entrepot.workspace.hubs.contents import (
    KnownContents,
    LocalContents,
    count,
    find_missing,
    receive_contents,
    send_contents,
)
from entrepot.workspace.hubs.publishing import prepare_repository, publish_on_hub
from entrepot.workspace.hubs.readmes import readme_text, render_readme
from entrepot.workspace.hubs.repositories import HubMetadata
from entrepot.workspace.manifests import Manifest
from entrepot.workspace.metadata.ref_tables import TagRef
from entrepot.workspace.projects.entities import README, Entity
from entrepot.workspace.projects.projects import KindState
from entrepot.workspace.projects.sources import unchanged_contents, workspace_contents
from entrepot.workspace.projects.versions import Version, read_version
from entrepot.workspace.stores import CheckLevel, CheckReport, FetchCounts, Problem, PushCounts, draft_path

_LINEAGE = {"labels": "labels_of", "models": "trained_on"}
"""What a linked version is for a version of a kind."""


@attrs.frozen
class HubRemote:
    """The remote of a kind whose metadata and data are on a hub."""

    state: KindState
    repository: HubMetadata

    def describe(self, entity: Entity, spec: Spec, documents: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return the documents of a version with a README for the hub, which the workspace gets too.

        A README that was edited since it was added is left as it is in the workspace.

        Raises:
            ConfigError: the spec names another storage than the hub.
            Malformed: the README is not UTF-8, or has a front matter that is not YAML.
            InvalidName: no repository can have the name of the entity.
            Refused: the repository is that of another entity, or not that of the versions before.
        """
        own = self.repository.own_storage
        if spec.storage != own:
            raise ConfigError("manifest.storage", f"{spec.name}.spec", f"the remote is a hub: expected {own}")
        self.repository.check_repository(spec)
        old = documents.get(README, b"")
        linked = {root: ref for root, (ref, _) in self._linked(spec).items()}
        text = render_readme(readme_text(old), spec, linked)
        place = entity.path / README
        if text.encode("utf-8") != old and (not place.exists() or place.read_bytes() == old):
            replace_text(place, text)
        return {**documents, README: text.encode("utf-8")}

    def message(self, spec: Spec, message: str | None) -> str | None:
        """Return the message of a commit, with lines that the hub records as lineage."""
        text = message or f"Version {spec.version} of {spec.name}"
        return lineage_lines(spec, text, self._linked(spec))

    def plan_push(self, version: Version) -> PushCounts:
        """Return the plan of a push; nothing is written."""
        known = KnownContents(self._published_contents(version))
        missing = find_missing(self.repository.hub, self._repo(version.spec), version.manifest, known)
        return count(version.manifest, missing)

    def push(self, entity: Entity, version: Version, ref: TagRef, fail_limit: int | None) -> PushCounts:
        """Publish a version: contents first, then branch and tag in one transaction of the hub.

        Raises:
            VersionTaken, Refused, ChunkMissing, GitFailed, HubFailure, HubUnreachable, HubTimeout: no tag was made.
        """
        around = self.state.project.around
        repo = prepare_repository(self.repository, version.spec)
        known = KnownContents(self._published_contents(version), repo.is_new)
        local = local_contents(entity)
        counts = send_contents(self.repository.hub, repo.ref, version.manifest, local, around.progress, known)
        publish_on_hub(self.repository, str(version.tag), ref, repo.ref, lambda text: around.notify("warning", text))
        return counts

    def fetch(self, version: Version, paths: Sequence[RepoPath], fail_limit: int | None = None) -> FetchCounts:
        """Fetch contents of a version into drafts: from the outbox what was not published, the rest from the hub.

        Raises:
            ChunkMissing: no published version has a content, and the outbox has not either.
            HubFailure, HubUnreachable, HubTimeout, DownloadDamaged: the rest cannot be fetched.
            Malformed: a content has no SHA-256.
        """
        state, files = self.state, version.manifest.files
        if not all(files[path].sha256 for path in paths):
            raise Malformed(f"the manifest of {version.tag}", "it has contents of the old format, which no hub has")
        entries = {files[path].sha256: (path, files[path]) for path in paths}
        wanted = {sha: it for sha, it in entries.items() if not draft_path(state.drafts, it[1]).exists()}
        places = _published_places(state, version, set(wanted))
        local = [(path, entry) for sha, (path, entry) in wanted.items() if sha not in places]
        if local:
            contents = LocalContents(state.outbox, {}, state.drafts, state.indexes / "hub", 1)
            contents.make_drafts(local)
        remote = [(*place, wanted[sha][1]) for sha, place in places.items()]
        around = state.project.around
        received = receive_contents(
            self.repository.hub, self._repo(version.spec), remote, state.drafts, around.progress
        )
        return FetchCounts(len(entries), sum(entry.size for _, entry in entries.values()), received)

    def check(self, entity: Entity, version: Version, level: CheckLevel) -> CheckReport:
        """Check that the hub has the contents of a version, and send missing ones again if they are available here.

        Args:
            level: above presence, all contents are read and verified; the hub itself verifies what it stores.

        Raises:
            HubFailure, HubUnreachable, HubTimeout: the hub could not be asked.
        """
        state, hub, repo = self.state, self.repository.hub, self._repo(version.spec)
        missing = find_missing(hub, repo, version.manifest)
        left: list[Problem] = []
        for path, entry in missing.items():
            try:
                local = local_contents(entity)
                send_contents(hub, repo, Manifest({path: entry}), local, state.project.around.progress)
            except ChunkMissing:
                left.append(Problem(str(path), "the hub does not have its content, and it is not here either"))
        distinct = {entry.sha256: (path, entry) for path, entry in version.manifest.files.items()}
        lost = {problem.where for problem in left}
        for path, entry in distinct.values() if level > CheckLevel.PRESENCE else ():
            if path in lost:
                continue
            draft = draft_path(state.drafts, entry)
            draft.unlink(missing_ok=True)
            try:
                self.fetch(version, [path])
            except DownloadDamaged as error:
                left.append(Problem(str(path), str(error)))
            draft.unlink(missing_ok=True)
        return CheckReport(len(distinct), 0, len(missing) - len(lost), 0, tuple(left))

    def _published_contents(self, version: Version) -> frozenset[str]:
        """Return the digests of the contents of the latest published version: the hub has all of them."""
        tags = self.repository.refs().tags
        found = [tag for tag in filter(None, map(find_tag, tags)) if tag.identity == version.tag.identity]
        if not found:
            return frozenset()
        latest = max(found, key=lambda tag: tag.number)
        published = read_version(self.state, latest, tags[str(latest)].commit)
        return frozenset(entry.sha256 for entry in published.manifest.files.values())

    def _repo(self, spec: Spec) -> RepoRef:
        return self.repository.address.repo_of(spec)

    def _linked(self, spec: Spec) -> dict[str, tuple[RepoRef, str]]:
        """Return repository and commit of linked versions on the same hub, by the root key of their kind."""
        found: dict[str, tuple[RepoRef, str]] = {}
        for root, link in spec.links().items():
            other = self.state.project.of_kind(parse_kind(root)).hub
            tag = find_tag(link.tag)
            if other is not None and tag is not None and other.address.endpoint == self.repository.address.endpoint:
                found[root] = other.repo_of_commit(tag.identity.name, Oid(link.sha)), link.sha
        return found


def lineage_lines(spec: Spec, message: str, linked: Mapping[str, tuple[RepoRef, str]]) -> str:
    """Return a message with a last paragraph that names linked repositories and commits, if there are any."""
    lines = [f"Entrepot-Input: {_LINEAGE[spec.kind.word]} {ref.path}@{sha}" for ref, sha in linked.values()]
    return "\n\n".join([message.rstrip(), "\n".join(lines)]) if lines else message.rstrip()


def local_contents(entity: Entity) -> LocalContents:
    """Return where the contents of local versions of an entity are."""
    state = entity.state
    threads = max(1, state.project.configuration.threads)
    unchanged = unchanged_contents(entity)
    copies = {**workspace_contents(entity), **unchanged}
    return LocalContents(state.outbox, copies, state.drafts, state.indexes / "hub", threads, unchanged)


def _published_places(state: KindState, version: Version, wanted: set[str]) -> dict[str, tuple[str, RepoPath]]:
    """Return commit and path of contents in published versions, this one first, then from the newest to the oldest."""
    refs = state.metadata.refs()
    found: dict[str, tuple[str, RepoPath]] = {}
    if str(version.tag) in refs.tags:
        _find_places(version, wanted, found)
    tags = [tag for name in refs.tags if (tag := find_tag(name)) is not None and tag.identity == version.tag.identity]
    for tag in sorted(tags, key=lambda tag: -tag.number):
        if len(found) == len(wanted):
            break
        if tag != version.tag:
            _find_places(read_version(state, tag, refs.tags[str(tag)].commit), wanted, found)
    return found


def _find_places(version: Version, wanted: set[str], found: dict[str, tuple[str, RepoPath]]) -> None:
    for path, entry in version.manifest.files.items():
        if entry.sha256 in wanted and entry.sha256 not in found:
            found[entry.sha256] = (version.commit, path)
