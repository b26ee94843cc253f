"""The base of all handles of resources: a path, an id, a name, and whether the resource exists.

A handle remembers the hub and the permanent id of its resource, not the session:
it uses the session of the process at each call, can be pickled, and never holds a
token.
"""

from __future__ import annotations

import attrs

from entrepot.ah import sessions
from entrepot.ah.errors import AssetHubError, NotLoggedIn
from entrepot.ah.paths import ResourcePath
from entrepot.ah.sessions import HubSession

_GONE = "Cannot call method, because its delete() method has been called or the resource is gone"


@attrs.define(eq=False)
class Life:
    """Whether a resource exists: it ends with its own deletion, or with that of its container."""

    outer: Life | None = None
    is_over: bool = False

    @property
    def is_alive(self) -> bool:
        """Whether neither the resource nor what it is in has been deleted."""
        return not self.is_over and (self.outer is None or self.outer.is_alive)


class Handle:
    """A resource of a hub. Values are those of the time when the handle was made; ``refresh()`` reads them again."""

    def __init__(self, endpoint: str, path: ResourcePath, uid: str, outer: Life | None = None) -> None:
        self._endpoint = endpoint
        self._path = path
        self._uid = uid
        self._life = Life(outer)

    @property
    def path(self) -> str:
        """The full path."""
        return str(self._path)

    @property
    def id(self) -> str:
        """The permanent id of a folder or asset, the name of a branch or tag, or the id of a commit."""
        return self._uid

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self._path.ref or self._path.asset or self._path.folder or ""

    @property
    def alive(self) -> bool:
        """Whether the resource exists, as far as this handle knows."""
        return self._life.is_alive

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.path!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Handle) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[object, ...]:
        return type(self).__name__, self._endpoint, self.id

    def _session(self) -> HubSession:
        """Return the session for a call.

        Raises:
            AssetHubError: the resource is gone.
            NotLoggedIn: the process is logged in to no hub, or to another one.
        """
        if not self.alive:
            raise self._gone()
        session = sessions.current()
        if session.hub.endpoint != self._endpoint:
            raise NotLoggedIn(f"Not logged in: please first call ah.login() for {self._endpoint}: '{self.path}'")
        return session

    def _end(self) -> None:
        self._life.is_over = True

    def _gone(self) -> AssetHubError:
        return AssetHubError(f"{_GONE}: '{self.path}'")
