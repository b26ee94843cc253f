"""Exceptions under the names of huggingface_hub.

They are aliases of the classes in ``entrepot.errors``. Exceptions raised for a
response of the hub are also ``HfHubHTTPError``, with ``response``,
``request_id`` and ``server_message``.
"""

from __future__ import annotations

from entrepot.client.http_errors import HubFailure as HfHubHTTPError
from entrepot.errors import BranchMoved as BranchMovedError
from entrepot.errors import CacheDamaged as CorruptedCacheException
from entrepot.errors import CacheMissing as CacheNotFound
from entrepot.errors import EntryNotFound as EntryNotFoundError
from entrepot.errors import EntryNotFound as RemoteEntryNotFoundError
from entrepot.errors import GatedRepo as GatedRepoError
from entrepot.errors import Invalid as BadRequestError
from entrepot.errors import InvalidName as HFValidationError
from entrepot.errors import NotCached as LocalEntryNotFoundError
from entrepot.errors import Offline as OfflineModeIsEnabled
from entrepot.errors import RepoDisabled as DisabledRepoError
from entrepot.errors import RepoNotFound as RepositoryNotFoundError
from entrepot.errors import RevisionNotFound as RevisionNotFoundError
from entrepot.errors import SnapshotIncomplete as IncompleteSnapshotError
from entrepot.errors import TensorsMissing as NotASafetensorsRepoError
from entrepot.errors import TensorsUnreadable as SafetensorsParsingError
from entrepot.errors import TokenMissing as LocalTokenNotFoundError

__all__ = [
    "BadRequestError",
    "BranchMovedError",
    "CacheNotFound",
    "CorruptedCacheException",
    "DisabledRepoError",
    "EntryNotFoundError",
    "GatedRepoError",
    "HFValidationError",
    "HfHubHTTPError",
    "IncompleteSnapshotError",
    "LocalEntryNotFoundError",
    "LocalTokenNotFoundError",
    "NotASafetensorsRepoError",
    "OfflineModeIsEnabled",
    "RemoteEntryNotFoundError",
    "RepositoryNotFoundError",
    "RevisionNotFoundError",
    "SafetensorsParsingError",
]
