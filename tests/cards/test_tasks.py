from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from entrepot.cards.tasks import ModelClass, can_chat, classify, classify_config


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("BertForSequenceClassification", "text-classification"),
        ("TFBertForSequenceClassification", "text-classification"),
        ("Wav2Vec2ForSequenceClassification", "audio-classification"),
        ("GPT2LMHeadModel", "text-generation"),
        ("XLMWithLMHeadModel", "fill-mask"),
        ("FuyuForCausalLM", "image-text-to-text"),
        ("LlavaForConditionalGeneration", "image-text-to-text"),
        ("WhisperForConditionalGeneration", "automatic-speech-recognition"),
        ("TapasForQuestionAnswering", "table-question-answering"),
        ("DetrForSegmentation", "image-segmentation"),
        ("CLIPModel", "zero-shot-image-classification"),
        ("ViTModel", "image-feature-extraction"),
        ("BertModel", "feature-extraction"),
        ("PerceiverForImageClassificationLearned", "image-classification"),
        ("ClvpModelForConditionalGeneration", "feature-extraction"),
        ("Blip2ForConditionalGeneration", "visual-question-answering"),
    ],
)
def test_the_class_tells_the_task(name: str, task: str) -> None:
    found = classify(name)
    assert found is not None
    assert found.task == task


def test_text_to_text_has_no_present_task() -> None:
    assert classify("T5ForConditionalGeneration") == ModelClass(None, "AutoModelForSeq2SeqLM")


def recorded_classes() -> Iterator[tuple[str, ModelClass]]:
    """Yield the classes of ``transformers_classes.txt``."""
    of = ModelClass(None, "")
    for line in Path(__file__).with_name("transformers_classes.txt").read_text().splitlines():
        if line.startswith("  "):
            yield from ((name, of) for name in line.split())
        elif not line.startswith("#"):
            task, auto_class = line.split()
            of = ModelClass(None if task == "-" else task, auto_class)


def test_every_class_of_transformers_has_the_task_of_its_tables() -> None:
    recorded = dict(recorded_classes())
    assert len(recorded) == 1_510
    wrong = {name: (classify(name), of) for name, of in recorded.items() if classify(name) != of}
    assert wrong == {}


def test_other_names_tell_nothing() -> None:
    assert classify("Perceptron") is None


@pytest.mark.parametrize(
    ("config", "auto_class"),
    [
        ({"auto_map": {"AutoModelForCausalLM": "a.B", "AutoModel": "a.C"}}, "AutoModelForCausalLM"),
        ({"auto_map": {"AutoModel": "a.C", "AutoConfig": "a.D"}}, "AutoModel"),
        ({"auto_map": {"AutoModelForPreTraining": "a.B", "AutoModelForMaskedLM": "a.C"}}, "AutoModelForMaskedLM"),
        ({"auto_map": {"AutoModelForPreTraining": "a.B"}}, "AutoModelForPreTraining"),
        ({"architectures": ["BertForMaskedLM"]}, "AutoModelForMaskedLM"),
        ({"architectures": "BertForMaskedLM"}, None),
        ({"architectures": [3]}, None),
        ({}, None),
    ],
)
def test_the_configuration_names_the_class(config: dict[str, Any], auto_class: str | None) -> None:
    found = classify_config(config)
    assert (found.auto_class if found else None) == auto_class


def test_only_models_that_generate_text_chat() -> None:
    assert can_chat("text-generation", has_template=True)
    assert not can_chat("text-generation", has_template=False)
    assert not can_chat("fill-mask", has_template=True)
