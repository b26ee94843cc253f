"""What every theme of ``HubApi`` stands on: an endpoint, a token, and the hub they lead to."""

from __future__ import annotations

from collections.abc import Mapping

from entrepot.client.calls import accounts
from entrepot.client.hubs import Hub, connect
from entrepot.client.paths import current_places, parse_endpoint
from entrepot.errors import EntrepotError, InvalidName
from entrepot.hf.shapes.addresses import RepoUrl
from entrepot.names import RepoRef, parse_repo_id, parse_repo_link, parse_repo_type


class Base:
    """A hub by address and token; cheap to make, connections are shared by equal ones.

    Args:
        endpoint: the hub; None is ``ENTREPOT_ENDPOINT``, else one on this computer.
        token: a token; None takes ``ENTREPOT_TOKEN`` or that of the last
            login; False sends none; True needs one.
        library_name, library_version, user_agent: who to say is calling.
        headers: further headers of every request.

    Raises:
        ConfigError: the endpoint cannot be used.
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
        self.endpoint = parse_endpoint(endpoint) if endpoint else current_places().endpoint
        self.token = token
        self.library_name = library_name
        self.library_version = library_version
        self.user_agent = user_agent
        self.headers = headers

    def __repr__(self) -> str:
        return f"{type(self).__name__}(endpoint={self.endpoint!r})"

    def _hub(self, token: str | bool | None = None) -> Hub:
        """The hub, for a caller with this token (None: the token of this object).

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

    def _wanted(self, repo_id: str, repo_type: str | None = None) -> RepoRef:
        """Return a repository to read from; an id without a namespace is for the hub to look up.

        Raises:
            InvalidName: the id or the type breaks a rule, or it is the address of another hub.
        """
        return repo_ref(repo_id, repo_type, endpoint=self.endpoint)

    def _changed(self, repo_id: str, repo_type: str | None = None, token: str | bool | None = None) -> RepoRef:
        """Return a repository to change, whose id must have a namespace.

        Raises:
            InvalidName: as :meth:`_wanted`, or the namespace is missing; the message proposes the caller's own.
        """
        ref = self._wanted(repo_id, repo_type)
        if ref.id.is_short:
            own = f"{self._own_name(token)}/{ref.id}"
            raise InvalidName("repository id", str(ref.id), f"changes need the namespace too: write {own!r}")
        return ref

    def _own_name(self, token: str | bool | None) -> str:
        """Return the caller's name, or a word in its place if the hub does not tell it."""
        try:
            hub = self._hub(token)
            hub.need_token()
            return hub.send(accounts.whoami()).name
        except EntrepotError:
            return "namespace"


def repo_ref(repo_id: str, repo_type: str | None = None, *, endpoint: str | None = None) -> RepoRef:
    """Return a repository as users name it: an id, an id after its type, or an address; and a type, None for a model.

    The namespace may be missing. The address that ``create_repo`` gave knows its type.

    Args:
        endpoint: the hub that addresses must belong to; None accepts those of any hub.

    Raises:
        InvalidName: the id or the type breaks a rule.
    """
    if isinstance(repo_id, RepoUrl):
        return RepoRef(parse_repo_type(repo_type or repo_id.repo_type), parse_repo_id(repo_id.repo_id))
    return parse_repo_link(repo_id, repo_type, endpoint=endpoint, is_short_allowed=True)
