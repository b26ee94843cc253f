"""Lists of models, datasets and spaces, with filters."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import attrs

from entrepot.client.calls import pairs, repos
from entrepot.client.calls.repos import Filter
from entrepot.errors import InvalidArgument
from entrepot.hf.base import Base
from entrepot.hf.shapes.repos import DatasetInfo, ModelInfo, SpaceInfo, dataset_of, model_of, space_of
from entrepot.names import RepoType
from entrepot.wire.repos.repositories import WiderRepoInfo

Words = str | Iterable[str] | None

_SORTS = {"last_modified": "lastModified", "trending_score": "trendingScore", "created_at": "createdAt"}


class Listings(Base):
    """Methods that list repositories; all filters that are passed must match."""

    def list_models(
        self,
        *,
        filter: Words = None,
        author: str | None = None,
        apps: Words = None,
        gated: bool | None = None,
        inference: str | None = None,
        inference_provider: Words = None,
        library: Words = None,
        language: Words = None,
        model_name: str | None = None,
        task: Words = None,
        trained_dataset: Words = None,
        tags: Words = None,
        search: str | None = None,
        pipeline_tag: str | None = None,
        num_parameters: str | None = None,
        emissions_thresholds: tuple[float, float] | None = None,
        sort: str | None = None,
        direction: int | None = None,
        limit: int | None = None,
        expand: Words = None,
        full: bool | None = None,
        cardData: bool = False,  # noqa: N803 - name in huggingface_hub
        fetch_config: bool = False,
        archived: bool | None = None,
        token: str | bool | None = None,
    ) -> Iterator[ModelInfo]:
        """List models; pages are fetched as needed.

        Args:
            filter, library, language, task, tags: tags that a model must have.
            trained_dataset: datasets that it must be tagged with, with or without ``dataset:``.
            search, model_name: substrings of the model id.
            emissions_thresholds: lowest and highest emissions in grams of CO₂, as
                stated on the model card; needs ``cardData``.
            sort: ``last_modified``, ``created_at``, ``downloads``, ``likes``, ``trending_score``
                or, on this hub, ``size``; descending, unless ``direction`` is 1.
            limit: maximum number of models; None returns all.
            archived: only archived ones, or (False) only others; a filter of entrepot only.
            expand: return only these properties; excludes ``full``, ``cardData`` and ``fetch_config``.

        Raises:
            InvalidArgument: two arguments exclude each other.
            Invalid: the hub does not accept a value; raised by the first iteration.
        """
        wanted = Filter(
            search=_joined(search, model_name),
            author=author,
            tags=(*_words(filter, library, language, task, tags), *_prefixed("dataset", trained_dataset)),
            pipeline_tag=pipeline_tag,
            gated=gated,
            archived=archived,
            card_data=cardData or None,
            config=fetch_config or None,
            extra=_runnable(apps, inference, inference_provider, num_parameters),
        )
        found = self._found(RepoType.MODEL, wanted, sort, direction, limit, expand, full, token)
        return _emitting(map(model_of, found), emissions_thresholds, cardData)

    def list_datasets(
        self,
        *,
        filter: Words = None,
        author: str | None = None,
        benchmark: str | bool | None = None,
        dataset_name: str | None = None,
        gated: bool | None = None,
        language_creators: Words = None,
        language: Words = None,
        multilinguality: Words = None,
        size_categories: Words = None,
        task_categories: Words = None,
        task_ids: Words = None,
        search: str | None = None,
        sort: str | None = None,
        direction: int | None = None,
        limit: int | None = None,
        expand: Words = None,
        full: bool | None = None,
        archived: bool | None = None,
        token: str | bool | None = None,
    ) -> Iterator[DatasetInfo]:
        """List datasets; pages are fetched as needed.

        Args:
            benchmark, language_creators, language, multilinguality, size_categories, task_categories, task_ids:
                tags of these kinds that a dataset must have.
            search, dataset_name: substrings of the dataset id.
            others: as for :meth:`list_models`.

        Raises:
            InvalidArgument, Invalid: as :meth:`list_models`.
        """
        official = "official" if benchmark is True else benchmark or None
        wanted = Filter(
            search=_joined(search, dataset_name),
            author=author,
            tags=(
                *_words(filter),
                *_prefixed("language_creators", language_creators),
                *_prefixed("language", language),
                *_prefixed("multilinguality", multilinguality),
                *_prefixed("size_categories", size_categories),
                *_prefixed("task_categories", task_categories),
                *_prefixed("task_ids", task_ids),
                *_prefixed("benchmark", official),
            ),
            gated=gated,
            archived=archived,
        )
        return map(dataset_of, self._found(RepoType.DATASET, wanted, sort, direction, limit, expand, full, token))

    def list_spaces(
        self,
        *,
        filter: Words = None,
        author: str | None = None,
        search: str | None = None,
        datasets: Words = None,
        models: Words = None,
        linked: bool = False,
        sort: str | None = None,
        direction: int | None = None,
        limit: int | None = None,
        expand: Words = None,
        full: bool | None = None,
        archived: bool | None = None,
        token: str | bool | None = None,
    ) -> Iterator[SpaceInfo]:
        """List spaces; pages are fetched as needed.

        Args:
            datasets, models: ids of datasets or models that a space must use.
            linked: only spaces that use any model or dataset.
            others: as for :meth:`list_models`.

        Raises:
            InvalidArgument, Invalid: as :meth:`list_models`.
        """
        wanted = Filter(
            search=search,
            author=author,
            tags=_words(filter),
            archived=archived,
            extra=pairs(datasets=_words(datasets), models=_words(models), linked=linked or None),
        )
        return map(space_of, self._found(RepoType.SPACE, wanted, sort, direction, limit, expand, full, token))

    def _found(
        self,
        kind: RepoType,
        wanted: Filter,
        sort: str | None,
        direction: int | None,
        limit: int | None,
        expand: Words,
        full: bool | None,
        token: str | bool | None,
    ) -> Iterator[WiderRepoInfo]:
        properties = _words(expand)
        if properties and (full or wanted.card_data or wanted.config):
            raise InvalidArgument("expand cannot be combined with full, cardData or fetch_config")
        if limit is not None and limit < 0:
            raise InvalidArgument("limit must not be negative")
        call = repos.page(
            kind,
            attrs.evolve(
                wanted,
                sort=_SORTS.get(sort, sort) if sort is not None else None,
                direction=direction,
                # The page size: at most the total that was requested, and at most what the hub allows.
                limit=min(limit, 1000) if limit else None,
                expand=properties,
                full=full,
            ),
        )
        if limit == 0:
            return iter(())
        return itertools.islice(self._hub(token).pages(call), limit)


def _words(*values: Words) -> tuple[str, ...]:
    found: list[str] = []
    for value in values:
        if value is not None:
            found.extend((value,) if isinstance(value, str) else value)
    return tuple(found)


def _prefixed(prefix: str, value: Words) -> tuple[str, ...]:
    return tuple(word if word.startswith(f"{prefix}:") else f"{prefix}:{word}" for word in _words(value))


def _runnable(
    apps: Words, inference: str | None, provider: Words, parameters: str | None
) -> tuple[tuple[str, str], ...]:
    """Return the filters about running a model as pairs of the query string."""
    return pairs(apps=_words(apps), inference=inference, inference_provider=_words(provider), num_parameters=parameters)


def _joined(*words: str | None) -> str | None:
    return " ".join(word for word in words if word) or None


def _emitting(
    models: Iterator[ModelInfo], thresholds: tuple[float, float] | None, with_cards: bool
) -> Iterator[ModelInfo]:
    if thresholds is None:
        return models
    if not with_cards:
        raise InvalidArgument("emissions_thresholds needs cardData=True: emissions are stated on model cards")
    least, most = thresholds
    return (model for model in models if _emits(model, least, most))


def _emits(model: ModelInfo, least: float, most: float) -> bool:
    """Return whether the emissions stated on the card are within the bounds, both inclusive."""
    said: Any = model.card_data.get("co2_eq_emissions") if model.card_data is not None else None
    if isinstance(said, dict):
        said = said.get("emissions")
    try:
        grams = float(str(said).split()[0])
    except (ValueError, IndexError):
        return False
    return least <= grams <= most
