"""Count downloads without a database write for each.

One download is one client fetching one repository, regardless of the number of
files. For models, the file that a library requests first is counted; for
datasets and spaces, the first file within five minutes.
Source: docs/protocols/hf_api.md, section 2.5 ("Count a download …").
"""

from __future__ import annotations

import itertools
import threading

from entrepot.catalog import Lock
from entrepot.catalog.community import trends
from entrepot.catalog.repos import download_counts
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.hub.context import HubContext
from entrepot.names import RepoPath

QUERY_FILES = frozenset(
    (
        "adapter_config.json",
        "config.json",
        "config.yaml",
        "config_sentence_transformers.json",
        "hyperparams.yaml",
        "meta.yaml",
        "model_index.json",
        "open_clip_config.json",
        "params.json",
        "preprocessor_config.json",
        "tokenizer_config.json",
    )
)
_WINDOW_MS = 5 * 60_000
_DAY_MS = 86_400_000
_REMEMBERED = 100_000
_BATCH = 200


def is_counted(row: RepoRow, path: RepoPath) -> bool:
    """Return whether a download of this file counts as a download of its repository."""
    return not row.type.kind.has_library or path in QUERY_FILES


class DownloadCounter:
    """Counts in memory; :meth:`flush` adds the counts to the catalog. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[int, int] = {}
        self._seen: dict[tuple[int, str], int] = {}

    def note(self, row: RepoRow, path: RepoPath, client: str, now_ms: int) -> None:
        """Record that a client fetches a file.

        Args:
            client: distinguishes clients, such as address and user agent.
        """
        if not is_counted(row, path):
            return
        with self._lock:
            key = (row.id, client)
            last = self._seen.get(key)
            if last is not None and now_ms - last < _WINDOW_MS:
                return
            if len(self._seen) >= _REMEMBERED:
                self._seen.clear()
            self._seen[key] = now_ms
            self._counts[row.id] = self._counts.get(row.id, 0) + 1

    def flush(self, hub: HubContext) -> None:
        """Add the counts to the catalog; keep those that cannot be written now."""
        with self._lock:
            counts, self._counts = self._counts, {}
        if not counts:
            return
        try:
            while counts:
                batch = dict(itertools.islice(counts.items(), _BATCH))
                with hub.write(*map(Lock.repo, batch)) as tx:
                    download_counts.add(tx, hub.now_ms() // _DAY_MS, batch)
                    trends.refresh(tx, list(batch), hub.now_ms())
                for repo_id in batch:
                    del counts[repo_id]
        finally:
            if counts:
                with self._lock:
                    for repo_id, count in counts.items():
                        self._counts[repo_id] = self._counts.get(repo_id, 0) + count
