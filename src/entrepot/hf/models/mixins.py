"""``ModelHubMixin``: save models, push them to a hub and load them again.

Names and behaviour are those of huggingface_hub 2.4.0, plus features of 0.21.4
that were removed later (``config`` as an attribute, ``proxies`` and
``resume_download``).
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import logging
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar, Self

from entrepot.cards import ModelCardData
from entrepot.cards.templates import MIXIN_CARD
from entrepot.errors import NotFound
from entrepot.hf.api import HubApi, default_api
from entrepot.hf.cards.cards import ModelCard
from entrepot.hf.models.mixin_configs import Coders, decode, encode, is_jsonable, parameters_of, render_config
from entrepot.hf.shapes.addresses import CommitInfo

logger = logging.getLogger("entrepot.mixins")

CONFIG = "config.json"
CARD = "README.md"
_KINDS_OF_MANY = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@dataclasses.dataclass
class MixinInfo:
    """Information about a class for the cards of its models."""

    model_card_template: str
    model_card_data: ModelCardData
    docs_url: str | None = None
    paper_url: str | None = None
    repo_url: str | None = None


class _ConfigView:
    """``model.config``: the configuration, unless the class or the model has a ``config`` of its own."""

    def __get__(self, instance: ModelHubMixin | None, owner: type) -> Any:  # noqa: ANN401 - a dict or a data class
        return None if instance is None else instance._hub_mixin_config


class ModelHubMixin:
    """Mixin that adds ``save_pretrained``, ``push_to_hub`` and ``from_pretrained`` to a class of models.

    A subclass implements ``_save_pretrained`` and ``_from_pretrained``. The
    arguments of a model's constructor are saved in ``config.json``: plain
    values, dataclasses, and types with ``coders``.

    Args of the class statement (``class M(ModelHubMixin, license="mit")``):
        repo_url, paper_url, docs_url, model_card_template: for the model card.
        language, library_name, license, license_name, license_link,
            pipeline_tag, tags: metadata of the model card.
        coders: ``{type: (encode, decode)}`` for arguments that JSON cannot represent.

    Subclasses inherit all of them; tags accumulate.
    """

    config: ClassVar[Any] = _ConfigView()

    _hub_mixin_config: Any = None
    _hub_mixin_info: ClassVar[MixinInfo]
    _hub_mixin_coders: ClassVar[Coders] = {}
    _hub_mixin_asked: ClassVar[frozenset[str]] = frozenset()
    """The parameters of the class's ``_from_pretrained``."""

    def __init_subclass__(
        cls,
        *,
        repo_url: str | None = None,
        paper_url: str | None = None,
        docs_url: str | None = None,
        model_card_template: str | None = None,
        language: str | list[str] | None = None,
        library_name: str | None = None,
        license: str | None = None,
        license_name: str | None = None,
        license_link: str | None = None,
        pipeline_tag: str | None = None,
        tags: Iterable[str] | None = None,
        coders: Coders | None = None,
    ) -> None:
        super().__init_subclass__()
        known: MixinInfo | None = getattr(cls, "_hub_mixin_info", None)
        data = ModelCardData(**known.model_card_data.to_dict()) if known else ModelCardData()
        said = {
            "language": language,
            "library_name": library_name,
            "license": license,
            "license_name": license_name,
            "license_link": license_link,
            "pipeline_tag": pipeline_tag,
        }
        for key, value in said.items():
            if value is not None:
                data[key] = value
        data.tags = sorted({*(data.tags or ()), *(tags or ()), "model_hub_mixin"})
        cls._hub_mixin_info = MixinInfo(
            model_card_template=model_card_template or (known.model_card_template if known else MIXIN_CARD),
            model_card_data=data,
            docs_url=docs_url or (known.docs_url if known else None),
            paper_url=paper_url or (known.paper_url if known else None),
            repo_url=repo_url or (known.repo_url if known else None),
        )
        cls._hub_mixin_coders = {**cls._hub_mixin_coders, **(coders or {})}
        cls._hub_mixin_asked = frozenset(inspect.signature(cls._from_pretrained).parameters)

    def __new__(cls, *args: object, **kwargs: object) -> Self:
        """Create a model and record the arguments of its constructor."""
        instance = super().__new__(cls)
        if instance._hub_mixin_config is None:
            instance._hub_mixin_config = cls._hub_mixin_config_of(args, kwargs)
        return instance

    @classmethod
    def _hub_mixin_config_of(cls, args: tuple[object, ...], kwargs: dict[str, object]) -> Any:  # noqa: ANN401 - as above
        """Return the configuration of a model created with these arguments; None if there is nothing to save."""
        parameters = parameters_of(cls.__init__)
        named = [name for name, parameter in parameters.items() if parameter.kind not in _KINDS_OF_MANY]
        passed = {**dict(zip(named, args, strict=False)), **kwargs}
        if dataclasses.is_dataclass(passed.get("config")):
            return passed["config"]
        defaults = {
            name: parameters[name].default for name in named if parameters[name].default is not inspect.Parameter.empty
        }
        encoded = {name: encode(value, cls._hub_mixin_coders) for name, value in {**defaults, **passed}.items()}
        config = {name: value for name, value in encoded.items() if is_jsonable(value)}
        given = config.pop("config", None)
        if isinstance(given, dict):
            config |= given
        return config or None

    def save_pretrained(
        self,
        save_directory: str | Path,
        *,
        config: Any = None,  # noqa: ANN401 - a dict or a data class
        repo_id: str | None = None,
        push_to_hub: bool = False,
        model_card_kwargs: dict[str, Any] | None = None,
        **push_to_hub_kwargs: Any,  # noqa: ANN401 - those of push_to_hub
    ) -> CommitInfo | None:
        """Save the model in a folder: its weights, ``config.json``, and a model card if the folder has none.

        Args:
            config: a dict or a dataclass; None is the arguments of the model's constructor.
            repo_id: repository for ``push_to_hub``; None is the name of the folder.
            push_to_hub: also push the model, with ``push_to_hub_kwargs``.
            model_card_kwargs: additional variables for the template of the card.

        Returns:
            The commit if the model was pushed, else None.

        Raises:
            InvalidArgument: the configuration cannot be written as JSON.
        """
        folder = Path(save_directory)
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / CONFIG
        file.unlink(missing_ok=True)  # if it exists afterwards, the subclass wrote it, and it is kept
        self._save_pretrained(folder)
        if config is None:
            config = self._own_config()
        if config is not None and not file.exists():
            file.write_text(render_config(config, self._hub_mixin_coders), encoding="utf-8")
        if not (folder / CARD).exists():
            self.generate_model_card(**(model_card_kwargs or {})).save(folder / CARD)
        if not push_to_hub:
            return None
        if config is not None:
            push_to_hub_kwargs["config"] = encode(config, self._hub_mixin_coders)
        return self.push_to_hub(
            repo_id=repo_id or folder.name, model_card_kwargs=model_card_kwargs or {}, **push_to_hub_kwargs
        )

    def _own_config(self) -> Any:  # noqa: ANN401 - a dict or a data class
        own = self._hub_mixin_config if self._hub_mixin_config is not None else self.config
        return own if isinstance(own, dict) or dataclasses.is_dataclass(own) else None

    def _save_pretrained(self, save_directory: Path) -> None:
        """Save the model's files in a folder; implemented by subclasses.

        A ``config.json`` or ``README.md`` written here is kept.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement _save_pretrained")

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | Path,
        *,
        force_download: bool = False,
        resume_download: bool | None = None,
        proxies: dict[str, str] | None = None,
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        revision: str | None = None,
        **model_kwargs: Any,  # noqa: ANN401 - the constructor's
    ) -> Self:
        """Load a model from a local folder or from a repository.

        Args:
            pretrained_model_name_or_path: an existing folder, or else ``namespace/name``.
            revision: branch, tag or commit; None is main.
            resume_download, proxies: passed to ``_from_pretrained`` if it has these parameters.
            model_kwargs: arguments of the constructor; they take precedence over ``config.json``.

        Raises:
            RepositoryNotFoundError, RevisionNotFoundError: the repository or the revision does not exist.
        """
        model_id = str(pretrained_model_name_or_path)
        download: dict[str, Any] = {
            "revision": revision,
            "cache_dir": cache_dir,
            "force_download": force_download,
            "token": token,
            "local_files_only": local_files_only,
        }
        config = _read_config(model_id, download)
        decoded = None if config is None else cls._fill_in(model_kwargs, config)
        old = {"proxies": proxies, "resume_download": bool(resume_download)}
        download |= {name: value for name, value in old.items() if name in cls._hub_mixin_asked}
        model = cls._from_pretrained(model_id=model_id, **download, **model_kwargs)
        if decoded is not None and not getattr(model, "_hub_mixin_config", None):
            model._hub_mixin_config = decoded
        return model

    @classmethod
    def _fill_in(cls, model_kwargs: dict[str, Any], config: dict[str, Any]) -> Any:  # noqa: ANN401 - as above
        """Add the configuration to the arguments of the constructor, and return the decoded configuration."""
        parameters, coders = parameters_of(cls.__init__), cls._hub_mixin_coders
        decoded: Any = {
            key: decode(parameters[key].annotation, value, coders) if key in parameters else value
            for key, value in config.items()
        }
        takes_all = cls.__init__ is not object.__init__ and "config" not in parameters
        takes_all = takes_all and any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
        for key, value in decoded.items():
            if takes_all or key in parameters:
                model_kwargs.setdefault(key, value)
        if "config" in parameters and "config" not in model_kwargs:
            decoded = decode(parameters["config"].annotation, decoded, coders)
            model_kwargs["config"] = decoded
        elif "config" in cls._hub_mixin_asked:
            model_kwargs.setdefault("config", decoded)
        return decoded

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
        **model_kwargs: Any,  # noqa: ANN401 - the constructor's
    ) -> Self:
        """Load a model from a local folder or from a repository; implemented by subclasses.

        All arguments except ``model_kwargs`` are those of ``hf_hub_download``.
        """
        raise NotImplementedError(f"{cls.__name__} does not implement _from_pretrained")

    def push_to_hub(
        self,
        repo_id: str,
        *,
        config: Any = None,  # noqa: ANN401 - a dict or a data class
        commit_message: str = "Push model with entrepot",
        private: bool | None = None,
        token: str | bool | None = None,
        branch: str | None = None,
        create_pr: bool | None = None,
        allow_patterns: list[str] | str | None = None,
        ignore_patterns: list[str] | str | None = None,
        delete_patterns: list[str] | str | None = None,
        model_card_kwargs: dict[str, Any] | None = None,
    ) -> CommitInfo:
        """Save the model and push it in one commit.

        Args:
            repo_id: ``namespace/name``, or ``name`` for a repository of the caller; created if missing.
            config, model_card_kwargs: as for :meth:`save_pretrained`.
            private: visibility of the repository if it is created.
            branch: the branch, created if missing; None is main.
            create_pr: open a pull request with the commit.
            allow_patterns, ignore_patterns, delete_patterns: as for ``upload_folder``.

        Raises:
            HfHubHTTPError: the hub refuses the upload.
        """
        api = HubApi(token=token)
        name = api.create_repo(repo_id, private=private, exist_ok=True).repo_id
        if branch is not None and not create_pr:
            api.create_branch(name, branch=branch, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="entrepot-") as folder:
            self.save_pretrained(folder, config=config, model_card_kwargs=model_card_kwargs)
            made = api.upload_folder(
                repo_id=name,
                repo_type="model",
                folder_path=folder,
                commit_message=commit_message,
                revision=branch,
                create_pr=create_pr,
                allow_patterns=allow_patterns,
                ignore_patterns=ignore_patterns,
                delete_patterns=delete_patterns,
            )
        assert isinstance(made, CommitInfo)
        return made

    def generate_model_card(self, *args: object, **kwargs: object) -> ModelCard:
        """Render the model card from the template of the class; ``kwargs`` are additional variables of the template."""
        info = self._hub_mixin_info
        words: dict[str, Any] = {
            "repo_url": info.repo_url,
            "paper_url": info.paper_url,
            "docs_url": info.docs_url,
            "template_str": info.model_card_template,
            **kwargs,
        }
        return ModelCard.from_template(info.model_card_data, **words)


def _read_config(model_id: str, download: dict[str, Any]) -> dict[str, Any] | None:
    """Return the content of ``config.json``; None if the file or the repository does not exist.

    A subclass may find models in other ways, so ``_from_pretrained`` runs in any case and reports missing files.
    """
    if Path(model_id).is_dir():
        file = Path(model_id, CONFIG)
        if not file.is_file():
            logger.info("there is no %s in %s", CONFIG, model_id)
            return None
    else:
        try:
            file = Path(default_api().hf_hub_download(model_id, CONFIG, **download))
        except NotFound as error:
            logger.info("%s has no %s: %s", model_id, CONFIG, error)
            return None
    found = json.loads(file.read_text(encoding="utf-8"))
    return found if isinstance(found, dict) else None
