"""Values of the store's interface."""

from __future__ import annotations

from entrepot.workspace.stores import CheckLevel, FileState, StorageConfig


def test_a_storage_is_named_as_in_a_spec() -> None:
    assert StorageConfig("s3h", "mlgit-datasets").url == "s3h://mlgit-datasets"


def test_levels_are_ordered() -> None:
    assert CheckLevel.PRESENCE < CheckLevel.THOROUGH < CheckLevel.PARANOID


def test_equal_states_are_equal() -> None:
    assert FileState(1, 2, 3, 4, 5) == FileState(1, 2, 3, 4, 5)
