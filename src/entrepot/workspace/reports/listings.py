"""Lists: the entities of a kind, the tags of an entity, the version that is checked out."""

from __future__ import annotations

import attrs

from entrepot.errors import EntityMissing, Refused
from entrepot.names import Oid
from entrepot.workspace.entities.version_tags import VersionTag, find_tag
from entrepot.workspace.projects.projects import KindState
from entrepot.workspace.projects.recovery import recover
from entrepot.workspace.projects.versions import one_identity, resolve


@attrs.frozen
class ListedTag:
    """A tag of an entity; ``number`` is None for tags of users."""

    tag: str
    number: int | None
    commit: Oid
    is_published: bool


def list_entities(state: KindState) -> list[str]:
    """Return the folders of all entities that have a version, ascending.

    Raises:
        MetadataMissing: the metadata has not been initialised.
    """
    recover(state)
    repository = state.initialised_metadata()
    return repository.entity_folders(repository.refs())


def render_tree(folders: list[str]) -> list[str]:
    """Return lines that draw folders as a tree, siblings in ascending order."""
    lines: list[str] = []
    seen: set[str] = set()
    for folder in sorted(folders, key=lambda path: path.split("/")):
        names = folder.split("/")
        for depth, name in enumerate(names):
            place = "/".join(names[: depth + 1])
            if place not in seen:
                seen.add(place)
                lines.append(f"{'|   ' * depth}|-- {name}")
    return lines


def list_tags(state: KindState, name: str, *, has_user_tags: bool = False) -> list[ListedTag]:
    """Return the versions of an entity in ascending order, then the tags of users on them if wanted.

    Raises:
        EntityMissing, EntityAmbiguous: the name stands for no entity, or for several.
    """
    recover(state)
    refs = state.initialised_metadata().refs()
    _, tags = one_identity(refs, name, state.kind.word)
    versions = refs.versions()
    found = [ListedTag(str(tag), tag.number, versions[str(tag)].commit, str(tag) in refs.tags) for tag in tags]
    if has_user_tags:
        commits = {entry.commit for entry in found}
        found += [
            ListedTag(tag, None, ref.commit, True)
            for tag, ref in sorted(refs.tags.items())
            if find_tag(tag) is None and ref.commit in commits
        ]
    return found


def add_user_tag(state: KindState, name: str, tag: str) -> str:
    """Give the checked out version of an entity, or else its latest one, a tag of the user, and publish it.

    Returns:
        The tag of the version.

    Raises:
        Refused: the tag exists or looks like that of a version, or the version is not published.
    """
    if find_tag(tag) is not None:
        raise Refused(f"{tag!r} has the form of a version's tag; choose another name")
    repository = state.initialised_metadata()
    with state.locked():
        refs = repository.refs()
        head = checked_out(state, name)
        version, commit = head if head is not None else resolve(state, refs, name)
        if str(version) not in refs.tags:
            raise Refused(f"{version} is not published yet; push it first")
        repository.add_tag(tag, commit)
    return str(version)


def delete_user_tag(state: KindState, name: str, tag: str) -> None:
    """Delete a tag of the user, here and at the remote.

    Raises:
        Refused: it is the tag of a version.
        EntityMissing: the entity has no such tag.
    """
    if find_tag(tag) is not None:
        raise Refused(f"{tag!r} is the tag of a version, which cannot be deleted")
    repository = state.initialised_metadata()
    with state.locked():
        if tag not in {entry.tag for entry in list_tags(state, name, has_user_tags=True)}:
            raise EntityMissing(tag, f"the entity {name!r} has no such tag")
        repository.delete_tag(tag)


def checked_out(state: KindState, name: str) -> tuple[VersionTag, Oid] | None:
    """Return tag and commit of the version that is checked out or was committed last, or None."""
    recover(state)
    for folder, head in state.database.heads().items():
        if folder == name or folder.endswith(f"/{name}"):
            tag = find_tag(head.tag)
            if tag is not None:
                return tag, head.commit
    return None
