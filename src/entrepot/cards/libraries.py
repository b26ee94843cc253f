"""The library and the weight formats of a model, by its files.

Source: docs/protocols/metadata.md, section 2.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping

from entrepot.cards.yaml_values import JsonValue

TRANSFORMERS = "transformers"

# A library and the files in the root folder that only it writes; the first that is there decides.
_LIBRARIES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("diffusers", re.compile(r"(?:modular_)?model_index\.json")),
    ("setfit", re.compile(r"config_setfit\.json")),
    ("sentence-transformers", re.compile(r"config_sentence_transformers\.json|modules\.json")),
    ("open_clip", re.compile(r"open_clip_config\.json")),
    ("gliner", re.compile(r"gliner_config\.json")),
    ("nemo", re.compile(r".*\.nemo")),
    ("speechbrain", re.compile(r"hyperparams\.yaml")),
    ("sklearn", re.compile(r"sklearn_model\.joblib|.*\.skops")),
    ("keras", re.compile(r".*\.keras|keras_metadata\.pb")),
    ("tf-keras", re.compile(r"saved_model\.pb")),
    ("coreml", re.compile(r".*\.(?:mlmodel|mlpackage)")),
)
_FORMATS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("pytorch", re.compile(r"(?:pytorch_model|adapter_model|diffusion_pytorch_model).*\.bin|.*\.(?:pt|pth)")),
    ("tf", re.compile(r"tf_model.*\.h5|.*\.ckpt\.index")),
    ("jax", re.compile(r"flax_model.*\.msgpack")),
    ("safetensors", re.compile(r".*\.safetensors")),
    ("onnx", re.compile(r".*\.onnx")),
    ("gguf", re.compile(r".*\.gguf")),
    ("joblib", re.compile(r".*\.(?:joblib|skops)")),
    ("tflite", re.compile(r".*\.tflite")),
    ("coreml", re.compile(r".*\.(?:mlmodel|mlpackage)")),
    ("openvino", re.compile(r"openvino_.*\.xml")),
    ("tensorboard", re.compile(r".*tfevents.*")),
)

_GGUF_PARTS = re.compile(r"mmproj|imatrix", re.IGNORECASE)

FORMATS = frozenset(name for name, _ in _FORMATS)
"""Tags that a model gets because of the formats of its weights."""


def find_library(paths: Iterable[str], documents: Mapping[str, Mapping[str, JsonValue]]) -> str | None:
    """Return the library that loads a model, judged by its files alone; None if they do not say.

    ``config.json`` alone says nothing: it means transformers only if it names architectures or a version
    of transformers, and timm if it names a timm architecture.

    Args:
        paths: the files of the repository.
        documents: JSON files of the root folder, by name.
    """
    if adapter := documents.get("adapter_config.json"):
        return "peft" if "peft_type" in adapter else "adapter-transformers"
    at_top = [path for path in paths if "/" not in path]
    for library, pattern in _LIBRARIES:
        if any(pattern.fullmatch(name) for name in at_top):
            return library
    config = documents.get("config.json", {})
    if "architecture" in config and ("num_classes" in config or "pretrained_cfg" in config):
        return "timm"
    if "architectures" in config or "transformers_version" in config or "auto_map" in config:
        return TRANSFORMERS
    return None


def format_tags(paths: Iterable[str]) -> tuple[str, ...]:
    """Return the formats of a model's weights, in a fixed order."""
    names = {posixpath.basename(path) for path in paths}
    return tuple(tag for tag, pattern in _FORMATS if any(pattern.fullmatch(name) for name in names))


def find_gguf(paths: Iterable[str]) -> str | None:
    """Return the GGUF file that stands for a model, the first that holds the model itself; None without one.

    Files for pictures (``mmproj-*.gguf``) and matrices of importance come last: no program runs them on their own.
    """
    found = [path for path in paths if path.endswith(".gguf")]
    return min(found, key=lambda path: bool(_GGUF_PARTS.search(posixpath.basename(path))), default=None)
