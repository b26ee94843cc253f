"""Tags derived from the names of a repository's files."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable

_WEIGHTS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("diffusers", re.compile(r"model_index\.json")),
    ("peft", re.compile(r"adapter_config\.json")),
    ("sentence-transformers", re.compile(r"config_sentence_transformers\.json")),
    ("keras", re.compile(r"saved_model\.pb|.*\.keras|keras_metadata\.pb")),
    ("nemo", re.compile(r".*\.nemo")),
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
_OTHER_LIBRARIES = frozenset({"diffusers", "peft", "sentence-transformers", "keras", "nemo"})

_FORMATS = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".arrow": "arrow",
    ".txt": "text",
    ".tar": "webdataset",
}
_MODALITIES = {
    **dict.fromkeys((".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff"), "image"),
    **dict.fromkeys((".wav", ".mp3", ".flac", ".ogg", ".m4a", ".opus"), "audio"),
    **dict.fromkeys((".mp4", ".mkv", ".avi", ".webm", ".mov"), "video"),
    **dict.fromkeys((".pdf",), "document"),
    **dict.fromkeys((".txt",), "text"),
    **dict.fromkeys((".ply", ".glb", ".obj", ".stl"), "3d"),
}
# Files that describe a repository instead of being its data.
_DESCRIPTIONS = frozenset({"dataset_infos.json", "dataset_info.json", "state.json", "license.txt", "requirements.txt"})


def library_tags(paths: Iterable[str]) -> tuple[str, ...]:
    """Return the libraries and weight formats of a model's files, in a fixed order.

    A ``config.json`` in the root folder without a more specific file means
    ``transformers``, as on the public hub.
    """
    names: set[str] = set()
    at_top: set[str] = set()
    for path in paths:
        folder, name = posixpath.split(path)
        names.add(name)
        if not folder:
            at_top.add(name)
    found = [tag for tag, pattern in _WEIGHTS if any(pattern.fullmatch(name) for name in names)]
    if "config.json" in at_top and not _OTHER_LIBRARIES & set(found):
        found.insert(0, "transformers")
    return tuple(found)


def content_tags(paths: Iterable[str]) -> tuple[str, ...]:
    """Return the ``format:…`` and ``modality:…`` tags of a dataset's files, sorted.

    A folder of images has the format ``imagefolder``; audio and video likewise.
    """
    formats: set[str] = set()
    modalities: set[str] = set()
    for path in paths:
        name = posixpath.basename(path).lower()
        if name.startswith(".") or name in _DESCRIPTIONS:
            continue
        extension = posixpath.splitext(name.removesuffix(".gz").removesuffix(".zst"))[1]
        if extension in _FORMATS:
            formats.add(_FORMATS[extension])
        if extension in _MODALITIES:
            modalities.add(_MODALITIES[extension])
    formats |= {f"{modality}folder" for modality in modalities & {"image", "audio", "video"}}
    return (*(f"format:{name}" for name in sorted(formats)), *(f"modality:{name}" for name in sorted(modalities)))
