"""What is in a repository: files and folders, and whether things exist."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from entrepot.client.calls import files, repos, trees
from entrepot.errors import EntryNotFound, GatedRepo, RepoNotFound, RevisionNotFound
from entrepot.hf.base import Base
from entrepot.hf.shapes.files import HfFileMetadata, RepoFile, RepoFolder, entry_of, metadata_of


class Files(Base):
    """Methods that look into repositories without fetching content."""

    def list_repo_files(
        self,
        repo_id: str,
        *,
        revision: str | None = None,
        repo_type: str | None = None,
        token: str | bool | None = None,
    ) -> list[str]:
        """The paths of all files at a revision (None: the head of main).

        Raises:
            RepoNotFound, RevisionNotFound: as usual.
        """
        call = trees.page(self._repo_to_read(repo_id, repo_type), revision or "main", recursive=True)
        return [entry.path for entry in self._hub(token).pages(call) if entry.type == "file"]

    def list_repo_tree(
        self,
        repo_id: str,
        path_in_repo: str | None = None,
        *,
        recursive: bool = False,
        expand: bool = False,
        revision: str | None = None,
        repo_type: str | None = None,
        token: str | bool | None = None,
    ) -> Iterator[RepoFile | RepoFolder]:
        """Files and folders in a folder (None: the root), asked for as they are needed.

        Args:
            recursive: also what is in the folders.
            expand: tell the last commit of each, which takes longer.

        Raises:
            EntryNotFound: there is no such folder; at the first item.
            RepoNotFound, RevisionNotFound: as usual.
        """
        ref = self._repo_to_read(repo_id, repo_type)
        path = (path_in_repo or "").strip("/")
        call = trees.page(ref, revision or "main", path, recursive=recursive, expand=expand)
        return map(entry_of, self._hub(token).pages(call))

    def get_paths_info(
        self,
        repo_id: str,
        paths: Iterable[str] | str,
        *,
        expand: bool = False,
        revision: str | None = None,
        repo_type: str | None = None,
        token: str | bool | None = None,
    ) -> list[RepoFile | RepoFolder]:
        """What is at each of these paths; those where nothing is are left out.

        Raises:
            RepoNotFound, RevisionNotFound: as usual.
        """
        ref, hub = self._repo_to_read(repo_id, repo_type), self._hub(token)
        wanted = [paths] if isinstance(paths, str) else list(paths)
        found: list[RepoFile | RepoFolder] = []
        for at in range(0, len(wanted), trees.MOST_PATHS):
            some = wanted[at : at + trees.MOST_PATHS]
            found += map(entry_of, hub.send(trees.describe(ref, revision or "main", some, expand=expand)))
        return found

    def repo_exists(self, repo_id: str, *, repo_type: str | None = None, token: str | bool | None = None) -> bool:
        """Whether there is such a repository, as far as the token may know."""
        try:
            self._hub(token).send(repos.describe(self._repo_to_read(repo_id, repo_type)))
        except GatedRepo:
            return True
        except RepoNotFound:
            return False
        return True

    def revision_exists(
        self, repo_id: str, revision: str, *, repo_type: str | None = None, token: str | bool | None = None
    ) -> bool:
        """Whether a repository has such a branch, tag or commit; False, too, when there is no such repository."""
        try:
            self._hub(token).send(repos.describe(self._repo_to_read(repo_id, repo_type), revision))
        except (RepoNotFound, RevisionNotFound):
            return False
        return True

    def file_exists(
        self,
        repo_id: str,
        filename: str,
        *,
        repo_type: str | None = None,
        revision: str | None = None,
        token: str | bool | None = None,
    ) -> bool:
        """Whether there is such a file; False, too, when there is no such repository or revision.

        Raises:
            GatedRepo: the repository is there, but its content is not for this token.
        """
        try:
            self._hub(token).send(files.facts(self._repo_to_read(repo_id, repo_type), revision or "main", filename))
        except (RepoNotFound, RevisionNotFound, EntryNotFound):
            return False
        return True

    def get_hf_file_metadata(
        self, *, url: str, token: str | bool | None = None, timeout: float | None = None
    ) -> HfFileMetadata:
        """What the hub says about the file at a URL (of :func:`hub_url`), without sending it.

        Args:
            timeout: seconds that the hub may be silent.

        Raises:
            EntryNotFound, RepoNotFound, RevisionNotFound, GatedRepo: as usual.
        """
        return metadata_of(self._hub(token).send(files.facts_at(url), timeout_s=timeout))
