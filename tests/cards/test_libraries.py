from __future__ import annotations

from typing import Any

import pytest

from entrepot.cards.libraries import find_gguf, find_library, format_tags


@pytest.mark.parametrize(
    ("paths", "documents", "library"),
    [
        ([], {}, None),
        (["config.json", "model.safetensors"], {"config.json": {"hidden": 3}}, None),
        (["config.json"], {"config.json": {"architectures": ["BertModel"]}}, "transformers"),
        (["config.json"], {"config.json": {"transformers_version": "5.0"}}, "transformers"),
        (["config.json"], {"config.json": {"architecture": "resnet18", "num_classes": 10}}, "timm"),
        (["model_index.json", "unet/config.json"], {"model_index.json": {}}, "diffusers"),
        (["adapter_config.json", "config.json"], {"adapter_config.json": {"peft_type": "LORA"}}, "peft"),
        (["adapter_config.json"], {"adapter_config.json": {"name": "x"}}, "adapter-transformers"),
        (["modules.json", "config.json"], {"config.json": {"architectures": ["BertModel"]}}, "sentence-transformers"),
        (["folder/model.nemo"], {}, None),
        (["model.nemo"], {}, "nemo"),
        (["q4/model-q4.gguf"], {}, None),
    ],
)
def test_files_tell_the_library(paths: list[str], documents: dict[str, Any], library: str | None) -> None:
    assert find_library(paths, documents) == library


@pytest.mark.parametrize(
    ("paths", "tags"),
    [
        ([], ()),
        (["pytorch_model-00001-of-00002.bin"], ("pytorch",)),
        (["unet/diffusion_pytorch_model.safetensors"], ("safetensors",)),
        (["tf_model.h5", "flax_model.msgpack"], ("tf", "jax")),
        (["q4/model-q4.gguf", "onnx/model.onnx"], ("onnx", "gguf")),
        (["sklearn.joblib"], ("joblib",)),
        (["training_args.bin"], ()),
    ],
)
def test_files_tell_the_formats_of_weights(paths: list[str], tags: tuple[str, ...]) -> None:
    assert format_tags(paths) == tags


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        ((), None),
        (("README.md", "model.safetensors"), None),
        (("q4/m.gguf",), "q4/m.gguf"),
        (("b.gguf", "a/m.gguf"), "b.gguf"),
        (("mmproj-F16.gguf", "m.gguf"), "m.gguf"),
        (("m.imatrix.gguf", "q4/mmproj.gguf", "q4/m.gguf"), "q4/m.gguf"),
        (("mmproj.gguf",), "mmproj.gguf"),
    ],
)
def test_the_first_gguf_file_that_holds_the_model_stands_for_it(paths: tuple[str, ...], found: str | None) -> None:
    assert find_gguf(paths) == found
