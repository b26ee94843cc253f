"""Cards of repositories: load, render, validate, save and push them.

``entrepot.cards`` parses and writes cards; this module connects it to files and hubs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Self

from entrepot.cards import (
    CardData,
    DatasetCardData,
    EvalResult,
    ModelCardData,
    SpaceCardData,
    eval_results_to_model_index,
    line_ending,
    metadata_eval_result,
    model_index_to_eval_results,
    render_template,
    split_card,
)
from entrepot.cards.templates import DATASET_CARD, MODEL_CARD
from entrepot.client.calls import preuploads
from entrepot.errors import Invalid, InvalidArgument
from entrepot.hf.api import default_api
from entrepot.hf.cards.card_files import metadata_load, metadata_save, read_block, read_text, write_text
from entrepot.hf.shapes.addresses import CommitInfo
from entrepot.names import parse_repo_type

CARD = "README.md"


class RepoCard:
    """A README: metadata in :attr:`data`, Markdown in :attr:`text`, both together in :attr:`content`.

    Args:
        content: the README, with or without a metadata block.
        ignore_metadata_errors: leave out evaluation results that cannot be parsed.

    Raises:
        InvalidArgument: the metadata is not a YAML mapping, or contains invalid evaluation results.
    """

    card_data_class: ClassVar[type[CardData]] = CardData
    default_template: ClassVar[str] = MODEL_CARD
    default_template_path: ClassVar[Path | None] = None
    """Path of a template that subclasses use instead of ``default_template``."""
    repo_type: ClassVar[str] = "model"

    data: Any
    text: str

    def __init__(self, content: str, ignore_metadata_errors: bool = False) -> None:
        self.ignore_metadata_errors = ignore_metadata_errors
        self.content = content

    @property
    def content(self) -> str:
        """The whole README, with its original line endings and order of keys."""
        if not self._has_block and not self.data.to_dict():
            return self.text
        end = self._line_ending
        return f"---{end}{self.data.to_yaml(line_break=end, original_order=self._order)}{end}---{end}{self.text}"

    @content.setter
    def content(self, content: str) -> None:
        block, self.text = split_card(content)
        values = read_block(block) if block is not None else {}
        self._has_block = block is not None
        self._line_ending = line_ending(content) or "\n"
        self._order = list(values)
        values.pop("ignore_metadata_errors", None)
        self.data = self.card_data_class(ignore_metadata_errors=self.ignore_metadata_errors, **values)

    def __str__(self) -> str:
        return self.content

    def save(self, filepath: str | Path) -> None:
        """Write the README to a file, keeping its line endings; missing folders are created.

        Raises:
            InvalidArgument: a value of the metadata cannot be written as YAML.
            OSError: the file cannot be written.
        """
        write_text(filepath, self.content)

    @classmethod
    def load(
        cls,
        repo_id_or_path: str | Path,
        repo_type: str | None = None,
        token: str | bool | None = None,
        ignore_metadata_errors: bool = False,
        *,
        revision: str | None = None,
    ) -> Self:
        """Load the card from a local file or from a repository.

        Args:
            repo_id_or_path: an existing file, or else ``namespace/name``.
            repo_type: type of the repository; None is the type of this class.
            revision: branch, tag or commit; None is main.

        Raises:
            EntryNotFoundError: the repository has no README.
            InvalidArgument: ``repo_id_or_path`` is a ``Path``, and the file does not exist.
        """
        file = Path(repo_id_or_path)
        if not file.is_file():
            if not isinstance(repo_id_or_path, str):
                raise InvalidArgument(f"there is no card at {str(file)!r}")
            kind = repo_type or cls.repo_type
            file = Path(
                default_api().hf_hub_download(repo_id_or_path, CARD, repo_type=kind, revision=revision, token=token)
            )
        return cls(read_text(file), ignore_metadata_errors=ignore_metadata_errors)

    def validate(self, repo_type: str | None = None, *, token: str | bool | None = None) -> None:
        """Validate the card on the hub.

        Raises:
            InvalidArgument: the card is invalid; the message lists the hub's findings.
        """
        kind = parse_repo_type(repo_type or self.repo_type)
        try:
            findings = default_api()._hub(token).send(preuploads.check_card(self.content, kind))
        except Invalid as error:  # some hubs return the findings, others respond with an error that contains them
            raise InvalidArgument(f"the card is not valid: - Error: {error.message}") from error
        if findings.errors:
            said = "; ".join(f"- Error: {found.message}" for found in findings.errors)
            raise InvalidArgument(f"the card is not valid: {said}")

    def push_to_hub(
        self,
        repo_id: str,
        token: str | bool | None = None,
        repo_type: str | None = None,
        commit_message: str | None = None,
        commit_description: str | None = None,
        revision: str | None = None,
        create_pr: bool | None = None,
        parent_commit: str | None = None,
    ) -> CommitInfo:
        """Validate the card and commit it as the README of a repository.

        Args:
            repo_type: type of the repository; None is the type of this class.
            revision: the branch; None is main.
            create_pr: open a pull request with the commit.
            parent_commit: the commit that must be the head of the branch.

        Raises:
            InvalidArgument: the card is invalid; nothing was committed.
            RepositoryNotFoundError, RevisionNotFoundError, HfHubHTTPError: the hub refuses the commit.
        """
        kind = repo_type or self.repo_type
        self.validate(kind, token=token)
        made = default_api().upload_file(
            path_or_fileobj=self.content.encode(),
            path_in_repo=CARD,
            repo_id=repo_id,
            token=token,
            repo_type=kind,
            commit_message=commit_message,
            commit_description=commit_description,
            create_pr=create_pr,
            revision=revision,
            parent_commit=parent_commit,
        )
        assert isinstance(made, CommitInfo)
        return made

    @classmethod
    def from_template(
        cls,
        card_data: CardData,
        template_path: str | Path | None = None,
        template_str: str | None = None,
        **template_kwargs: object,
    ) -> Self:
        """Render a card from a Jinja template.

        Args:
            card_data: the metadata, available to the template as YAML
                (``card_data``) and with each key as a variable.
            template_path: path of a template file.
            template_str: a template as text, if there is no file; None is that of the class.
            template_kwargs: additional variables of the template; they take precedence over the metadata.

        Raises:
            LibraryMissing: Jinja is not installed.
            Malformed: the template has a syntax error, or fails.
        """
        path = template_path or (cls.default_template_path if template_str is None else None)
        template = read_text(path) if path is not None else template_str or cls.default_template
        values = {**card_data.to_dict(), "card_data": card_data.to_yaml(), **template_kwargs}
        return cls(render_template(template, values))


class ModelCard(RepoCard):
    """The card of a model."""

    card_data_class = ModelCardData


class DatasetCard(RepoCard):
    """The card of a dataset."""

    card_data_class = DatasetCardData
    default_template = DATASET_CARD
    repo_type = "dataset"


class SpaceCard(RepoCard):
    """The card of a space, whose metadata configures how the space runs."""

    card_data_class = SpaceCardData
    repo_type = "space"


__all__ = [
    "CardData",
    "DatasetCard",
    "DatasetCardData",
    "EvalResult",
    "ModelCard",
    "ModelCardData",
    "RepoCard",
    "SpaceCard",
    "SpaceCardData",
    "eval_results_to_model_index",
    "metadata_eval_result",
    "metadata_load",
    "metadata_save",
    "model_index_to_eval_results",
]
