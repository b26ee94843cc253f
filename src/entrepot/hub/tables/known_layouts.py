"""A cache of the splits of datasets, by tree and card, which never change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import attrs

from entrepot.cards import DatasetConfig, JsonValue
from entrepot.names import Oid
from entrepot.storage.store import ImmutableCache

# Of Python objects, with the hash tables around them.
_BASE, _EACH_FILE, _EACH_SPLIT, _EACH_MENTION = 2_000, 200, 200, 16
_EACH_CHARACTER = 16  # of the card as JSON: short values take most

LayoutKey: TypeAlias = "tuple[int, Oid, str]"
"""A repository, the root tree of a commit of it, and what names the bytes of the README that were read."""


@attrs.frozen
class KnownLayout:
    """The metadata of a card, and the configurations with the bytes of their files.

    ``reason``: why there are none; empty if there are. ``weight``: the approximate memory of all of it, in bytes.
    """

    card: Mapping[str, JsonValue]
    configs: Sequence[DatasetConfig] = ()
    sizes: Mapping[str, int] = attrs.field(factory=dict)
    reason: str = ""
    weight: int = attrs.field(init=False, eq=False)

    @weight.default
    def _weigh(self) -> int:
        # A short card can name the same files in many configurations, and repeat long values by aliases.
        mentions = sum(_BASE + _EACH_MENTION * len(config.paths) for config in self.configs)
        splits = _EACH_SPLIT * sum(len(config.splits) + len(config.metadata) for config in self.configs)
        files = sum(len(path) + _EACH_FILE for path in self.sizes)
        return _BASE + _EACH_CHARACTER * len(json.dumps(self.card)) + mentions + splits + files


class KnownLayouts(ImmutableCache[LayoutKey, KnownLayout]):
    """Layouts of commits. Thread-safe.

    They depend on no rights: a use case checks that the caller may read the repository before it looks here.
    """

    def __init__(self, most: int) -> None:
        """Start with none.

        Args:
            most: the bytes that they may take together, approximately; one that takes more than half is not kept.
        """
        super().__init__(most, lambda layout: layout.weight)


def key_of(repo_id: int, root: Oid, readme: bytes) -> LayoutKey:
    """Return the key of a layout; ``readme``: what the caller may read of it, nothing if that is nothing."""
    return repo_id, root, hashlib.sha256(readme).hexdigest()
