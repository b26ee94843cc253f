from __future__ import annotations

import pytest

from entrepot.cards import content_tags, library_tags


@pytest.mark.parametrize(
    ("paths", "tags"),
    [
        ([], ()),
        (["README.md", "data/config.json"], ()),
        (["config.json", "model.safetensors"], ("transformers", "safetensors")),
        (["config.json", "pytorch_model-00001-of-00002.bin"], ("transformers", "pytorch")),
        (
            ["model_index.json", "unet/config.json", "unet/diffusion_pytorch_model.safetensors"],
            ("diffusers", "safetensors"),
        ),
        (["adapter_config.json", "adapter_model.bin", "config.json"], ("peft", "pytorch")),
        (["config.json", "tf_model.h5", "flax_model.msgpack"], ("transformers", "tf", "jax")),
        (["q4/model-q4.gguf"], ("gguf",)),
        (["onnx/model.onnx"], ("onnx",)),
        (["sklearn.joblib"], ("joblib",)),
        (["training_args.bin"], ()),
    ],
)
def test_files_tell_the_library(paths: list[str], tags: tuple[str, ...]) -> None:
    assert library_tags(paths) == tags


@pytest.mark.parametrize(
    ("paths", "tags"),
    [
        (["README.md", ".gitattributes", "dataset_infos.json"], ()),
        (["data/train-00000-of-00001.parquet"], ("format:parquet",)),
        (["train.jsonl.gz", "test.CSV"], ("format:csv", "format:json")),
        (["img/1.JPG", "notes.txt"], ("format:imagefolder", "format:text", "modality:image", "modality:text")),
    ],
)
def test_files_tell_format_and_modality(paths: list[str], tags: tuple[str, ...]) -> None:
    assert content_tags(paths) == tags
