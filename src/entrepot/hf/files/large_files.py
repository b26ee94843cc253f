"""Large files of a repository: list them, or delete them permanently."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from entrepot.client.calls import lfs
from entrepot.hf.base import Base
from entrepot.hf.shapes.large_files import LFSFileInfo, large_file_of

_BATCH = 1000


class LargeFiles(Base):
    """Methods for large files of all revisions. They raise RepoNotFound if the repository does not exist."""

    def list_lfs_files(
        self, repo_id: str, *, repo_type: str | None = None, token: str | bool | None = None
    ) -> Iterator[LFSFileInfo]:
        """List the large files of a repository, over all revisions."""
        return map(large_file_of, self._hub(token).pages(lfs.listing(self._repo_to_read(repo_id, repo_type))))

    def permanently_delete_lfs_files(
        self,
        repo_id: str,
        lfs_files: Iterable[LFSFileInfo],
        *,
        rewrite_history: bool = True,
        repo_type: str | None = None,
        token: str | bool | None = None,
    ) -> None:
        """Delete large files permanently.

        Args:
            rewrite_history: also remove them from every commit, which changes commit ids.

        Raises:
            Forbidden: the token may not delete them.
        """
        ref, hub = self._repo_to_change(repo_id, repo_type, token), self._hub(token)
        names = (file.file_oid for file in lfs_files)
        while batch := list(itertools.islice(names, _BATCH)):
            hub.send(lfs.delete(ref, batch, rewrite_history=rewrite_history))
