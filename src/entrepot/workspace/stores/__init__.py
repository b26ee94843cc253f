"""A store of versions in a bucket: files as deduplicated chunks, read and written without a server.

What reads or writes chunks is imported when it is first used, so that commands that do neither start quickly.
"""

from typing import TYPE_CHECKING

from entrepot.workspace.stores.drafts import draft_path
from entrepot.workspace.stores.values import (
    CheckLevel,
    CheckReport,
    FetchCounts,
    FileState,
    GarbageReport,
    PackedFile,
    PackResult,
    Problem,
    PushCounts,
    SourceFile,
    StorageConfig,
    UnpackedFile,
    VersionDraft,
    VersionRef,
)

if TYPE_CHECKING:
    from entrepot.workspace.stores.buckets.creation import create_bucket
    from entrepot.workspace.stores.checking import check_version
    from entrepot.workspace.stores.chunk_stores import ChunkStore
    from entrepot.workspace.stores.fetching import fetch_files
    from entrepot.workspace.stores.garbage import IsLive, collect_garbage
    from entrepot.workspace.stores.migration import find_sizes, migrate_version
    from entrepot.workspace.stores.opening import cached_indexes, open_store
    from entrepot.workspace.stores.outbox import Outbox
    from entrepot.workspace.stores.outbox_checks import check_indexes, check_outbox
    from entrepot.workspace.stores.packing import pack_files
    from entrepot.workspace.stores.pushing import plan_push, push_version

__all__ = [
    "CheckLevel",
    "CheckReport",
    "ChunkStore",
    "FetchCounts",
    "FileState",
    "GarbageReport",
    "IsLive",
    "Outbox",
    "PackResult",
    "PackedFile",
    "Problem",
    "PushCounts",
    "SourceFile",
    "StorageConfig",
    "UnpackedFile",
    "VersionDraft",
    "VersionRef",
    "cached_indexes",
    "check_indexes",
    "check_outbox",
    "check_version",
    "collect_garbage",
    "create_bucket",
    "draft_path",
    "fetch_files",
    "find_sizes",
    "migrate_version",
    "open_store",
    "pack_files",
    "plan_push",
    "push_version",
]

_MODULES = {
    "ChunkStore": "entrepot.workspace.stores.chunk_stores",
    "IsLive": "entrepot.workspace.stores.garbage",
    "Outbox": "entrepot.workspace.stores.outbox",
    "cached_indexes": "entrepot.workspace.stores.opening",
    "check_indexes": "entrepot.workspace.stores.outbox_checks",
    "check_outbox": "entrepot.workspace.stores.outbox_checks",
    "check_version": "entrepot.workspace.stores.checking",
    "collect_garbage": "entrepot.workspace.stores.garbage",
    "create_bucket": "entrepot.workspace.stores.buckets.creation",
    "fetch_files": "entrepot.workspace.stores.fetching",
    "find_sizes": "entrepot.workspace.stores.migration",
    "migrate_version": "entrepot.workspace.stores.migration",
    "open_store": "entrepot.workspace.stores.opening",
    "pack_files": "entrepot.workspace.stores.packing",
    "plan_push": "entrepot.workspace.stores.pushing",
    "push_version": "entrepot.workspace.stores.pushing",
}


def __getattr__(name: str) -> object:
    import importlib

    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)
