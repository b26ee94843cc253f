"""Rows of lists of repositories: one line of facts for each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import attrs

from entrepot.hub.repos.infos import RepoRow, RevisionInfo, WeightCounts
from entrepot.server.pages.formats import count_text, size_text
from entrepot.wire.texts import legible, one_line

ICONS = {"model": "model", "dataset": "data", "space": "space", "bucket": "store"}
"""Name of the icon of each type of repository; its colour class is ``k-`` and this name."""

MAX_DESCRIPTION = 160
"""Characters of the line about a repository."""

_MAX_READ = 2_000


@attrs.frozen
class RepoLine:
    """A repository in a list."""

    kind: str
    icon: str
    path: str
    namespace: str
    name: str
    is_private: bool
    is_gated: bool
    description: str
    facts: Sequence[str]
    updated_ms: int
    is_archived: bool = False


def repo_rows(found: Iterable[RevisionInfo]) -> list[RepoLine]:
    """Return repositories as rows of a list."""
    return [_row(info) for info in found]


def parameters_of(counts: WeightCounts | None) -> int | None:
    """Return the number of parameters of a model, if the headers of its files state it."""
    return counts.total or None if counts is not None else None


def license_of(card: Mapping[str, object] | None) -> str | None:
    """Return the licence that a card names, as it can be shown on a line."""
    value = (card or {}).get("license")
    return _line_of(value, MAX_DESCRIPTION) or None if isinstance(value, str) else None


def description_of(found: RevisionInfo) -> str:
    """Return one line about a repository: what its card or its folder says, or else the beginning of its card."""
    row = found.info.row
    said = (row.card or {}).get("description")
    text = said if isinstance(said, str) and said.strip() else row.description or row.files.summary or ""
    line = _line_of(text, _MAX_READ)
    if len(line) <= MAX_DESCRIPTION:
        return line
    return line[: MAX_DESCRIPTION - 1].rsplit(" ", 1)[0] + "…"


def facts_of(row: RepoRow, used_bytes: int = 0) -> list[str]:
    """Return the facts in the line of a repository, in the same order on all pages."""
    parameters, licence = parameters_of(row.files.safetensors), license_of(row.card)
    facts = [
        row.pipeline_tag,
        row.library,
        f"{count_text(parameters)} parameters" if parameters else None,
        size_text(used_bytes) if used_bytes else None,
        licence,
        f"{count_text(row.downloads)} download{'s' if row.downloads != 1 else ''}" if row.downloads else None,
        f"{count_text(row.likes)} like{'s' if row.likes != 1 else ''}" if row.likes else None,
    ]
    return [fact for fact in facts if fact]


def _line_of(text: str, most: int) -> str:
    return " ".join(one_line(legible(text), most).split())


def _row(found: RevisionInfo) -> RepoLine:
    row = found.info.row
    return RepoLine(
        row.type.value,
        ICONS[row.type.value],
        row.ref.path,
        row.ref.id.namespace,
        row.ref.id.name,
        row.is_private,
        row.gated != "no",
        description_of(found),
        facts_of(row, found.used_bytes),
        row.updated_ms,
        row.is_archived,
    )
