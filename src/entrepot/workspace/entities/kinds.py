"""The three kinds of entities that a project versions."""

from __future__ import annotations

import attrs

from entrepot.errors import InvalidName


@attrs.frozen
class EntityKind:
    """One kind of entities.

    Attributes:
        word: the folder of the workspace and the command, a plural.
        singular: the word of messages.
        root: the root key of a spec.
        title: the first line of lists.
        aliases: other spellings of the command.
        links: the kinds that a version may be linked to.
    """

    word: str
    singular: str
    root: str
    title: str
    aliases: tuple[str, ...]
    links: tuple[str, ...] = ()


DATASETS = EntityKind("datasets", "dataset", "dataset", "ML dataset", ("dataset",))
LABELS = EntityKind("labels", "labels", "labels", "ML labels", ("label",), ("dataset",))
MODELS = EntityKind("models", "model", "model", "ML model", ("model",), ("dataset", "labels"))

KINDS = (DATASETS, LABELS, MODELS)
"""All kinds, in the order in which they are listed."""


def parse_kind(word: str) -> EntityKind:
    """Return the kind of a word, which may be the plural, the singular or the root key of a spec.

    Raises:
        InvalidName: no kind has this word.
    """
    for kind in KINDS:
        if word in (kind.word, kind.root, *kind.aliases):
            return kind
    raise InvalidName("entity type", word, "use datasets, labels or models")
