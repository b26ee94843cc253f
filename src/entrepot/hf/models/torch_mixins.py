"""``PyTorchModelHubMixin``: PyTorch models with their weights as safetensors."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any, Self

from entrepot.errors import EntryNotFound, InvalidArgument, LibraryMissing
from entrepot.hf.api import default_api
from entrepot.hf.models.mixins import ModelHubMixin

SAFETENSORS = "model.safetensors"
PICKLE = "pytorch_model.bin"


class PyTorchModelHubMixin(ModelHubMixin):
    """Mixin that saves and loads the weights of a ``torch.nn.Module``; loaded models are in evaluation mode.

    See :class:`~entrepot.hf.models.mixins.ModelHubMixin`. PyTorch and safetensors
    are imported when a model is saved or loaded: ``pip install "entrepot[torch]"``.
    """

    def __init_subclass__(cls, *args: object, tags: list[str] | None = None, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init_subclass__(*args, tags=[*(tags or ()), "pytorch_model_hub_mixin"], **kwargs)

    def _save_pretrained(self, save_directory: Path) -> None:
        """Write ``model.safetensors``; a model wrapped in ``DataParallel`` or similar is unwrapped first."""
        model = getattr(self, "module", self)
        _library("safetensors.torch").save_model(model, str(save_directory / SAFETENSORS))

    @classmethod
    def _from_pretrained(
        cls,
        *,
        model_id: str,
        revision: str | None,
        cache_dir: str | Path | None,
        force_download: bool,
        local_files_only: bool,
        token: str | bool | None,
        map_location: Any = "cpu",  # noqa: ANN401 - a name, or a torch.device
        strict: bool = False,
        **model_kwargs: Any,  # noqa: ANN401 - the constructor's
    ) -> Self:
        """Load a model with its weights on ``map_location``.

        Args:
            strict: raise unless the file contains exactly the weights of the model.

        ``model.safetensors`` is preferred. From ``pytorch_model.bin``, only tensors
        and plain values are loaded, so the file cannot execute code.

        Raises:
            EntryNotFoundError: the model has no weights.
        """
        model = cls(**model_kwargs)
        if Path(model_id).is_dir():
            file = _local(Path(model_id))
        else:
            file = _fetched(
                model_id,
                revision=revision,
                cache_dir=cache_dir,
                force_download=force_download,
                token=token,
                local_files_only=local_files_only,
            )
        load = cls._load_as_safetensor if file.name.endswith(".safetensors") else cls._load_as_pickle
        return load(model, str(file), str(map_location), strict)

    @classmethod
    def _load_as_pickle(cls, model: Self, model_file: str, map_location: str, strict: bool) -> Self:
        torch = _library("torch")
        weights = torch.load(model_file, map_location=torch.device(map_location), weights_only=True)
        module: Any = model
        module.load_state_dict(weights, strict=strict)
        module.eval()
        return model

    @classmethod
    def _load_as_safetensor(cls, model: Self, model_file: str, map_location: str, strict: bool) -> Self:
        module: Any = model
        if map_location != "cpu":
            module.to(map_location)
        _library("safetensors.torch").load_model(module, model_file, strict=strict, device=map_location)
        module.eval()
        return model


def _local(folder: Path) -> Path:
    for name in (SAFETENSORS, PICKLE):
        if (folder / name).is_file():
            return folder / name
    raise InvalidArgument(f"there is neither {SAFETENSORS} nor {PICKLE} in {str(folder)!r}")


def _fetched(model_id: str, **download: Any) -> Path:  # noqa: ANN401 - those of hf_hub_download
    api = default_api()
    try:
        return Path(api.hf_hub_download(model_id, SAFETENSORS, **download))
    except EntryNotFound:
        return Path(api.hf_hub_download(model_id, PICKLE, **download))


def _library(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise LibraryMissing(name.partition(".")[0], "entrepot[torch]") from error
