"""Contents of a repository: lists of files and folders, and checks for existence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from entrepot.client.calls import files, repos, trees
from entrepot.errors import EntryNotFound, GatedRepo, RepoNotFound, RevisionNotFound
from entrepot.hf.base import Base
from entrepot.hf.shapes.files import HfFileMetadata, RepoFile, RepoFolder, entry_of, metadata_of


class Files(Base):
    """Methods that look up files without downloading them."""

    def list_repo_files(
        self,
        repo_id: str,
        *,
        revision: str | None = None,
        repo_type: str | None = None,
        token: str | bool | None = None,
    ) -> list[str]:
        """List the paths of all files of a revision (None: the head of main).

        Raises:
            RepoNotFound, RevisionNotFound: the repository or the revision does not exist.
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
        """List the files and folders in a folder (None: the root); pages are fetched as needed.

        Args:
            recursive: also list the content of subfolders.
            expand: include the last commit of each entry, which is slower.

        Raises:
            EntryNotFound: the folder does not exist; raised by the first iteration.
            RepoNotFound, RevisionNotFound: the repository or the revision does not exist.
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
        """Return the files and folders at the given paths; paths that do not exist are left out.

        Args:
            expand: include the last commit of each entry, which is slower.

        Raises:
            RepoNotFound, RevisionNotFound: the repository or the revision does not exist.
        """
        ref, hub = self._repo_to_read(repo_id, repo_type), self._hub(token)
        wanted = [paths] if isinstance(paths, str) else list(paths)
        found: list[RepoFile | RepoFolder] = []
        for at in range(0, len(wanted), trees.MAX_PATHS):
            some = wanted[at : at + trees.MAX_PATHS]
            found += map(entry_of, hub.send(trees.describe(ref, revision or "main", some, expand=expand)))
        return found

    def repo_exists(self, repo_id: str, *, repo_type: str | None = None, token: str | bool | None = None) -> bool:
        """Return whether a repository exists and is visible to the caller."""
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
        """Return whether a repository has this branch, tag or commit; False if the repository does not exist either."""
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
        """Return whether a file exists; False if the repository or the revision does not exist either.

        Raises:
            GatedRepo: the repository exists, but the caller has no access to its content.
        """
        try:
            self._hub(token).send(files.facts(self._repo_to_read(repo_id, repo_type), revision or "main", filename))
        except (RepoNotFound, RevisionNotFound, EntryNotFound):
            return False
        return True

    def get_hf_file_metadata(
        self, *, url: str, token: str | bool | None = None, timeout: float | None = None
    ) -> HfFileMetadata:
        """Return the metadata of the file at a URL of :func:`hub_url`, without its content.

        Args:
            timeout: seconds without data from the hub after which the request fails.

        Raises:
            EntryNotFound, RepoNotFound, RevisionNotFound: the URL leads to nothing.
            GatedRepo: the caller has no access to the content.
        """
        return metadata_of(self._hub(token).send(files.facts_at(url), timeout_s=timeout))
