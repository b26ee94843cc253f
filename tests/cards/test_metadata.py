from __future__ import annotations

import json
from typing import Any

import attrs
import huggingface_hub
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entrepot.cards import Card, card_fields, card_tags, read_card, read_dataset_card
from entrepot.errors import EntrepotError, Malformed
from entrepot.names import VERSIONED_TYPES, RepoType

# The clients pass JSON to annotated parameters unchecked, hence Any.
MODEL_CARD: Any = huggingface_hub.ModelCardData
CONSTRUCTORS: list[Any] = [MODEL_CARD, huggingface_hub.DatasetCardData, huggingface_hub.SpaceCardData]


def card(block: str, body: str = "") -> Card:
    return read_card(f"---\n{block}\n---\n{body}")


def test_a_readme_without_a_block_is_an_empty_card() -> None:
    assert read_card("# Title") == Card({}, arxiv_ids=())


def test_an_error_names_the_line_of_the_readme() -> None:
    with pytest.raises(Malformed, match="line 5"):
        read_card("\n---\na: 1\nb: 2\nc: 'x' y\n---\n")


def test_papers_are_found_in_links_and_in_text() -> None:
    text = (
        "see https://arxiv.org/abs/1810.04805 and https://arxiv.org/pdf/2106.09685v2.pdf, arXiv:2305.14314, "
        "https://huggingface.co/papers/2401.00001, arxiv.org/abs/hep-th/9901001, again arXiv: 1810.04805, not 123.456"
    )
    assert read_card(text).arxiv_ids == ("1810.04805", "2106.09685", "2305.14314", "2401.00001", "hep-th/9901001")


def test_files_and_features_of_datasets_are_described_by_old_yaml() -> None:
    told = "language: no\nconfigs:\n- config_name: on\n  default: yes\ndataset_info:\n  x: 010\n"
    wanted = {"language": "no", "configs": [{"config_name": True, "default": True}], "dataset_info": {"x": 8}}
    assert read_dataset_card(f"---\n{told}---\n") == wanted
    assert read_dataset_card("---\nviewer: no\n---\n") == {"viewer": "no"}
    assert read_dataset_card("no block") == {}


def test_what_an_alias_refers_to_has_the_version_of_its_place() -> None:
    told = "language: &words [no, 010]\nconfigs:\n- names: &labels [no, 010]\n  tags: *words\nmore: *labels\n"
    old, new = [False, 8], ["no", 10]
    assert read_dataset_card(f"---\n{told}---\n") == {
        "language": new,
        "configs": [{"names": old, "tags": new}],
        "more": old,
    }


def test_a_fault_in_the_card_of_a_dataset_names_its_line() -> None:
    with pytest.raises(Malformed, match="line 4"):
        read_dataset_card("---\nconfigs: no\nx: [\n---\n")


def test_a_model_is_found_by_everything_its_card_says() -> None:
    block = (
        "license: MIT\nlanguage: [en, no]\nlibrary_name: transformers\npipeline_tag: text-generation\n"
        "tags: [chat, en, chat]\ndatasets: [squad, org/data]\nbase_model: org/base\n"
    )
    assert card_tags(card(block, "arXiv:2305.14314"), RepoType.MODEL) == (
        "transformers",
        "text-generation",
        "chat",
        "en",
        "no",
        "arxiv:2305.14314",
        "base_model:org/base",
        "base_model:finetune:org/base",
        "dataset:squad",
        "dataset:org/data",
        "license:mit",
        "region:us",
    )


def test_a_dataset_is_found_by_task_size_and_language() -> None:
    block = "task_categories: [question-answering]\nsize_categories: 1K<n<10K\nlanguage: en\nlicense: [mit, cc0-1.0]"
    assert card_tags(card(block), RepoType.DATASET) == (
        "task_categories:question-answering",
        "size_categories:1K<n<10K",
        "en",
        "language:en",
        "license:mit",
        "license:cc0-1.0",
        "region:us",
    )


def test_a_space_is_found_by_its_sdk() -> None:
    assert card_tags(card("sdk: gradio\ntags: demo"), RepoType.SPACE) == ("gradio", "demo", "region:us")


def test_a_space_is_found_by_the_models_and_datasets_it_uses() -> None:
    block = "sdk: static\nmodels: [a/b]\ndatasets: c/d"
    assert card_tags(card(block), RepoType.SPACE) == ("static", "model:a/b", "dataset:c/d", "region:us")


@pytest.mark.parametrize(
    ("block", "relation"),
    [
        ("base_model: a/b\nbase_model_relation: quantized", "quantized"),
        ("base_model: [a/b, a/c]", "merge"),
        ("base_model: a/b\nlibrary_name: peft", "adapter"),
        ("base_model: a/b\ntags: [GGUF]", "quantized"),
        ("base_model: a/b\nbase_model_relation: nonsense", "finetune"),
    ],
)
def test_the_relation_to_the_base_model_is_read_or_inferred(block: str, relation: str) -> None:
    assert f"base_model:{relation}:a/b" in card_tags(card(block), RepoType.MODEL)


