"""Versions in the metadata: finding one by tag, number or name, and reading what it contains."""

from __future__ import annotations

import attrs

from entrepot.errors import (
    EntityAmbiguous,
    EntityMissing,
    Invalid,
    InvalidName,
    LimitExceeded,
    Malformed,
    VersionMissing,
)
from entrepot.names import Oid, RepoPath, parse_path
from entrepot.workspace.configuration.urls import without_user
from entrepot.workspace.entities.specs import Spec, parse_spec
from entrepot.workspace.entities.version_tags import Identity, VersionTag, find_tag, of_name, parse_tag
from entrepot.workspace.manifests import MANIFEST, PARTS_FOLDER, Manifest, parse_manifest
from entrepot.workspace.metadata.git_objects import list_paths, read_files
from entrepot.workspace.metadata.ref_tables import RefTable
from entrepot.workspace.projects.projects import KindState
from entrepot.workspace.stores import VersionDraft, VersionRef

_FORBIDDEN = frozenset({".ml-git", ".git"})


@attrs.frozen
class Version:
    """A version as the metadata describes it.

    Attributes:
        folder: the folder of the entity in the commit; in the workspace, if the commit is on a hub.
        documents: spec, README and ignored paths, as committed, by name.
        manifest_documents: the manifest and its parts, as committed, by path.
    """

    tag: VersionTag
    commit: Oid
    folder: str
    spec: Spec
    manifest: Manifest
    documents: dict[str, bytes]
    manifest_documents: dict[str, bytes]

    def ref(self) -> VersionRef:
        """Return how a store knows the version."""
        return VersionRef(self.spec.kind.word, self.tag.identity.name, self.tag.number, self.commit)

    def draft(self, state: KindState, base: str | None) -> VersionDraft:
        """Return the version as a store needs it to publish or check it."""
        remote = without_user(state.url)
        return VersionDraft(self.ref(), str(self.tag), remote, base, self.manifest, self.manifest_documents)


def read_version(state: KindState, tag: VersionTag, commit: Oid) -> Version:
    """Return a version from the metadata.

    Raises:
        Malformed, InvalidPath: the commit does not contain it, or its spec or manifest cannot be used.
    """
    git = state.metadata.git
    paths = list_paths(git, commit)
    folder, spec_text, spec = _find_spec(state, paths, tag, commit)
    place = state.metadata.place_of(folder)
    above = f"{place}/" if place else ""
    inside = [path.removeprefix(above) for path in paths if path.startswith(above)]
    named = [path for path in inside if path == MANIFEST or path.startswith(f"{PARTS_FOLDER}/")]
    contents = read_files(git, [f"{commit}:{above}{path}" for path in (*named, "README.md", ".mlgitignore")])
    found = {name.removeprefix(f"{commit}:{above}"): content for name, content in contents.items()}
    if MANIFEST not in found:
        raise Malformed(str(tag), f"its commit has no {MANIFEST}")
    manifest_documents = {path: found[path] for path in named}
    try:
        manifest = parse_manifest(found[MANIFEST], lambda path: _part(manifest_documents, path, tag))
    except (Malformed, InvalidName) as error:
        reason = error.reason if isinstance(error, Malformed) else str(error)
        raise Malformed(f"{MANIFEST} of {tag}", reason) from error
    _check_paths(manifest, tag)
    documents = {f"{spec.name}.spec": spec_text} | {
        name: content for name, content in found.items() if name not in manifest_documents
    }
    return Version(tag, commit, folder, spec, manifest, documents, manifest_documents)


def read_specs(state: KindState, tags: list[tuple[VersionTag, Oid]]) -> dict[VersionTag, Spec]:
    """Return the specs of versions; those of commits without a usable spec are left out."""
    found: dict[VersionTag, Spec] = {}
    for tag, commit in tags:
        try:
            _, _, found[tag] = _find_spec(state, list_paths(state.metadata.git, commit), tag, commit)
        except (Invalid, LimitExceeded):
            continue
    return found


def versions_of(refs: RefTable, name: str) -> dict[Identity, list[VersionTag]]:
    """Return published and local versions of the entities with a name, ascending."""
    return of_name(refs.versions(), name)


