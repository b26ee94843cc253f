"""Queries on the tags of repositories, by which lists are filtered: those of cards, and labels.

A label that the card has as a tag too is one tag.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from entrepot.catalog import tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.engines import insert_missing
from entrepot.catalog.prepared import PreparedForList
from entrepot.names import RepoType

_R = tables.repos
_T = tables.repo_tags
_FIRST_LABEL = 1_000_000
"""Position of the first label among the tags of a repository."""
_UNTAG = sa.delete(_T).where(_T.c.repo_id == sa.bindparam("repo"))
_UNLABEL = _UNTAG.where(_T.c.is_label.is_(True))
_PLACE = sa.select(_R.c.labels, _R.c.mark).where(_R.c.id == sa.bindparam("repo")).with_for_update(key_share=True)
"""Labels and mark, which no other transaction changes until this one ends, as for :func:`marks.marks_of`."""
_TAGS = PreparedForList(
    _T.c.repo_id, lambda wanted: sa.select(_T.c.repo_id, _T.c.tag).where(wanted).order_by(_T.c.position)
)


def tags_of(tx: Read, ids: Sequence[int]) -> dict[int, list[str]]:
    """Return the tags of several repositories: those of the card in its order, then labels in their order."""
    found: dict[int, list[str]] = {}
    for repo_id, tag in _TAGS.all(tx, ids):
        found.setdefault(repo_id, []).append(tag)
    return found


def ask_ahead(tx: Read, ids: Sequence[int]) -> None:
    """Announce that :func:`tags_of` will be called."""
    _TAGS.ask_ahead(tx, ids)


def public_tags(tx: Read, kind: RepoType) -> dict[str, int]:
    """Return every tag of public repositories of a type, alphabetically, with its number of repositories."""
    tags = _T
    query = (
        sa.select(tags.c.tag, sa.func.count())
        .join(_R, _R.c.id == tags.c.repo_id)
        .where((_R.c.type == kind.value) & (_R.c.visibility == "public") & _R.c.deleted_ms.is_(None))
        .group_by(tags.c.tag)
        .order_by(tags.c.tag)
    )
    return {row.tag: row[1] for row in tx.sql.execute(query)}


def public_words(tx: Read, kind: RepoType) -> tuple[frozenset[str], frozenset[str]]:
    """Return the pipeline tags and the libraries that public repositories of a type declare."""
    shown = (_R.c.type == kind.value) & (_R.c.visibility == "public") & _R.c.deleted_ms.is_(None)
    # A function keeps SQLite from scanning an index in which words of private repositories are too.
    words = [sa.func.coalesce(column, "") for column in (_R.c.pipeline_tag, _R.c.library)]
    pipelines, libraries = (
        frozenset(tx.sql.execute(sa.select(word).where(shown & (word != "")).distinct()).scalars()) for word in words
    )
    return pipelines, libraries


def set_card_tags(tx: Write, repo_id: int, tags: Sequence[str]) -> None:
    """Replace the tags of a repository's card; its labels stay."""
    tx.sql.execute(_UNTAG, {"repo": repo_id})
    labels, mark = tx.sql.execute(_PLACE, {"repo": repo_id}).one()
    if tags:
        same = {"repo_id": repo_id, "is_label": False, "mark": mark}
        tx.sql.execute(sa.insert(_T), [{**same, "tag": tag, "position": i} for i, tag in enumerate(tags)])
    _add_labels(tx, repo_id, labels, mark)


def set_labels(tx: Write, repo_id: int, labels: Sequence[str]) -> None:
    """Replace the tags that come from labels; those of the card stay."""
    tx.sql.execute(_UNLABEL, {"repo": repo_id})
    add_labels(tx, repo_id, labels)


def add_labels(tx: Write, repo_id: int, labels: Sequence[str]) -> None:
    """Add labels as tags, after those of the card."""
    if labels:
        _add_labels(tx, repo_id, labels, tx.sql.execute(_PLACE, {"repo": repo_id}).one().mark)


def _add_labels(tx: Write, repo_id: int, labels: Sequence[str], mark: int) -> None:
    same = {"repo_id": repo_id, "is_label": True, "mark": mark}
    insert_missing(tx, _T, [{**same, "tag": label, "position": _FIRST_LABEL + i} for i, label in enumerate(labels)])