def test_tags_are_clean_short_and_few() -> None:
    long = "x" * 201
    block = f'tags: [" a\\tb ", {long}, "", 3, 1.5, true, ~, {{k: v}}, [n]]'
    assert card_tags(card(block), RepoType.MODEL) == ("a b", "3", "1.5", "true", "region:us")
    many = card("tags: [" + ", ".join(f"t{number}" for number in range(3000)) + "]")
    assert len(card_tags(many, RepoType.MODEL)) == 1000


def test_fields_are_the_first_and_cleaned_values() -> None:
    block = "license: [MIT, other]\nlanguage: en\nlibrary_name: [a, b]\ndatasets: squad\nbase_model: [m, m]"
    fields = card_fields(card(block))
    assert (fields.license, fields.library_name, fields.pipeline_tag) == ("mit", "a", None)
    assert (fields.languages, fields.datasets, fields.base_models) == (("en",), ("squad",), ("m",))


GOOD_INDEX = (
    "model-index:\n- name: m\n  results:\n  - task: {type: t}\n    dataset: {type: d, name: D}\n"
    "    metrics: [{type: acc, value: 0.9}]\n    source: {name: s, url: u}"
)


def test_a_good_model_index_reaches_the_client() -> None:
    data = card_fields(card(GOOD_INDEX)).data
    loaded: Any = MODEL_CARD(**data, ignore_metadata_errors=True)
    assert loaded.eval_results[0].metric_value == 0.9
    assert loaded.to_dict()["model-index"][0]["name"] == "m"


@pytest.mark.parametrize(
    "block",
    [
        "model-index: text",
        "model-index: {name: x}",
        "model-index: [1, 2]",
        GOOD_INDEX.replace("source: {name: s, url: u}", "source: {name: s}"),
        GOOD_INDEX.replace("source: {name: s, url: u}", "source: text"),
        GOOD_INDEX.replace("{type: t}", "[t]"),
        GOOD_INDEX.replace("{type: t}", "{type: [t]}"),
        GOOD_INDEX.replace("0.9}]", "0.9}, 5]"),
        "tags: 5",
        "tags: {a: b}",
        "tags: ~",
        "self: 1",
        "ignore_metadata_errors: 1",
        "eval_results: [1]",
        "get: 1\npop: 2\nto_dict: 3\nto_yaml: 4\n_to_dict: 5\n__class__: 6\n__dict__: 7",
        "1: a\ntrue: b\n~: c\n2024-01-01: d",
        "train-eval-index: 5",
        "license: {a: b}\nlanguage: 5\ndatasets: 6\nbase_model: [[]]",
    ],
)
@pytest.mark.parametrize("constructor", CONSTRUCTORS)
def test_no_card_breaks_a_client(constructor: Any, block: str) -> None:
    data = card_fields(card(block)).data
    loaded = constructor(**data, ignore_metadata_errors=True)
    assert isinstance(loaded.to_dict(), dict)
    assert isinstance(loaded.get("nothing", "default"), str)


words = st.sampled_from(
    [
        "license",
        "language",
        "tags",
        "datasets",
        "base_model",
        "model-index",
        "name",
        "results",
        "task",
        "type",
        "dataset",
        "metrics",
        "value",
        "source",
        "url",
        "self",
        "get",
        "eval_results",
        "library_name",
        "mit",
        "en",
    ]
)
values = st.recursive(
    words | st.none() | st.integers() | st.floats() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4),
    max_leaves=15,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(words, values, max_size=6))
def test_any_metadata_is_tagged_and_reaches_every_client(data: dict[str, object]) -> None:
    read = card(json.dumps(data))
    for repo_type in VERSIONED_TYPES:
        tags = card_tags(read, repo_type)
        assert len(set(tags)) == len(tags)
        assert all(tag and len(tag) <= 200 and tag.isprintable() for tag in tags)
    safe = json.loads(json.dumps(card_fields(read).data, allow_nan=False))
    for constructor in CONSTRUCTORS:
        constructor(**safe, ignore_metadata_errors=True).to_dict()


@given(st.text(alphabet=st.characters(), max_size=200), st.sampled_from(["", "---\n", "---\na: &x "]))
def test_any_readme_is_a_card_or_an_error_of_ours(text: str, start: str) -> None:
    try:
        found = read_card(start + text + "\n---\n")
    except EntrepotError:
        return
    assert attrs.has(type(found))
    assert card_tags(found, RepoType.MODEL)[-1] == "region:us"
