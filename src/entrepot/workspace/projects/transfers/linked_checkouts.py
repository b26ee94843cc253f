"""Checkouts of linked versions: the dataset and the labels that a version was made with."""

from __future__ import annotations

from collections.abc import Sequence

from entrepot.errors import InvalidArgument, VersionMissing
from entrepot.workspace.entities.kinds import parse_kind
from entrepot.workspace.projects.links import check_link
from entrepot.workspace.projects.projects import KindState
from entrepot.workspace.projects.transfers.checkouts import CheckoutReport, checkout_version
from entrepot.workspace.projects.versions import read_version, resolve


def checkout_linked(
    state: KindState, tag: str, roots: Sequence[str], *, is_forced: bool = False
) -> list[CheckoutReport]:
    """Check out the versions that a version is linked to.

    Args:
        roots: root keys of the wanted kinds: ``dataset``, ``labels``.

    Raises:
        InvalidArgument: versions of this kind have no such links.
        VersionMissing: the version has no such link, or the linked version is not known.
        LinkBroken: the linked version has another commit than the link says.
    """
    version = read_version(state, *resolve(state, state.metadata.refs(), tag))
    reports = []
    for root in roots:
        if root not in state.kind.links:
            raise InvalidArgument(f"versions of {state.kind.word} are not linked to a {root}")
        link = version.spec.link(root)
        if link is None:
            raise VersionMissing(f"{root} of {tag}", f"the version is not linked to a {root}")
        other = state.project.of_kind(parse_kind(root))
        _, commit = resolve(other, other.initialised_metadata().refs(), link.tag)
        check_link(link, commit)
        reports.append(checkout_version(other, link.tag, is_forced=is_forced))
    return reports
