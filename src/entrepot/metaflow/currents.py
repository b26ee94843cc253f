"""The objects ``current.hub``, ``current.huggingface_hub`` and ``current.model``."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import Any, TypedDict, Unpack

import entrepot
from entrepot.client.patterns import Patterns
from entrepot.errors import InvalidArgument, Refused
from entrepot.metaflow.fetching import Fetched, fetch_item, fetch_reference
from entrepot.metaflow.loaded import LoadedFolders, place_at
from entrepot.metaflow.pushes import parse_push, push
from entrepot.metaflow.references import parse_reference
from entrepot.metaflow.sessions import TaskSession
from entrepot.metaflow.specs import KEYWORDS, UNUSED, absolute, parse_item

StrPath = str | os.PathLike[str]


class ClientKeywords(TypedDict, total=False):
    """Keywords of ``huggingface_hub.snapshot_download``, for type checkers; the last ones have no effect."""

    revision: str | None
    allow_patterns: Patterns
    ignore_patterns: Patterns
    force_download: bool
    max_workers: int
    etag_timeout: float
    token: str | None
    endpoint: str | None
    cache_dir: StrPath | None
    local_files_only: bool
    library_name: str | None
    library_version: str | None
    user_agent: object
    headers: object
    proxies: object
    resume_download: object
    local_dir_use_symlinks: object
    tqdm_class: object


class CurrentRepos:
    """The base class of these objects: the folders and the references of the step."""

    def __init__(
        self,
        session: TaskSession,
        loaded: LoadedFolders,
        *,
        endpoint: str | None = None,
        temp_dir_root: str | None = None,
    ) -> None:
        self._session = session
        self._endpoint = endpoint
        self._root = temp_dir_root
        self._loaded = loaded

    @property
    def loaded(self) -> LoadedFolders:
        """The folders of what the step loads, by key; each is a copy that the step may change."""
        return self._loaded

    @property
    def info(self) -> Mapping[str, dict[str, Any]]:
        """The references of what the step loads, by key."""
        return self._loaded.info

    def _item(
        self, given: Mapping[str, object], folder: StrPath | None = None, *, takes_token: bool = False
    ) -> Fetched:
        item = parse_item(given, takes_token=takes_token)
        return fetch_item(self._session, item, self._endpoint, absolute(folder))

    def _reference(self, value: object) -> Fetched:
        return fetch_reference(self._session, parse_reference(value), self._endpoint)

    @contextlib.contextmanager
    def _placed(self, fetched: Fetched, path: StrPath | None) -> Iterator[str]:
        if path is not None:
            yield str(place_at(fetched, os.fspath(path)).path)
            return
        folder = self._session.new_folder(self._root, str(fetched.reference.ref.id))
        try:
            fetched.copy_to(folder, is_new=True)
            yield str(folder)
        finally:
            self._session.remove_folder(folder)


class CurrentHub(CurrentRepos):
    """``current.hub``: repositories of a hub in a step."""

    @property
    def api(self) -> entrepot.HubApi:
        """The whole API of the hub."""
        return entrepot.HubApi(self._endpoint)

    def snapshot_download(
        self,
        *,
        repo_id: str,
        repo_type: str | None = None,
        revision: str | None = None,
        allow_patterns: Patterns = None,
        ignore_patterns: Patterns = None,
        force_download: bool = False,
        endpoint: str | None = None,
        local_dir: StrPath | None = None,
        cache_dir: StrPath | None = None,
        max_workers: int | None = None,
        etag_timeout: float | None = None,
        local_files_only: bool = False,
    ) -> dict[str, Any]:
        """Fetch a revision into the cache of this computer, and return its reference for later steps.

        Args:
            revision: branch, tag or commit; None is main. The reference names the commit.
            force_download: fetch again what is cached.
            others: as for ``HubApi.snapshot_download``.

        Raises:
            RepoNotFound, RevisionNotFound, GatedRepo: the hub refuses.
            NotCached: the hub was not asked or not reachable, and the cache lacks something.
        """
        given = {
            "repo_id": repo_id,
            "repo_type": repo_type,
            "revision": revision,
            "allow_patterns": allow_patterns,
            "ignore_patterns": ignore_patterns,
            "force_download": force_download,
            "endpoint": endpoint,
            "cache_dir": cache_dir,
            "max_workers": max_workers,
            "etag_timeout": etag_timeout,
            "local_files_only": local_files_only,
        }
        return self._item(given, local_dir).reference.to_dict()

    def load(
        self,
        repo: str | Mapping[str, Any],
        path: StrPath | None = None,
        *,
        repo_type: str | None = None,
        revision: str | None = None,
        allow_patterns: Patterns = None,
        ignore_patterns: Patterns = None,
        force_download: bool = False,
        endpoint: str | None = None,
    ) -> contextlib.AbstractContextManager[str]:
        """Return a context manager that yields a folder with the files of a repository, or of a reference.

        Args:
            path: the folder to fill, which stays; None is a temporary one, which ends with the block.
            others: as for :meth:`snapshot_download`; a reference has its own.

        Raises:
            InvalidArgument: the value is no reference, or comes with arguments that it has itself.
            others: as :meth:`snapshot_download`.
        """
        if not isinstance(repo, str):
            if any((repo_type, revision, allow_patterns, ignore_patterns)):
                raise InvalidArgument("a reference names its revision and patterns: pass only the reference")
            return self._placed(self._reference(repo), path)
        given = {
            "repo_id": repo,
            "repo_type": repo_type,
            "revision": revision,
            "allow_patterns": allow_patterns,
            "ignore_patterns": ignore_patterns,
            "force_download": force_download,
            "endpoint": endpoint,
        }
        return self._placed(self._item(given), path)

    def push(
        self,
        repo_id: str,
        path_or_folder: StrPath,
        *,
        repo_type: str | None = None,
        path_in_repo: str | None = None,
        message: str | None = None,
        branch: str = "main",
        tag: str | None = None,
        private: bool | None = None,
        allow_patterns: Patterns = None,
        ignore_patterns: Patterns = None,
        delete_patterns: Patterns = None,
        create: bool = True,
    ) -> dict[str, Any]:
        """Push a file or a folder as one commit, and return its reference for later steps.

        The description of the commit says which task made it, and what the
        task had read. If nothing changed, no commit is created.

        Args:
            path_in_repo: the folder (for a file: the path) in the repository; None is its root.
            message: the commit message; None names the task.
            tag: a tag for the commit; one that exists at this commit is fine.
            private: visibility of the repository if it is created.
            delete_patterns: files of the repository to delete in the same commit.
            create: create the repository if it does not exist.

        Raises:
            RepoNotFound, RevisionNotFound, Forbidden: the hub refuses; nothing was committed.
            AlreadyExists: the tag exists at another commit.
            SourceMissing, SourceUnreadable, SourceChanged: a file cannot be read, or changed meanwhile.
        """
        wanted = parse_push(
            repo_id,
            path_or_folder,
            repo_type=repo_type,
            path_in_repo=path_in_repo,
            message=message,
            branch=branch,
            tag=tag,
            private=private,
            allow_patterns=allow_patterns,
            ignore_patterns=ignore_patterns,
            delete_patterns=delete_patterns,
            create=create,
        )
        return push(self._session, wanted, self._endpoint).to_dict()


class CurrentHuggingfaceHub(CurrentRepos):
    """``current.huggingface_hub``, as flows written for metaflow-checkpoint use it."""

    def snapshot_download(
        self,
        *,
        repo_id: str,
        repo_type: str | None = None,
        local_dir: StrPath | None = None,
        **keywords: Unpack[ClientKeywords],
    ) -> dict[str, Any]:
        """Fetch a revision into the cache of this computer, and return its reference, which ``@model`` loads.

        Args:
            keywords: those of ``huggingface_hub.snapshot_download``. A token is used
                for this call, and never part of the reference.

        Raises:
            RepoNotFound, RevisionNotFound, GatedRepo: the hub refuses.
            TypeError: the keyword does not exist.
        """
        given = _checked({**keywords, "repo_id": repo_id, "repo_type": repo_type})
        return self._item(given, local_dir, takes_token=True).reference.to_dict()

    def load(
        self,
        repo_id: str | None = None,
        path: StrPath | None = None,
        repo_type: str | None = None,
        **keywords: Unpack[ClientKeywords],
    ) -> contextlib.AbstractContextManager[str]:
        """Return a context manager that yields a folder with the files of a repository.

        Args:
            path: the folder to fill, which stays; None is a temporary one, which ends with the block.
            keywords: as for :meth:`snapshot_download`.

        Raises:
            InvalidArgument: ``repo_id`` is missing.
            others: as :meth:`snapshot_download`.
        """
        if repo_id is None:
            raise InvalidArgument("load needs repo_id, such as 'demo/bert'")
        given = _checked({**keywords, "repo_id": repo_id, "repo_type": repo_type})
        return self._placed(self._item(given, takes_token=True), path)


class CurrentModel(CurrentRepos):
    """``current.model``, for references of a hub only."""

    def load(self, reference: object, path: StrPath | None = None) -> str:
        """Return a folder with the files of a reference.

        Args:
            path: the folder to fill; None is a temporary one, which ends with the task.

        Raises:
            InvalidArgument: the value is not a reference of a hub.
        """
        fetched = self._reference(reference)
        if path is not None:
            return str(place_at(fetched, os.fspath(path)).path)
        folder = self._session.new_folder(self._root, str(fetched.reference.ref.id))
        fetched.copy_to(folder, is_new=True)
        return str(folder)

    def save(self, *_arguments: object, **_keywords: object) -> None:
        """Raise the error that says how to store a model.

        Raises:
            Refused: always.
        """
        raise Refused(
            "current.model.save stores in the datastore of Metaflow, for which the package metaflow-checkpoint is "
            "needed; current.hub.push stores in a repository of the hub"
        )


def _checked(given: Mapping[str, object]) -> Mapping[str, object]:
    """Return keywords if the client has them all; Python checks only those of a signature."""
    for name in given:
        if name not in (*KEYWORDS, *UNUSED, "token") or name == "name":
            raise TypeError(f"snapshot_download() got an unexpected keyword argument {name!r}")
    return given
