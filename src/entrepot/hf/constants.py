"""Constants of huggingface_hub: names of model files, and repository types."""

from __future__ import annotations

CONFIG_NAME = "config.json"
FLAX_WEIGHTS_NAME = "flax_model.msgpack"
PYTORCH_WEIGHTS_NAME = "pytorch_model.bin"
TF2_WEIGHTS_NAME = "tf_model.h5"
TF_WEIGHTS_NAME = "model.ckpt"

REPO_TYPE_DATASET = "dataset"
REPO_TYPE_MODEL = "model"
REPO_TYPE_SPACE = "space"
