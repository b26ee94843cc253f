"""The metadata of a card as an object with one attribute per field, convertible to a mapping or to YAML.

The fields and their order are those of huggingface_hub 2.4.0, ``repocard_data.py``.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from entrepot.cards.evaluations import EvalResult, eval_results_to_model_index, model_index_to_eval_results
from entrepot.cards.rendering import render_yaml
from entrepot.errors import InvalidArgument


class CardData:
    """The metadata of any card: attributes are keys, and the object supports the operations of a mapping.

    Keys that are not Python identifiers (``train-eval-index``) are accessed as
    ``data["train-eval-index"]``. Keys with the value None are not written.
    """

    def __init__(self, ignore_metadata_errors: bool = False, **kwargs: object) -> None:
        self.__dict__.update(kwargs)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...  # noqa: ANN401 - metadata are what their authors wrote

    def to_dict(self) -> dict[str, Any]:
        """Return a deep copy as a mapping, in the form of the README, without None values."""
        data = copy.deepcopy(self.__dict__)
        self._to_dict(data)
        return {key: value for key, value in data.items() if value is not None}

    def _to_dict(self, data_dict: dict[str, Any]) -> None:
        """Modify the mapping before it is written; a hook for subclasses."""

    def to_yaml(self, line_break: str | None = None, original_order: Sequence[str] | None = None) -> str:
        """Return the metadata as YAML, without a final line ending.

        Args:
            line_break: between the lines; None means LF.
            original_order: keys to write first, in this order, if they are set.

        Raises:
            InvalidArgument: a value cannot be written as YAML.
        """
        data = self.to_dict()
        order = [key for key in original_order or () if key in data]
        ordered = {key: data[key] for key in dict.fromkeys((*order, *data))}
        return render_yaml(ordered, line_break=line_break).strip()

    def __repr__(self) -> str:
        return repr(self.__dict__)

    def __str__(self) -> str:
        return self.to_yaml()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]  # metadata change

    def get(self, key: str, default: object = None) -> Any:  # noqa: ANN401 - as above
        """Return the value of a key, or ``default`` if it is absent or None."""
        value = self.__dict__.get(key)
        return default if value is None else value

    def pop(self, key: str, default: object = None) -> Any:  # noqa: ANN401 - as above
        """Remove a key and return its value, or ``default`` if it is absent."""
        return self.__dict__.pop(key, default)

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 - as above
        return self.__dict__[key]

    def __setitem__(self, key: str, value: object) -> None:
        self.__dict__[key] = value

    def __contains__(self, key: str) -> bool:
        return key in self.__dict__

    def __len__(self) -> int:
        return len(self.__dict__)


class ModelCardData(CardData):
    """The metadata of a model card.

    Args:
        eval_results: one or several results; they need a ``model_name`` and
            are written as ``model-index``.
        license_name: with ``license_link``, for ``license="other"``.
        tags: duplicates are removed.
        ignore_metadata_errors: omit a model-index that cannot be read, and do not check ``eval_results``.
        kwargs: additional keys; ``model-index`` is read into ``eval_results``.

    Raises:
        InvalidArgument: there are results but no model name, or the ``model-index`` cannot be read.
    """

    def __init__(  # one argument per key: the signature is huggingface_hub's
        self,
        *,
        base_model: str | list[str] | None = None,
        datasets: str | list[str] | None = None,
        eval_results: EvalResult | list[EvalResult] | None = None,
        language: str | list[str] | None = None,
        library_name: str | None = None,
        license: str | None = None,
        license_name: str | None = None,
        license_link: str | None = None,
        metrics: list[str] | None = None,
        model_name: str | None = None,
        pipeline_tag: str | None = None,
        tags: list[str] | str | None = None,
        ignore_metadata_errors: bool = False,
        **kwargs: Any,  # noqa: ANN401 - as above
    ) -> None:
        self.base_model = base_model
        self.datasets = datasets
        self.eval_results: list[EvalResult] | None = None
        self.language = language
        self.library_name = library_name
        self.license = license
        self.license_name = license_name
        self.license_link = license_link
        self.metrics = metrics
        self.model_name = model_name
        self.pipeline_tag = pipeline_tag
        self.tags = unique(tags)
        index = kwargs.pop("model-index", None)
        super().__init__(**kwargs)
        try:
            if index:
                self.model_name, eval_results = _read_index(index)
            self.eval_results = _checked_results(eval_results, self.model_name)
        except InvalidArgument:
            if not ignore_metadata_errors:
                raise
            self.eval_results = eval_results  # type: ignore[assignment]  # unchanged: the caller disabled checks

    def _to_dict(self, data_dict: dict[str, Any]) -> None:
        if self.eval_results is not None:
            data_dict["model-index"] = eval_results_to_model_index(self.model_name, self.eval_results)
            del data_dict["eval_results"], data_dict["model_name"]


class DatasetCardData(CardData):
    """The metadata of a dataset card; ``train_eval_index`` is written as ``train-eval-index``."""

    def __init__(  # one argument per key: the signature is huggingface_hub's
        self,
        *,
        language: str | list[str] | None = None,
        license: str | list[str] | None = None,
        annotations_creators: str | list[str] | None = None,
        language_creators: str | list[str] | None = None,
        multilinguality: str | list[str] | None = None,
        size_categories: str | list[str] | None = None,
        source_datasets: list[str] | None = None,
        task_categories: str | list[str] | None = None,
        task_ids: str | list[str] | None = None,
        paperswithcode_id: str | None = None,
        pretty_name: str | None = None,
        train_eval_index: dict[str, Any] | list[Any] | None = None,
        config_names: str | list[str] | None = None,
        ignore_metadata_errors: bool = False,
        **kwargs: Any,  # noqa: ANN401 - as above
    ) -> None:
        self.annotations_creators = annotations_creators
        self.language_creators = language_creators
        self.language = language
        self.license = license
        self.multilinguality = multilinguality
        self.size_categories = size_categories
        self.source_datasets = source_datasets
        self.task_categories = task_categories
        self.task_ids = task_ids
        self.paperswithcode_id = paperswithcode_id
        self.pretty_name = pretty_name
        self.config_names = config_names
        self.train_eval_index = train_eval_index or kwargs.pop("train-eval-index", None)
        super().__init__(**kwargs)

    def _to_dict(self, data_dict: dict[str, Any]) -> None:
        data_dict["train-eval-index"] = data_dict.pop("train_eval_index")


class SpaceCardData(CardData):
    """The metadata of a space card: how the space is shown and run."""

    def __init__(  # one argument per key: the signature is huggingface_hub's
        self,
        *,
        title: str | None = None,
        sdk: str | None = None,
        sdk_version: str | None = None,
        python_version: str | None = None,
        app_file: str | None = None,
        app_port: int | None = None,
        license: str | None = None,
        duplicated_from: str | None = None,
        models: list[str] | None = None,
        datasets: list[str] | None = None,
        tags: list[str] | str | None = None,
        ignore_metadata_errors: bool = False,
        **kwargs: Any,  # noqa: ANN401 - as above
    ) -> None:
        self.title = title
        self.sdk = sdk
        self.sdk_version = sdk_version
        self.python_version = python_version
        self.app_file = app_file
        self.app_port = app_port
        self.license = license
        self.duplicated_from = duplicated_from
        self.models = models
        self.datasets = datasets
        self.tags = unique(tags)
        super().__init__(**kwargs)


def unique(tags: list[str] | str | None) -> list[str] | None:
    """Return the tags without duplicates, in order of first appearance; a string is a list of one tag."""
    if tags is None:
        return None
    return list(dict.fromkeys([tags] if isinstance(tags, str) else tags))


def _read_index(index: Any) -> tuple[str, list[EvalResult]]:  # noqa: ANN401 - comes from a README
    try:
        return model_index_to_eval_results(index)
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidArgument(
            f"the model-index of the metadata cannot be read ({type(error).__name__}: {error}); "
            "pass ignore_metadata_errors=True to leave it out"
        ) from error


def _checked_results(results: EvalResult | list[EvalResult] | None, name: str | None) -> list[EvalResult] | None:
    if results is None:
        return None
    listed = [results] if isinstance(results, EvalResult) else results
    if not isinstance(listed, list) or not all(isinstance(result, EvalResult) for result in listed):
        raise InvalidArgument(
            f"`eval_results` should be of type `EvalResult` or a list of `EvalResult`, not {type(results).__name__}"
        )
    if listed and name is None:
        raise InvalidArgument(
            "passing `eval_results` requires `model_name` to be set: the name of the model they belong to"
        )
    return listed