def one_identity(refs: RefTable, name: str, word: str) -> tuple[Identity, list[VersionTag]]:
    """Return the only entity with a name and its versions, ascending.

    Raises:
        EntityMissing: there is none.
        EntityAmbiguous: there are several, with different categories.
    """
    found = versions_of(refs, name)
    if not found:
        raise EntityMissing(name, f"see 'ml-git {word} list', and run 'ml-git {word} update'")
    if len(found) > 1:
        raise EntityAmbiguous(name, tuple(str(tag) for tags in found.values() for tag in tags))
    return next(iter(found.items()))


def resolve(state: KindState, refs: RefTable, name: str, number: int | None = None) -> tuple[VersionTag, Oid]:
    """Return tag and commit of a version.

    Args:
        name: a tag, a tag of a user, or the name of an entity.
        number: the version of the named entity; None is the latest.

    Raises:
        EntityMissing, EntityAmbiguous: the name stands for no entity, or for several.
        VersionMissing: the entity has no such version.
    """
    word = state.kind.word
    tag = find_tag(name) if number is None else None
    if tag is None and number is None and name in refs.tags:
        tag = tag_of_commit(refs, refs.tags[name].commit)
    if tag is None:
        _, tags = one_identity(refs, name, word)
        wanted = tags[-1].number if number is None else number
        tag = next((tag for tag in tags if tag.number == wanted), None)
        if tag is None:
            numbers = ", ".join(str(tag.number) for tag in tags)
            raise VersionMissing(f"{name} {number}", f"the entity has the versions {numbers}")
    ref = refs.find(str(tag))
    if ref is None:
        raise VersionMissing(
            str(tag), f"run 'ml-git {word} update', and see 'ml-git {word} tag list {tag.identity.name}'"
        )
    return tag, ref.commit


def tag_of_commit(refs: RefTable, commit: Oid) -> VersionTag | None:
    """Return the version whose tag is on a commit, or None."""
    names = (name for name, ref in refs.versions().items() if ref.commit == commit)
    return next((tag for name in names if (tag := find_tag(name)) is not None), None)


def head_version(state: KindState, tag: str, commit: Oid) -> Version:
    """Return the version of a head; raises as :func:`read_version`."""
    return read_version(state, parse_tag(tag), commit)


def _find_spec(state: KindState, paths: list[str], tag: VersionTag, commit: Oid) -> tuple[str, bytes, Spec]:
    """Return the folder of a version in its commit, the text of its spec, and the spec."""
    name, repository = tag.identity.name, state.metadata
    candidates = repository.spec_paths(paths, name)
    texts = read_files(repository.git, [f"{commit}:{path}" for path in candidates])
    fault: Malformed | InvalidName = Malformed(str(tag), f"its commit has no spec {name}.spec")
    for path in candidates:
        text = texts.get(f"{commit}:{path}", b"")
        try:
            spec = parse_spec(text, state.kind, f"the spec of {tag}")
        except (Malformed, InvalidName) as error:
            fault = error
            continue
        if spec.identity == tag.identity and spec.version == tag.number:
            own = repository.spec_of_workspace(spec)
            content = text if own == spec else own.render().encode("utf-8")
            return _checked_folder(repository.spec_in_workspace(path, spec.folder), tag), content, own
        fault = Malformed(f"the spec of {tag}", f"it says {spec.tag}")
    raise fault


def _checked_folder(spec_path: str, tag: VersionTag) -> str:
    folder = str(parse_path(spec_path)).rpartition("/")[0]
    if _FORBIDDEN.intersection(folder.lower().split("/")):
        raise Malformed(str(tag), f"the entity is in the folder {folder!r}")
    return folder


def _part(documents: dict[str, bytes], path: str, tag: VersionTag) -> bytes:
    if path not in documents:
        raise Malformed(f"the manifest of {tag}", f"its part {path} is missing")
    return documents[path]


def _check_paths(manifest: Manifest, tag: VersionTag) -> None:
    for path in manifest.files:
        if not _FORBIDDEN.isdisjoint(_lowered_segments(path)):
            raise Malformed(f"the manifest of {tag}", f"the path {path!r} is inside '.ml-git' or '.git'")


def _lowered_segments(path: RepoPath) -> list[str]:
    return path.lower().split("/")
