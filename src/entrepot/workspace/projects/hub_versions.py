"""Versions of entities on a hub: how they are committed, sent and received."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from entrepot.errors import ConfigError
from entrepot.names import Oid, RepoPath, RepoRef
from entrepot.workspace.configuration.config_files import replace_text
from entrepot.workspace.entities.kinds import parse_kind
from entrepot.workspace.entities.specs import Spec
from entrepot.workspace.entities.version_tags import find_tag
from entrepot.workspace.hubs.contents import LocalContents, count, find_missing, receive_contents, send_contents
from entrepot.workspace.hubs.publishing import prepare_repository, publish_on_hub
from entrepot.workspace.hubs.readmes import readme_text, render_readme
from entrepot.workspace.hubs.repositories import HubMetadata
from entrepot.workspace.hubs.trees import write_hub_tree
from entrepot.workspace.manifests import Manifest, render_manifest
from entrepot.workspace.metadata.git_objects import write_commit
from entrepot.workspace.metadata.ref_tables import TagRef
from entrepot.workspace.projects.entities import README, Entity
from entrepot.workspace.projects.projects import KindState
from entrepot.workspace.projects.sources import workspace_contents
from entrepot.workspace.projects.versions import Version, read_version
from entrepot.workspace.stores import FetchCounts, PushCounts, draft_path

_LINEAGE = {"labels": "labels_of", "models": "trained_on"}
"""What a linked version is for a version of a kind."""


def describe_on_hub(
    entity: Entity, repository: HubMetadata, spec: Spec, documents: Mapping[str, bytes]
) -> dict[str, bytes]:
    """Return the documents of a version with a README for the hub, which the workspace gets too.

    A README that was edited since it was added is left as it is in the workspace.

    Raises:
        ConfigError: the spec names another storage than the hub.
        Malformed: the README is not UTF-8, or has a front matter that is not YAML.
        InvalidName: no repository can have the name of the entity.
    """
    own = repository.own_storage
    if spec.storage != own:
        raise ConfigError("manifest.storage", f"{spec.name}.spec", f"the remote is a hub: expected {own}")
    repository.address.repo(repository.word, spec.name)
    old = documents.get(README, b"")
    linked = {root: ref for root, (ref, _) in linked_repositories(entity.state, repository, spec).items()}
    text = render_readme(readme_text(old), spec, linked)
    place = entity.path / README
    if text.encode("utf-8") != old and (not place.exists() or place.read_bytes() == old):
        replace_text(place, text)
    return {**documents, README: text.encode("utf-8")}


def message_on_hub(state: KindState, repository: HubMetadata, spec: Spec, message: str | None) -> str:
    """Return the message of a commit, with lines that the hub records as lineage."""
    text = message or f"Version {spec.version} of {spec.name}"
    return lineage_lines(spec, text, linked_repositories(state, repository, spec))


def lineage_lines(spec: Spec, message: str, linked: Mapping[str, tuple[RepoRef, str]]) -> str:
    """Return a message with a last paragraph that names linked repositories and commits, if there are any."""
    lines = [f"Entrepot-Input: {_LINEAGE[spec.kind.word]} {ref.path}@{sha}" for ref, sha in linked.values()]
    return "\n\n".join([message.rstrip(), "\n".join(lines)]) if lines else message.rstrip()


def linked_repositories(state: KindState, repository: HubMetadata, spec: Spec) -> dict[str, tuple[RepoRef, str]]:
    """Return repository and commit of linked versions on the same hub, by the root key of their kind."""
    found: dict[str, tuple[RepoRef, str]] = {}
    for root, link in spec.links().items():
        other = state.project.of_kind(parse_kind(root)).hub
        tag = find_tag(link.tag)
        if other is not None and tag is not None and other.address.endpoint == repository.address.endpoint:
            found[root] = other.address.repo(other.word, tag.identity.name), link.sha
    return found


def write_hub_version(
    repository: HubMetadata,
    folder: str,
    spec: Spec,
    manifest: Manifest,
    documents: Mapping[str, bytes],
    parent: Oid | None,
    message: str,
) -> Oid:
    """Write the commit of a version and return its id; arguments as for ``write_version``."""
    files = {name: content for name, content in documents.items() if not name.endswith(".spec")}
    files |= {f"{spec.name}.spec": spec.with_folder(folder).render().encode("utf-8"), **render_manifest(manifest)}
    tree = write_hub_tree(repository.git, files, manifest)
    return write_commit(repository.git, tree, () if parent is None else (parent,), f"{message.rstrip()}\n")


def local_contents(entity: Entity) -> LocalContents:
    """Return where the contents of local versions of an entity are."""
    state = entity.state
    threads = max(1, state.project.configuration.threads)
    return LocalContents(state.outbox, workspace_contents(entity), state.drafts, state.indexes / "hub", threads)


def push_to_hub(entity: Entity, repository: HubMetadata, version: Version, ref: TagRef) -> PushCounts:
    """Publish a version: contents first, then branch and tag in one transaction of the hub.

    Raises:
        VersionTaken, Refused, ChunkMissing, GitFailed, HubFailure, HubUnreachable, HubTimeout: no tag was made.
    """
    around = entity.state.project.around
    repo = prepare_repository(repository, version.spec)
    counts = send_contents(repository.hub, repo, version.manifest, local_contents(entity), around.progress)
    publish_on_hub(repository, str(version.tag), ref, repo, lambda text: around.notify("warning", text))
    return counts


def plan_push_to_hub(repository: HubMetadata, version: Version) -> PushCounts:
    """Return what a push would send; nothing is written."""
    repo = repository.address.repo(repository.word, version.spec.name)
    return count(version.manifest, find_missing(repository.hub, repo, version.manifest))


def fetch_from_hub(
    state: KindState, repository: HubMetadata, version: Version, paths: Sequence[RepoPath]
) -> FetchCounts:
    """Fetch contents of a version into drafts: from the outbox what was not published, the rest from the hub.

    Raises:
        ChunkMissing: no published version has a content, and the outbox has not either.
        HubFailure, HubUnreachable, HubTimeout, DownloadDamaged: the rest cannot be fetched.
    """
    files = version.manifest.files
    entries = {files[path].sha256: (path, files[path]) for path in paths}
    wanted = {sha: it for sha, it in entries.items() if not draft_path(state.drafts, it[1]).exists()}
    places = _published_places(state, version, set(wanted))
    local = [(path, entry) for sha, (path, entry) in wanted.items() if sha not in places]
    if local:
        contents = LocalContents(state.outbox, {}, state.drafts, state.indexes / "hub", 1)
        contents.make_drafts(local)
    repo = repository.address.repo(repository.word, version.spec.name)
    remote = [(*place, wanted[sha][1]) for sha, place in places.items()]
    received = receive_contents(repository.hub, repo, remote, state.drafts, state.project.around.progress)
    return FetchCounts(len(entries), sum(entry.size for _, entry in entries.values()), received)


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
