from __future__ import annotations

import dataclasses
import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from entrepot.errors import LibraryMissing
from entrepot.hf.models.torch_mixins import PyTorchModelHubMixin
from entrepot.testing.hubs import RunningHub

if TYPE_CHECKING:
    from huggingface_hub import HfApi as Oracle

has_torch = importlib.util.find_spec("torch") is not None and importlib.util.find_spec("safetensors") is not None
needs_torch = pytest.mark.skipif(not has_torch, reason="PyTorch is not installed")


@dataclasses.dataclass
class Config:
    hidden_size: int = 8
    vocab_size: int = 30
    output_size: int = 4


def model_class() -> Any:
    """Return the model of the integration guide."""
    import torch
    from torch import nn

    class MyModel(nn.Module, PyTorchModelHubMixin, license="mit"):
        def __init__(self, config: Config) -> None:
            super().__init__()
            self.param = nn.Parameter(torch.rand(config.hidden_size, config.vocab_size))
            self.linear = nn.Linear(config.output_size, config.vocab_size)

        def forward(self, x: Any) -> Any:
            return self.linear(x + self.param)

    return MyModel


def test_the_library_is_needed_only_when_a_model_is_saved() -> None:
    code = "import sys, entrepot.hf.models.torch_mixins; print({'torch', 'safetensors'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


@pytest.mark.skipif(has_torch, reason="PyTorch is installed")
def test_the_error_names_a_missing_library(tmp_path: Path) -> None:
    class Model(PyTorchModelHubMixin):
        pass

    with pytest.raises(LibraryMissing, match=r'pip install "entrepot\[torch\]"') as caught:
        Model().save_pretrained(tmp_path / "m")
    assert isinstance(caught.value, ImportError)
    (tmp_path / "m/model.safetensors").touch()
    with pytest.raises(LibraryMissing):
        Model.from_pretrained(tmp_path / "m")


def test_a_folder_without_weights_raises(tmp_path: Path) -> None:
    class Model(PyTorchModelHubMixin):
        pass

    with pytest.raises(ValueError, match=r"neither model\.safetensors nor pytorch_model\.bin"):
        Model.from_pretrained(tmp_path)


def test_models_are_tagged() -> None:
    class Model(PyTorchModelHubMixin, tags=["x"]):
        pass

    assert Model._hub_mixin_info.model_card_data.tags == ["model_hub_mixin", "pytorch_model_hub_mixin", "x"]


@needs_torch
def test_weights_and_configuration_are_loaded_again(tmp_path: Path) -> None:
    import torch

    kind = model_class()
    model = kind(Config(hidden_size=16))
    model.save_pretrained(tmp_path / "m")
    assert {file.name for file in (tmp_path / "m").iterdir()} == {"model.safetensors", "config.json", "README.md"}
    again = kind.from_pretrained(tmp_path / "m")
    assert again.config == Config(hidden_size=16)
    assert not again.training
    assert torch.equal(again.param, model.param)
    assert torch.equal(kind.from_pretrained(tmp_path / "m", map_location="cpu", strict=True).param, model.param)


@needs_torch
def test_pickled_weights_are_read_without_running_anything(tmp_path: Path) -> None:
    import pickle

    import torch

    kind = model_class()
    model = kind(Config())
    model.save_pretrained(tmp_path / "m")
    (tmp_path / "m/model.safetensors").unlink()
    torch.save(model.state_dict(), tmp_path / "m/pytorch_model.bin")
    assert torch.equal(kind.from_pretrained(tmp_path / "m").param, model.param)
    torch.save({"param": Trap(tmp_path / "ran")}, tmp_path / "m/pytorch_model.bin")
    with pytest.raises((pickle.UnpicklingError, RuntimeError)):
        kind.from_pretrained(tmp_path / "m")
    assert not (tmp_path / "ran").exists()


class Trap:
    """An object that creates a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return (open, (str(self.file), "w"))


@needs_torch
def test_a_wrapped_model_is_saved_as_the_model_inside(tmp_path: Path) -> None:
    import torch
    from torch import nn

    kind = model_class()

    class Wrapped(nn.Module, PyTorchModelHubMixin):
        def __init__(self, module: Any) -> None:
            super().__init__()
            self.module = module

    inner = kind(Config())
    Wrapped(inner).save_pretrained(tmp_path / "m", config=Config())
    assert torch.equal(kind.from_pretrained(tmp_path / "m").param, inner.param)


@needs_torch
def test_a_model_is_pushed_and_loaded_again(at_hub: RunningHub, oracle: Oracle, fresh_name: str) -> None:
    import torch

    kind = model_class()
    model = kind(Config(hidden_size=128))
    model.push_to_hub(fresh_name)
    again = kind.from_pretrained(fresh_name)
    assert again.config == Config(hidden_size=128)
    assert torch.equal(again.param, model.param)
    assert "pytorch_model_hub_mixin" in oracle.model_info(fresh_name).tags
    assert "safetensors" in oracle.model_info(fresh_name).tags
