"""README cards: parsing of the metadata block, its meaning, and rendering."""

from entrepot.cards.card_data import CardData, DatasetCardData, ModelCardData, SpaceCardData
from entrepot.cards.dataset_features import declared_features
from entrepot.cards.dataset_files import DatasetFiles, data_format, dataset_tags
from entrepot.cards.dataset_formats import MEDIA_FOLDERS, SEPARATORS
from entrepot.cards.dataset_splits import DatasetConfig, find_configs
from entrepot.cards.evaluations import (
    EvalResult,
    eval_results_to_model_index,
    metadata_eval_result,
    model_index_to_eval_results,
)
from entrepot.cards.front_matter import parse_metadata, split_card
from entrepot.cards.gates import Field, GateForm, check_answers, read_gate
from entrepot.cards.libraries import find_gguf, format_tags
from entrepot.cards.licenses import LICENSES, is_known_license
from entrepot.cards.merging import merge_metadata
from entrepot.cards.metadata import (
    Card,
    CardFields,
    card_fields,
    card_tags,
    read_card,
    read_dataset_card,
    read_metadata,
)
from entrepot.cards.model_files import DOCUMENTS, ModelFiles, ModelMetadata, describe_model
from entrepot.cards.rendering import line_ending, render_template, render_yaml, with_metadata
from entrepot.cards.validation import MISSING_METADATA, Findings, validate_card
from entrepot.cards.yaml_values import JsonValue

__all__ = [
    "DOCUMENTS",
    "LICENSES",
    "MEDIA_FOLDERS",
    "MISSING_METADATA",
    "SEPARATORS",
    "Card",
    "CardData",
    "CardFields",
    "DatasetCardData",
    "DatasetConfig",
    "DatasetFiles",
    "EvalResult",
    "Field",
    "Findings",
    "GateForm",
    "JsonValue",
    "ModelCardData",
    "ModelFiles",
    "ModelMetadata",
    "SpaceCardData",
    "card_fields",
    "card_tags",
    "check_answers",
    "data_format",
    "dataset_tags",
    "declared_features",
    "describe_model",
    "eval_results_to_model_index",
    "find_configs",
    "find_gguf",
    "format_tags",
    "is_known_license",
    "line_ending",
    "merge_metadata",
    "metadata_eval_result",
    "model_index_to_eval_results",
    "parse_metadata",
    "read_card",
    "read_dataset_card",
    "read_gate",
    "read_metadata",
    "render_template",
    "render_yaml",
    "split_card",
    "validate_card",
    "with_metadata",
]
