"""Repositories: made, described, configured, moved, removed."""

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
    """.split()  # noqa: SIM905 - a list of words reads better than a dozen literals
)
"""Arguments that only a hub which runs programs could use."""


class Repos(Base):
    """Methods about whole repositories."""

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
        """Make a repository; its address.

        Args:
            repo_id: ``namespace/name``, or ``name`` for one of the caller's own.
            private, visibility: ``True`` and ``"private"`` mean the same;
                None leaves it to the hub.
            exist_ok: an existing one is as good.
            space_sdk: what a space is made with; needed for spaces.
            compute: hardware, secrets and the like; accepted as None only.

        Raises:
            Conflict: it exists already, and not ``exist_ok``.
            Forbidden: the token may not make one there.
            NotOffered: something was asked for that no hub without compute has.
        """
        _refuse_compute(compute)
        hub = self._hub(token)
        ref = _own_ref(hub, repo_id, repo_type)
        if ref.type.kind.has_sdk and space_sdk is None:
            raise InvalidArgument("a space needs a space_sdk: static, gradio, streamlit or docker")
        sdk = space_sdk if ref.type.kind.has_sdk else None
        return _made(hub, ref, repos.create(ref, visibility=_visibility(private, visibility), sdk=sdk), exist_ok)

    def delete_repo(
        self,
        repo_id: str,
        *,
        token: str | bool | None = None,
        repo_type: str | None = None,
        missing_ok: bool = False,
    ) -> None:
        """Remove a repository and everything in it, for good.

        Raises:
            RepoNotFound: there is none, and not ``missing_ok``.
            Forbidden: the token may not remove it.
        """
        hub = self._hub(token)
        try:
            hub.send(repos.delete(self._changed(repo_id, repo_type, token)))
        except RepoNotFound:
            if not missing_ok:
                raise

    def move_repo(
        self, from_id: str, to_id: str, *, repo_type: str | None = None, token: str | bool | None = None
    ) -> None:
        """Give a repository a new name or owner; the old name redirects to it.

        Raises:
            Conflict: the new name is taken.
            RepoNotFound, Forbidden: as usual.
        """
        old, new = (self._changed(name, repo_type, token) for name in (from_id, to_id))
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
        """Make a repository with the content of another one; its address.

        Args:
            to_id: None is the same name among the caller's own.

        Raises:
            Conflict: it exists already, and not ``exist_ok``.
            NotOffered: as :meth:`create_repo`.
        """
        _refuse_compute(compute)
        hub = self._hub(token)
        source = self._wanted(from_id, repo_type)
        copy = _own_ref(hub, to_id or source.id.name, repo_type)
        call = repos.duplicate(source, copy, visibility=_visibility(private, visibility))
        return _made(hub, copy, call, exist_ok)

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
        """As :meth:`duplicate_repo`, for a space."""
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
        token: str | bool | None = None,
        repo_type: str | None = None,
    ) -> None:
        """Change settings; None leaves one as it is.

        Args:
            gated: content needs an access request, granted by itself
                (``"auto"``) or by the owner (``"manual"``); False: no.
            protected_branches, immutable_tags: branches that cannot be
                rewritten or removed, and whether tags can; of this hub only.

        Raises:
            RepoNotFound, Forbidden: as usual.
        """
        wanted = _visibility(private, visibility)
        settings = wire.RepoSettings(
            gated=gated,
            private=wanted == "private" if wanted is not None else None,
            visibility=wanted,
            discussions_disabled=discussions_disabled,
            protected_branches=protected_branches,
            immutable_tags=immutable_tags,
        )
        self._hub(token).send(repos.configure(self._changed(repo_id, repo_type, token), settings))

    def update_repo_visibility(
        self,
        repo_id: str,
        private: bool = False,
        *,
        token: str | bool | None = None,
        repo_type: str | None = None,
    ) -> dict[str, Any]:
        """Make a repository private or public; the settings that the hub changed."""
        settings = wire.RepoSettings(private=private)
        return self._hub(token).send(repos.configure(self._changed(repo_id, repo_type, token), settings))

    def auth_check(
        self, repo_id: str, *, repo_type: str | None = None, token: str | bool | None = None, write: bool = False
    ) -> None:
        """Nothing, if the caller may read (``write``: write) the content; else the error that says why.

        Raises:
            GatedRepo, RepoNotFound, Forbidden: which of them is the answer.
        """
        self._hub(token).send(repos.check_access(self._wanted(repo_id, repo_type), write=write))

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
        """What the hub says about a repository at a revision (None: the head of main).

        Args:
            timeout: seconds that the hub may be silent.
            files_metadata: list files with size, git id and large-file facts.
            expand: the only properties to give; excludes ``files_metadata``.

        Raises:
            RepoNotFound, RevisionNotFound: as usual.
        """
        ref = self._wanted(repo_id, repo_type)
        return info_of(ref.type, self._described(ref, revision, timeout, files_metadata, expand, token))

    def model_info(
        self,
        repo_id: str,
        *,
        revision: str | None = None,
        timeout: float | None = None,
        securityStatus: bool | None = None,  # noqa: N803 - the name is huggingface_hub's
        files_metadata: bool = False,
        expand: str | Iterable[str] | None = None,
        token: str | bool | None = None,
    ) -> ModelInfo:
        """As :meth:`repo_info`, for a model; ``securityStatus`` adds what scanners found."""
        ref = self._wanted(repo_id, "model")
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
        """As :meth:`repo_info`, for a dataset."""
        ref = self._wanted(repo_id, "dataset")
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
        """As :meth:`repo_info`, for a space."""
        ref = self._wanted(repo_id, "space")
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


def _made(hub: Hub, ref: RepoRef, call: Call[wire.RepoUrl], exist_ok: bool) -> RepoUrl:
    """The address of a repository that was made or, if that is as good, of the one that was there."""
    try:
        return RepoUrl(hub.send(call).url, endpoint=hub.endpoint)
    except Conflict as error:
        if not isinstance(error, HubFailure):
            raise
        if not exist_ok:
            error.said += "; pass exist_ok=True to use the one that is there"
            raise
        known = error.document.get("url")
        return RepoUrl(known if isinstance(known, str) else f"{hub.endpoint}/{ref.path}", endpoint=hub.endpoint)
    except Forbidden:
        # Who may not make it may still be content with the one that is there.
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
    """The repository that is meant; an id without a namespace means one of the caller's own."""
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
