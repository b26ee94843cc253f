from __future__ import annotations

from typing import Any

import pytest

from entrepot.cards import ModelFiles, ModelMetadata, card_fields, describe_model, read_card


def described(documents: dict[str, Any], *paths: str, block: str = "") -> ModelMetadata:
    card = read_card(f"---\n{block}\n---\n" if block else "")
    return describe_model(card, card_fields(card), ModelFiles((*documents, *paths), documents))


BERT = {"architectures": ["BertForSequenceClassification"], "model_type": "bert"}


def test_the_configuration_tells_library_task_and_classes() -> None:
    found = described({"config.json": BERT, "tokenizer_config.json": {"mask_token": {"content": "[MASK]"}}})
    assert (found.library, found.pipeline_tag) == ("transformers", "text-classification")
    assert found.transformers_info == {
        "auto_model": "AutoModelForSequenceClassification",
        "pipeline_tag": "text-classification",
        "processor": "AutoTokenizer",
    }
    assert found.tags == ("transformers", "text-classification", "bert")
    assert found.mask_token == "[MASK]"
    assert found.config == {**BERT, "tokenizer_config": {"mask_token": "[MASK]"}}


def test_the_card_wins() -> None:
    found = described({"config.json": BERT}, block="library_name: mine\npipeline_tag: fill-mask")
    assert (found.library, found.pipeline_tag) == ("mine", "fill-mask")
    assert "transformers" not in found.tags
    assert found.transformers_info is None


def test_an_adapter_names_its_base_model() -> None:
    found = described({"adapter_config.json": {"base_model_name_or_path": "org/base", "peft_type": "LORA"}})
    assert (found.library, found.base_models, found.relation) == ("peft", ("org/base",), "adapter")
    assert found.tags == ("peft", "base_model:org/base", "base_model:adapter:org/base")
    assert found.config == {"peft": {"base_model_name_or_path": "org/base"}}


@pytest.mark.parametrize("name", ["/home/me/model", "./model", "a/b/c", 3, "", "a b"])
def test_a_folder_of_the_trainer_is_no_base_model(name: object) -> None:
    assert described({"adapter_config.json": {"base_model_name_or_path": name}}).base_models == ()


@pytest.mark.parametrize(
    ("paths", "block", "relation"),
    [
        (["model-Q4_K_M.gguf"], "base_model: a/b", "quantized"),
        (["model.safetensors"], "base_model: a/b", "finetune"),
        (["model.safetensors"], "base_model: [a/b, a/c]", "merge"),
        (["model.gguf"], "base_model: a/b\nbase_model_relation: finetune", "finetune"),
    ],
)
def test_files_tell_the_relation_unless_the_card_does(paths: list[str], block: str, relation: str) -> None:
    found = described({}, *paths, block=block)
    assert found.relation == relation
    assert not [tag for tag in found.tags if tag.startswith("base_model")]  # those of the card come with its own tags


def test_a_chat_template_makes_a_model_conversational() -> None:
    config = {"architectures": ["LlamaForCausalLM"]}
    assert "conversational" in described({"config.json": config}, "chat_template.jinja").tags
    assert "conversational" not in described({"config.json": config}).tags


def test_pipelines_of_diffusers_are_named() -> None:
    found = described({"model_index.json": {"_class_name": "StableDiffusionPipeline"}})
    assert (found.library, found.pipeline_tag) == ("diffusers", "text-to-image")
    assert found.config == {"diffusers": {"_class_name": "StableDiffusionPipeline"}}


def test_quantization_is_shown_without_its_details() -> None:
    config = {"quantization_config": {"quant_method": "gptq", "bits": 4, "dataset": "c4"}}
    found = described({"config.json": config}, block="base_model: a/b")
    assert found.config == {"quantization_config": {"quant_method": "gptq", "bits": 4}}
    assert found.relation == "quantized"
