"""Updates of the metadata in a repository's README on the hub."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from entrepot.cards import CardData, merge_metadata
from entrepot.errors import BranchMoved, EntryNotFound, InvalidArgument
from entrepot.hf.api import default_api
from entrepot.hf.cards.cards import DatasetCard, ModelCard, RepoCard, SpaceCard
from entrepot.hf.shapes.addresses import CommitInfo
from entrepot.names import RepoType, parse_repo_type

_CARDS: dict[RepoType, type[RepoCard]] = {
    RepoType.MODEL: ModelCard,
    RepoType.DATASET: DatasetCard,
    RepoType.SPACE: SpaceCard,
}
_TRIES = 5


def metadata_update(
    repo_id: str,
    metadata: Mapping[str, Any],
    *,
    repo_type: str | None = None,
    overwrite: bool = False,
    token: str | bool | None = None,
    commit_message: str | None = None,
    commit_description: str | None = None,
    revision: str | None = None,
    create_pr: bool = False,
    parent_commit: str | None = None,
) -> CommitInfo:
    """Update the metadata in the README of a repository in one commit; a missing README is created from a template.

    Args:
        metadata: keys and values to set; results under ``model-index`` are merged
            individually with those of the card.
        overwrite: whether existing values may be replaced.
        revision: the branch; None is main.
        create_pr: open a pull request with the commit.
        parent_commit: the commit that must be the head of the branch. None pins the head
            that the README was read from, and retries if another client commits
            first, so no change is lost.

    Raises:
        InvalidArgument: a value differs from the existing one and
            ``overwrite`` is False, the hub refuses the card, or a
            space has no README.
        BranchMoved: ``parent_commit`` is not the head, or other clients committed first in every attempt.
    """
    card_class = _CARDS[parse_repo_type(repo_type)]
    kind = card_class.repo_type
    for attempt in range(_TRIES):
        info = default_api().repo_info(repo_id, repo_type=kind, revision=revision, token=token)
        card = _card(card_class, repo_id, info.sha, token)
        merge_metadata(card.data, metadata, repo_id=repo_id, overwrite=overwrite)
        try:
            return card.push_to_hub(
                repo_id,
                token=token,
                repo_type=kind,
                commit_message=commit_message or "Update metadata with entrepot",
                commit_description=commit_description,
                revision=revision,
                create_pr=create_pr,
                parent_commit=parent_commit or info.sha,
            )
        except BranchMoved:
            if parent_commit is not None or attempt == _TRIES - 1:
                raise
    raise AssertionError("the last attempt returns or raises")


def _card(card_class: type[RepoCard], repo_id: str, commit: str | None, token: str | bool | None) -> RepoCard:
    try:
        return card_class.load(repo_id, token=token, revision=commit)
    except EntryNotFound as error:
        if card_class is SpaceCard:
            raise InvalidArgument(f"the space {repo_id} has no README.md to update") from error
        return card_class.from_template(CardData())
