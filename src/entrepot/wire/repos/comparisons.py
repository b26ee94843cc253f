"""JSON of differences by content, an extension of this hub, described in ``docs/comparisons.md``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec


class ChangedFile(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A file that differs: ``kind`` is ``added``, ``removed`` or ``changed``.

    ``content``: how it can be compared (a format of tables, ``safetensors`` or ``gguf``); ``new_bytes``: bytes that
    are not in chunks of the old files, if it is stored as chunks.
    """

    path: str
    kind: str
    content: str | None = None
    old_size: int | None = None
    new_size: int | None = None
    new_bytes: int | None = None


class ChangedColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column that was added, removed or has another type; types as features of ``datasets``."""

    name: str
    old: Any = None
    new: Any = None


class ChangedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the differences; ``columns``: where the cells of a changed row differ."""

    kind: str
    old: Mapping[str, Any] | None = None
    new: Mapping[str, Any] | None = None
    columns: Sequence[str] = ()


class ChangedTable(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The differences of two tables; ``rows``: at most 100 of each kind."""

    key: Sequence[str]
    columns: Sequence[ChangedColumn]
    old_rows: int
    new_rows: int
    added: int
    removed: int
    changed: int
    changed_columns: Mapping[str, int]
    rows: Sequence[ChangedRow]
    row_groups: int
    skipped_row_groups: int
    is_complete: bool


class TensorState(msgspec.Struct, frozen=True, kw_only=True):
    """A tensor on one side."""

    dtype: str
    shape: Sequence[int]
    bytes: int | None = None


class ChangedTensor(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A tensor that was ``added``, ``removed``, ``reshaped`` or ``changed``, or whose change is ``unknown``.

    ``changed_bytes``: an upper bound of its bytes that differ.
    """

    name: str
    kind: str
    old: TensorState | None = None
    new: TensorState | None = None
    changed_bytes: int = 0


class ChangedMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """A value of the metadata of a model file."""

    key: str
    old: str | None = None
    new: str | None = None


class ChangedTensors(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The differences of two model files; ``equal``: tensors without a difference."""

    tensors: Sequence[ChangedTensor]
    metadata: Sequence[ChangedMetadata]
    equal: int
    equal_bytes: int


class RevisionComparison(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The files in which two commits differ; ``old`` is None for the parent of a first commit."""

    old: str | None
    new: str
    files: Sequence[ChangedFile]
    is_complete: bool


class FileComparison(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The difference of one file: as a table, as a model, or, if both are absent, not by content."""

    old: str | None
    new: str
    file: ChangedFile
    table: ChangedTable | None = None
    model: ChangedTensors | None = None
    bytes_read: int
