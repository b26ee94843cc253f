"""Repository types and ids."""

from __future__ import annotations

import enum
import re

import attrs

from entrepot.errors import InvalidName


class RepoType(enum.StrEnum):
    """The type of a repository; the value is the singular word of the API.

    A bucket has the name, the owner and the rights of a repository, but no commits:
    what iterates over types that have some uses :data:`VERSIONED_TYPES`.
    """

    MODEL = "model"
    DATASET = "dataset"
    SPACE = "space"
    BUCKET = "bucket"

    @property
    def kind(self) -> RepoKind:
        """The properties of one type of repositories."""
        return _KINDS[self]

    @property
    def plural(self) -> str:
        """The word in API routes: ``models``, ``datasets``, ``spaces``, ``buckets``."""
        return self.kind.plural

    @property
    def prefix(self) -> str:
        """The prefix of ``namespace/name`` in web, resolve and git URLs."""
        return self.kind.prefix


@attrs.frozen
class RepoKind:
    """The properties in which the types of repositories differ.

    ``has_sdk``: a repository is created with an SDK, which its card names.
    ``has_library``: a library loads it; the hub shows its library, ``config.json``
    and evaluation results, and counts downloads of certain files only.
    ``names_datasets``: its card names the datasets and base models it was made from.
    ``has_commits``: it is a git repository; without, it is a flat map of paths to files.
    """

    plural: str
    prefix: str
    has_sdk: bool = False
    has_library: bool = False
    names_datasets: bool = False
    has_commits: bool = True


_KINDS = {
    RepoType.MODEL: RepoKind("models", "", has_library=True, names_datasets=True),
    RepoType.DATASET: RepoKind("datasets", "datasets/"),
    RepoType.SPACE: RepoKind("spaces", "spaces/", has_sdk=True, names_datasets=True),
    RepoType.BUCKET: RepoKind("buckets", "buckets/", has_commits=False),
}

ALL_TYPES = tuple(RepoType)
"""All types of repositories: also buckets."""

VERSIONED_TYPES = tuple(kind for kind in RepoType if kind.kind.has_commits)
"""The types of repositories that have commits: models, datasets and spaces."""

UNSUPPORTED_TYPES = {"kernel": "kernels"}
"""Types of the public hub that this one does not support, in singular and plural."""


@attrs.frozen
class RepoId:
    """An id ``namespace/name`` in the caller's spelling; compare by :attr:`key`.

    In an id without a namespace (``gpt2``), the namespace is empty. No repository
    has such an id; use cases that read look it up among the aliases of the hub
    (:func:`parse_wanted_id`).
    """

    namespace: str
    name: str

    @property
    def key(self) -> str:
        """The case-folded id, unique within a repository type."""
        return str(self).lower()

    @property
    def is_short(self) -> bool:
        """Whether the namespace is missing."""
        return not self.namespace

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


@attrs.frozen
class RepoRef:
    """A repository as callers identify it: type and id.

    ``fallback``: for an id without a namespace, the id to use if no alias has
    this name.
    """

    type: RepoType
    id: RepoId
    fallback: RepoId | None = None

    @property
    def path(self) -> str:
        """The path of its page and git URL, without a leading slash."""
        return f"{self.type.prefix}{self.id}"

    def __str__(self) -> str:
        return f"{self.type.value} {self.id}"


_PART = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?", re.ASCII)

RESERVED = frozenset(
    """
    tree revision refs commits commit preupload paths-info branch tag settings discussions resolve
    raw blob compare treesize super-squash lfs-files xet-read-token xet-write-token auth-check duplicate
    user-access-request
    """.split()  # noqa: SIM905 - a list of words reads better than forty literals
)
"""Repository names that would shadow an action of the API. Source: docs/protocols/hf_api.md, section 0.4."""


def parse_repo_id(text: str) -> RepoId:
    """Parse ``namespace/name``.

    Each part has 1 to 96 ASCII letters, digits, ``.``, ``_`` and ``-``, starts and
    ends with a word character and contains neither ``--`` nor ``..``. The id
    does not end in ``.git``, and the name is not an action of the API.

    Raises:
        InvalidName: a rule is broken.

    Source: huggingface_hub 2.4.0, ``utils/_validators.py``, REPO_ID_REGEX.
    """
    namespace, slash, name = text.partition("/")
    if not slash or "/" in name:
        raise InvalidName("repository id", text, "expected 'namespace/name'")
    _check_parts(text, namespace, name)
    return RepoId(namespace, name)


def parse_wanted_id(text: str) -> RepoId:
    """Parse ``namespace/name``, or ``name`` alone, which may be an alias.

    Raises:
        InvalidName: a rule of :func:`parse_repo_id` is broken.
    """
    if "/" in text:
        return parse_repo_id(text)
    _check_parts(text, text)
    return RepoId("", text)


def _check_parts(text: str, *parts: str) -> None:
    name = parts[-1]
    for part in parts:
        if not _PART.fullmatch(part) or "--" in part or ".." in part:
            raise InvalidName(
                "repository id",
                text,
                "each part has 1 to 96 letters, digits, '.', '_' or '-', starts and ends with a letter, "
                "digit or '_', and contains neither '--' nor '..'",
            )
    if name.lower().endswith(".git"):
        raise InvalidName("repository id", text, "it must not end in '.git'")
    if name.lower() in RESERVED:
        raise InvalidName("repository id", text, f"the name {name!r} is reserved for an action of the API")


def parse_any_type(text: str | None) -> RepoType:
    """Parse a type of repositories, in singular or plural, where buckets count too; ``None`` and ``""`` mean model.

    Raises:
        InvalidName: the text is not a repository type.
    """
    if text is not None and text.lower() in (RepoType.BUCKET.value, RepoType.BUCKET.plural):
        return RepoType.BUCKET
    return parse_repo_type(text)


def parse_repo_type(text: str | None) -> RepoType:
    """Parse a type of repositories with commits, in singular or plural; ``None`` and ``""`` mean model.

    Raises:
        InvalidName: the text is not a repository type, or means a bucket.
    """
    word = (text or "model").lower()
    for kind in VERSIONED_TYPES:
        if word in (kind.value, kind.plural):
            return kind
    if word in (RepoType.BUCKET.value, RepoType.BUCKET.plural):
        reason = "a bucket has no commits and its own routes, below /api/buckets; expected model, dataset or space"
        raise InvalidName("repository type", str(text), reason)
    for singular, plural in UNSUPPORTED_TYPES.items():
        if word in (singular, plural):
            reason = f"this hub does not support {plural}; expected model, dataset or space"
            raise InvalidName("repository type", str(text), reason)
    raise InvalidName("repository type", str(text), "expected model, dataset or space")
