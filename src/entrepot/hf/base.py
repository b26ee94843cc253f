"""The base class of all parts of ``HubApi``: endpoint, token and the connection to the hub."""

from __future__ import annotations

from collections.abc import Mapping

from entrepot.client.calls import accounts
from entrepot.client.hubs import Hub, connect
from entrepot.client.paths import current_paths, parse_endpoint
from entrepot.errors import EntrepotError, InvalidName
from entrepot.hf.shapes.addresses import RepoUrl
from entrepot.names import RepoRef, parse_repo_id, parse_repo_link, parse_repo_type


class Base:
    """A hub, given by endpoint and token. Cheap to create; equal objects share their connections.

    Args:
        endpoint: URL of the hub; None takes ``ENTREPOT_ENDPOINT``, or else a hub on this computer.
        token: an access token; None takes ``ENTREPOT_TOKEN`` or the token of the
            last login; False sends none; True requires one.
        library_name, library_version, user_agent: parts of the ``User-Agent`` header.
        headers: additional headers of every request.

    Raises:
        ConfigError: the endpoint is not a valid URL of a hub.
    """

    def __init__(
        self,
        endpoint: str | None = None,
        token: str | bool | None = None,
        library_name: str | None = None,
        library_version: str | None = None,
        user_agent: str | Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.endpoint = parse_endpoint(endpoint) if endpoint else current_paths().endpoint
        self.token = token
        self.library_name = library_name
        self.library_version = library_version
        self.user_agent = user_agent
        self.headers = headers

    def __repr__(self) -> str:
        return f"{type(self).__name__}(endpoint={self.endpoint!r})"

    def _hub(self, token: str | bool | None = None) -> Hub:
        """Return the hub for a caller with this token (None: the token of this object).

        Raises:
            ConfigError, TokenMissing: as ``client.Hub``.
        """
        return connect(
            self.endpoint,
            self.token if token is None else token,
            library_name=self.library_name,
            library_version=self.library_version,
            user_agent=self.user_agent,
            headers=self.headers,
        )

    def _repo_to_read(self, repo_id: str, repo_type: str | None = None) -> RepoRef:
        """Return a repository to read from; the hub resolves an id without a namespace.

        Raises:
            InvalidName: the id or the type breaks a rule, or it is the URL of another hub.
        """
        return repo_ref(repo_id, repo_type, endpoint=self.endpoint)

    def _repo_to_change(self, repo_id: str, repo_type: str | None = None, token: str | bool | None = None) -> RepoRef:
        """Return a repository to write to, whose id must have a namespace.

        Raises:
            InvalidName: as :meth:`_repo_to_read`, or the namespace is missing; the message suggests the caller's own.
        """
        ref = self._repo_to_read(repo_id, repo_type)
        if ref.id.is_short:
            own = f"{self._caller_name(token)}/{ref.id}"
            raise InvalidName("repository id", str(ref.id), f"a change needs the namespace: write {own!r}")
        return ref

    def _caller_name(self, token: str | bool | None) -> str:
        """Return the caller's username, or a placeholder if the hub does not identify the caller."""
        try:
            hub = self._hub(token)
            hub.need_token()
            return hub.send(accounts.whoami()).name
        except EntrepotError:
            return "namespace"


def repo_ref(repo_id: str, repo_type: str | None = None, *, endpoint: str | None = None) -> RepoRef:
    """Parse a repository reference: an id, an id prefixed with its type, or a URL.

    The namespace may be missing. A URL returned by ``create_repo`` contains its type.

    Args:
        repo_type: ``model``, ``dataset`` or ``space``; None takes the type of the id, or else model.
        endpoint: the hub that a URL must belong to; None accepts the URL of any hub.

    Raises:
        InvalidName: the id or the type breaks a rule.
    """
    if isinstance(repo_id, RepoUrl):
        return RepoRef(parse_repo_type(repo_type or repo_id.repo_type), parse_repo_id(repo_id.repo_id))
    return parse_repo_link(repo_id, repo_type, endpoint=endpoint, is_short_allowed=True)
