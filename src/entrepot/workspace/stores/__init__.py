"""A store of versions in a bucket: files as deduplicated chunks, read and written without a server."""

from entrepot.workspace.stores.buckets.creation import create_bucket
from entrepot.workspace.stores.checking import check_version
from entrepot.workspace.stores.chunk_stores import ChunkStore
from entrepot.workspace.stores.drafts import draft_path
from entrepot.workspace.stores.fetching import fetch_files
from entrepot.workspace.stores.garbage import IsLive, collect_garbage
from entrepot.workspace.stores.migration import find_sizes, migrate_version
from entrepot.workspace.stores.opening import cached_indexes, open_store
from entrepot.workspace.stores.outbox import Outbox
from entrepot.workspace.stores.outbox_checks import check_indexes, check_outbox
from entrepot.workspace.stores.packing import pack_files
from entrepot.workspace.stores.pushing import plan_push, push_version
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
