"""Repositories: create, describe, configure, move and delete."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from entrepot.client.calls import Call, accounts, repos
from entrepot.client.http_errors import HubFailure
from entrepot.client.hubs import Hub
from entrepot.errors import Conflict, Forbidden, InvalidArgument, NotOffered, RepoNotFound
from entrepot.hf.base import Base, repo_ref
from entrepot.hf.shapes.addresses import RepoUrl
from entrepot.hf.shapes.repos import DatasetInfo, ModelInfo, SpaceInfo, dataset_of, info_of, model_of, space_of
from entrepot.names import RepoId, RepoRef
from entrepot.wire.repos import repositories as wire

_COMPUTE = frozenset(
    """
    region resource_group_id space_hardware space_secrets space_sleep_time space_storage space_template
    space_variables space_volumes hardware storage sleep_time secrets variables
    """.split()  # noqa: SIM905 - more readable than a dozen literals
)
"""Arguments that only a hub with compute for spaces could use."""


class Repos(Base):
    """Methods for whole repositories."""

    def create_repo(
        self,
        repo_id: str,
        *,
        token: str | bool | None = None,
        private: bool | None = None,
        visibility: str | None = None,
        repo_type: str | None = None,
        exist_ok: bool = False,
        space_sdk: str | None = None,
        **compute: object,
    ) -> RepoUrl:
        """Create a repository and return its URL.

        Args:
            repo_id: ``namespace/name``, or ``name`` for a repository of the caller.
            private, visibility: ``private=True`` and ``visibility="private"`` mean the
                same; None uses the default of the hub.
            exist_ok: return an existing repository instead of raising.
            space_sdk: ``static``, ``gradio``, ``streamlit`` or ``docker``; required for spaces.
            compute: hardware, secrets and similar; only None is accepted.

        Raises:
            Conflict: the repository exists, and ``exist_ok`` is False.
            Forbidden: the token may not create repositories in this namespace.
            NotOffered: an argument in ``compute`` was set; entrepot does not run spaces.
        """
        _refuse_compute(compute)
        hub = self._hub(token)
        ref = _own_ref(hub, repo_id, repo_type)
        if ref.type.kind.has_sdk and space_sdk is None:
            raise InvalidArgument("a space needs a space_sdk: static, gradio, streamlit or docker")
        sdk = space_sdk if ref.type.kind.has_sdk else None
        return _create(hub, ref, repos.create(ref, visibility=_visibility(private, visibility), sdk=sdk), exist_ok)

    def delete_repo(
        self,
        repo_id: str,
        *,
        token: str | bool | None = None,
        repo_type: str | None = None,
        missing_ok: bool = False,
    ) -> None:
        """Delete a repository with all its content; this cannot be undone.

        Args:
            missing_ok: do not raise if the repository does not exist.

        Raises:
            RepoNotFound: the repository does not exist, and ``missing_ok`` is False.
            Forbidden: the token may not delete it.
        """
        hub = self._hub(token)
        try:
            hub.send(repos.delete(self._repo_to_change(repo_id, repo_type, token)))
        except RepoNotFound:
            if not missing_ok:
                raise

    def move_repo(
        self, from_id: str, to_id: str, *, repo_type: str | None = None, token: str | bool | None = None
    ) -> None:
        """Rename a repository or transfer it to another namespace; the old id redirects to the new one.

        Raises:
            Conflict: the new id is taken.
            RepoNotFound: the repository does not exist.
            Forbidden: the token may not move it.
        """
        old, new = (self._repo_to_change(name, repo_type, token) for name in (from_id, to_id))
        self._hub(token).send(repos.move(old, new))

    def duplicate_repo(
        self,
        from_id: str,
        to_id: str | None = None,
        *,
        repo_type: str | None = None,
        private: bool | None = None,
        visibility: str | None = None,
        token: str | bool | None = None,
        exist_ok: bool = False,
        **compute: object,
    ) -> RepoUrl:
        """Create a repository with the content of another one and return its URL.

        Args:
            to_id: id of the new repository; None uses the same name in the caller's namespace.

        Raises:
            Conflict: the repository exists, and ``exist_ok`` is False.
            NotOffered: as :meth:`create_repo`.
        """
        _refuse_compute(compute)
        hub = self._hub(token)
        source = self._repo_to_read(from_id, repo_type)
        copy = _own_ref(hub, to_id or source.id.name, repo_type)
        call = repos.duplicate(source, copy, visibility=_visibility(private, visibility))
        return _create(hub, copy, call, exist_ok)

    def duplicate_space(
        self,
        from_id: str,
        to_id: str | None = None,
        *,
        private: bool | None = None,
        token: str | bool | None = None,
        exist_ok: bool = False,
        **compute: object,
    ) -> RepoUrl:
        """Duplicate a space; as :meth:`duplicate_repo`."""
        _refuse_compute(compute)
        return self.duplicate_repo(from_id, to_id, repo_type="space", private=private, token=token, exist_ok=exist_ok)

    def update_repo_settings(
        self,
        repo_id: str,
        *,
        gated: Literal["auto", "manual", False] | None = None,
        private: bool | None = None,
        visibility: str | None = None,
        discussions_disabled: bool | None = None,
        protected_branches: list[str] | None = None,
        immutable_tags: bool | None = None,
        archived: bool | None = None,
        token: str | bool | None = None,
        repo_type: str | None = None,
    ) -> None:
        """Update the settings of a repository; None leaves a setting unchanged.

        Args:
            gated: ``"auto"`` accepts access requests automatically, ``"manual"``
                leaves them to the owner; False removes the gate.
            visibility: ``"public"``, ``"private"``, or, on entrepot only, ``"folder"`` to follow the folder
                of the repository again.
            protected_branches: branches that cannot be force-pushed or deleted; a setting of entrepot only.
            immutable_tags: whether tags cannot be moved or deleted; a setting of entrepot only.
            archived: whether nothing in it can be changed until False is set again; a setting of entrepot only.

        Raises:
            RepoNotFound: the repository does not exist.
            Forbidden: the token may not change its settings.
        """
        wanted = _visibility(private, visibility)
        settings = wire.RepoSettings(
            gated=gated,
            private=wanted == "private" if wanted in ("public", "private") else None,
            visibility=wanted,
            discussions_disabled=discussions_disabled,
            protected_branches=protected_branches,
            immutable_tags=immutable_tags,
            archived=archived,
        )
        self._hub(token).send(repos.configure(self._repo_to_change(repo_id, repo_type, token), settings))

    def update_repo_visibility(
        self,
        repo_id: str,
        private: bool = False,
        *,
        token: str | bool | None = None,
        repo_type: str | None = None,
    ) -> dict[str, Any]:
        """Make a repository private or public and return the changed settings."""
        settings = wire.RepoSettings(private=private)
        return dict(self._hub(token).send(repos.configure(self._repo_to_change(repo_id, repo_type, token), settings)))

    def auth_check(
        self, repo_id: str, *, repo_type: str | None = None, token: str | bool | None = None, write: bool = False
    ) -> None:
        """Check that the caller may read the content of a repository (with ``write``: write to it).

        Raises:
            RepoNotFound: the repository does not exist, or the caller may not know of it.
            GatedRepo: the caller has no access to a gated repository.
            Forbidden: the token lacks the permission.
        """
        self._hub(token).send(repos.check_access(self._repo_to_read(repo_id, repo_type), write=write))

    def repo_info(
        self,
        repo_id: str,
        *,
        revision: str | None = None,
        repo_type: str | None = None,
        timeout: float | None = None,
        files_metadata: bool = False,
        expand: str | Iterable[str] | None = None,
        token: str | bool | None = None,
    ) -> ModelInfo | DatasetInfo | SpaceInfo:
        """Return the metadata of a repository at a revision.

        Args:
            revision: branch, tag or commit; None is the head of main.
            timeout: seconds without data from the hub after which the request fails.
            files_metadata: include size, git id and LFS pointer of each file.
            expand: return only these properties; excludes ``files_metadata``.

        Raises:
            RepoNotFound, RevisionNotFound: the repository or the revision does not exist.
        """
        ref = self._repo_to_read(repo_id, repo_type)
        return info_of(ref.type, self._described(ref, revision, timeout, files_metadata, expand, token))

    def model_info(
        self,
        repo_id: str,
        *,
        revision: str | None = None,
        timeout: float | None = None,
        securityStatus: bool | None = None,  # noqa: N803 - name in huggingface_hub
        files_metadata: bool = False,
        expand: str | Iterable[str] | None = None,
        token: str | bool | None = None,
    ) -> ModelInfo:
        """Return the metadata of a model; as :meth:`repo_info`.

        Args:
            securityStatus: include the results of security scanners.
        """
        ref = self._repo_to_read(repo_id, "model")
        security = bool(securityStatus)
        return model_of(self._described(ref, revision, timeout, files_metadata, expand, token, security=security))

    def dataset_info(
        self,
        repo_id: str,
        *,
        revision: str | None = None,
        timeout: float | None = None,
        files_metadata: bool = False,
        expand: str | Iterable[str] | None = None,
        token: str | bool | None = None,
    ) -> DatasetInfo:
        """Return the metadata of a dataset; as :meth:`repo_info`."""
        ref = self._repo_to_read(repo_id, "dataset")
        return dataset_of(self._described(ref, revision, timeout, files_metadata, expand, token))

    def space_info(
        self,
        repo_id: str,
        *,
        revision: str | None = None,
        timeout: float | None = None,
        files_metadata: bool = False,
        expand: str | Iterable[str] | None = None,
        token: str | bool | None = None,
    ) -> SpaceInfo:
        """Return the metadata of a space; as :meth:`repo_info`."""
        ref = self._repo_to_read(repo_id, "space")
        return space_of(self._described(ref, revision, timeout, files_metadata, expand, token))

    def _described(
        self,
        ref: RepoRef,
        revision: str | None,
        timeout: float | None,
        files_metadata: bool,
        expand: str | Iterable[str] | None,
        token: str | bool | None,
        *,
        security: bool = False,
    ) -> wire.WiderRepoInfo:
        words = (expand,) if isinstance(expand, str) else tuple(expand or ())
        if words and (files_metadata or security):
            raise InvalidArgument("expand cannot be combined with files_metadata or securityStatus")
        call = repos.describe(ref, revision, blobs=files_metadata, security_status=security, expand=words)
        return self._hub(token).send(call, timeout_s=timeout)


def _create(hub: Hub, ref: RepoRef, call: Call[wire.RepoUrl], exist_ok: bool) -> RepoUrl:
    """Return the URL of a created repository, or of the existing one with ``exist_ok``."""
    try:
        return RepoUrl(hub.send(call).url, endpoint=hub.endpoint)
    except Conflict as error:
        if not isinstance(error, HubFailure):
            raise
        if not exist_ok:
            error.said += "; pass exist_ok=True (--exist-ok) to use the existing one"
            raise
        known = error.document.get("url")
        return RepoUrl(known if isinstance(known, str) else f"{hub.endpoint}/{ref.path}", endpoint=hub.endpoint)
    except Forbidden:
        # A caller who may not create it can still use an existing repository.
        if not exist_ok or not _exists(hub, ref):
            raise
        return RepoUrl(f"{hub.endpoint}/{ref.path}", endpoint=hub.endpoint)


def _exists(hub: Hub, ref: RepoRef) -> bool:
    try:
        hub.send(repos.describe(ref))
    except RepoNotFound:
        return False
    return True


def _own_ref(hub: Hub, repo_id: str, repo_type: str | None) -> RepoRef:
    """Return a reference to the repository; an id without a namespace belongs to the caller."""
    ref = repo_ref(repo_id, repo_type, endpoint=hub.endpoint)
    if not ref.id.is_short:
        return ref
    hub.need_token()
    return RepoRef(ref.type, RepoId(hub.send(accounts.whoami()).name, ref.id.name))


def _visibility(private: bool | None, visibility: str | None) -> str | None:
    if visibility is not None and private is not None and (visibility == "private") is not private:
        raise InvalidArgument(f"visibility={visibility!r} contradicts private={private}")
    if visibility is not None:
        return visibility
    return None if private is None else "private" if private else "public"


def _refuse_compute(options: dict[str, object]) -> None:
    for name, value in options.items():
        if name not in _COMPUTE:
            raise TypeError(f"unexpected keyword argument {name!r}")
        if value is not None:
            raise NotOffered(f"programs in spaces, and with them {name!r},")
