"""Links: the versions of datasets and labels that a version was made with."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from entrepot.errors import EntityMissing, InvalidArgument, LinkBroken, Refused
from entrepot.workspace.entities.kinds import parse_kind
from entrepot.workspace.entities.specs import Spec, VersionLink
from entrepot.workspace.entities.version_tags import find_tag
from entrepot.workspace.projects.entities import Entity
from entrepot.workspace.projects.projects import KindState
from entrepot.workspace.projects.versions import Version
from entrepot.workspace.state.rows import Head


@attrs.frozen
class FoundLinks:
    """The links of a new version, and the tags of those that come from the previous one."""

    links: Mapping[str, VersionLink]
    inherited: tuple[str, ...] = ()


def links_of(
    entity: Entity, spec: Spec, base: Version | None, named: Mapping[str, str], *, inherits_links: bool
) -> FoundLinks:
    """Return the links of a new version.

    Args:
        named: names of entities of this project by the root key of their kind.

    Raises:
        EntityMissing: a named entity is not checked out, or was never committed here.
        InvalidArgument: a version of this kind has no such links.
    """
    links: dict[str, VersionLink] = {}
    before = base.spec.links() if base is not None else spec.links()
    inherited = {root: link for root, link in before.items() if root not in named} if inherits_links else {}
    for root, name in named.items():
        if root not in spec.kind.links:
            raise InvalidArgument(f"a version of {spec.kind.word} cannot be linked to a {root}")
        head = _head_of(entity.state.project.of_kind(parse_kind(root)), name)
        links[root] = VersionLink(head.tag, head.commit)
    return FoundLinks(inherited | links, tuple(link.tag for link in inherited.values()))


def check_published(state: KindState, spec: Spec) -> list[tuple[KindState, str]]:
    """Return the linked versions that are local only, with the state of their kind.

    Raises:
        LinkBroken: a published version has another commit than a link says.
    """
    local = []
    for root, link in spec.links().items():
        other = state.project.of_kind(parse_kind(root))
        if not other.metadata.exists:
            continue  # the version is known elsewhere; nothing here can judge it
        refs = other.metadata.refs()
        published = refs.tags.get(link.tag)
        if published is not None:
            check_link(link, published.commit)
        elif link.tag in refs.unpublished:
            local.append((other, link.tag))
    return local


def check_link(link: VersionLink, commit: str) -> None:
    """Check that a linked version is the one that was linked.

    Raises:
        LinkBroken: its commit is another one.
    """
    if link.sha and not commit.startswith(link.sha):
        raise LinkBroken(link.tag, link.sha, commit)


def refuse_local_links(local: list[tuple[KindState, str]]) -> None:
    """Refuse to publish a version before the versions that it is linked to.

    Raises:
        Refused: there are such versions.
    """
    if local:
        state, tag = local[0]
        found = find_tag(tag)
        name = found.identity.name if found is not None else tag
        cure = f"run 'ml-git {state.kind.word} push {name}', or push with --all"
        raise Refused(f"the linked version {tag} is not published yet; {cure}")


def _head_of(state: KindState, name: str) -> Head:
    heads = state.database.heads()
    found = [head for folder, head in heads.items() if folder == name or folder.endswith(f"/{name}")]
    if len(found) != 1:
        cure = "" if not found else "several folders have this name; name one with its folder."
        raise EntityMissing(name, cure)
    return found[0]
