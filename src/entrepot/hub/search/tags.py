"""The tags of public repositories, sorted by kind."""

from __future__ import annotations

import heapq
import re

import attrs

from entrepot.cards.libraries import FORMATS
from entrepot.cards.metadata import DATASET_KEYS
from entrepot.catalog.repos import repo_tags
from entrepot.hub.context import HubContext
from entrepot.names import RepoType

_PREFIXES = {
    RepoType.MODEL: ("license", "dataset", "region"),
    RepoType.DATASET: (*DATASET_KEYS, "language", "license", "benchmark", "region"),
    RepoType.SPACE: ("license", "model", "dataset", "region"),
}
_PLAIN = {RepoType.MODEL: ("pipeline_tag", "library", "language"), RepoType.DATASET: (), RepoType.SPACE: ()}
MAX_TAGS = 10_000
"""Tags of one kind; anyone may use any word as a tag of a public repository."""

_OTHER = "other"
_FROM_FILES = FORMATS | {"transformers"}
"""Tags that a model gets because of its files."""
_LANGUAGE = re.compile(r"[a-z]{2}")


@attrs.frozen
class SortedTag:
    """A tag with its label, its kind, and the number of repositories that have it."""

    tag: str
    label: str
    kind: str
    count: int


def by_kind(hub: HubContext, kind: RepoType) -> dict[str, list[SortedTag]]:
    """Return the tags of public repositories of a type, by kind; kinds without tags are included.

    Source: docs/protocols/hf_api.md, section 1C (the kinds of the public hub).
    """
    with hub.read() as tx:
        tags = repo_tags.public_tags(tx, kind)
        pipelines, libraries = repo_tags.public_words(tx, kind)
    found: dict[str, list[SortedTag]] = {group: [] for group in (*_PREFIXES[kind], *_PLAIN[kind], _OTHER)}
    for tag, count in tags.items():
        sorted_tag = attrs.evolve(_sort(tag, kind, pipelines, libraries | _FROM_FILES), count=count)
        found[sorted_tag.kind].append(sorted_tag)
    return {group: _most_frequent(items) for group, items in found.items()}


def _most_frequent(items: list[SortedTag]) -> list[SortedTag]:
    """Return tags of one kind in their order, without rare ones if there are more than :data:`MAX_TAGS`."""
    if len(items) <= MAX_TAGS:
        return items
    kept = {item.tag for item in heapq.nlargest(MAX_TAGS, items, key=lambda item: item.count)}
    return [item for item in items if item.tag in kept]


def _sort(tag: str, kind: RepoType, pipelines: frozenset[str], libraries: frozenset[str]) -> SortedTag:
    prefix, _, rest = tag.partition(":")
    if rest and prefix in _PREFIXES[kind]:
        return SortedTag(tag, rest, prefix, 0)
    if _PLAIN[kind]:
        words = (("pipeline_tag", tag in pipelines), ("library", tag in libraries))
        for group, is_one in (*words, ("language", _LANGUAGE.fullmatch(tag) is not None)):
            if is_one:
                return SortedTag(tag, tag, group, 0)
    return SortedTag(tag, tag, _OTHER, 0)
