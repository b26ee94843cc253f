"""The exceptions of ``entrepot.ah``, and their translation from the errors of the client.

    AssetHubError          a RuntimeError: everything that the hub refuses
    ├── AlreadyExists      the name is taken
    ├── NotFound           absent, or not visible to the caller; also a ValueError
    ├── Denied             a right is missing
    ├── NotLoggedIn        no credentials, or ``logout()`` was called
    ├── Canceled           a commit found changes that its caller did not know of
    ├── LimitExceeded      more than the hub accepts; also a ValueError
    └── ServerUnreachable  no usable response; also an OSError
    InvalidPath            a ValueError: the text names no resource

Each class also derives from its family in ``entrepot.errors``. Every message is
one sentence with the full path of the resource.
"""

from __future__ import annotations

import contextlib
import sys
import types
from collections.abc import Iterator
from typing import Any

import attrs

from entrepot import errors
from entrepot.client.http_errors import HubFailure
from entrepot.errors import EntrepotError, shown

_FORM = "[/OWNER/t9k-assethub/]model|dataset[/FOLDER[/ASSET[:REF]]]"


@attrs.define(slots=False)
class AssetHubError(EntrepotError, RuntimeError):
    """The hub refuses a call, or it cannot be carried out; ``sentence`` is the message."""

    sentence: str

    @property
    def message(self) -> str:
        """The message: one sentence."""
        return self.sentence


class AlreadyExists(AssetHubError, errors.Conflict):
    """A resource of this name exists."""


class NotFound(AssetHubError, errors.NotFound, ValueError):
    """A resource is absent, or not visible to the caller."""


class Denied(AssetHubError, errors.Forbidden):
    """The caller may not do this to the resource."""


class NotLoggedIn(AssetHubError, errors.Unauthenticated):
    """There is no session, or its API key is not valid."""


class Canceled(AssetHubError, errors.Conflict):
    """A commit was not made, because it found unknown or unimplemented changes; nothing was changed."""


class LimitExceeded(AssetHubError, errors.LimitExceeded, ValueError):
    """Something is larger than the hub accepts, or a quota is used up; nothing was changed."""

    what: str = "something"
    limit: int = 0
    cure: str = ""


class ServerUnreachable(AssetHubError, errors.Unavailable, OSError):
    """The server cannot be reached, or its response cannot be used.

    In a process that has imported ``requests``, it is also a ``requests.HTTPError``.
    """


@attrs.define(slots=False)
class InvalidPath(errors.Invalid, ValueError):
    """A string is not the path of a resource; ``reason`` is empty if its form is wrong."""

    path: str
    reason: str = ""

    @property
    def message(self) -> str:
        """The message: the text, and the expected form or the reason."""
        return f"Invalid path of resource: {shown(self.path)} ({self.reason or f'expected {_FORM}'})"


def unreachable(sentence: str) -> ServerUnreachable:
    """Return the error for a server that cannot be reached."""
    requests = sys.modules.get("requests")
    base = getattr(requests, "HTTPError", None)
    if not (isinstance(base, type) and issubclass(base, OSError)):
        return ServerUnreachable(sentence)

    def fill(space: dict[str, Any]) -> None:
        space.update(
            __module__=__name__,
            __doc__=ServerUnreachable.__doc__,
            response=None,
            request=None,
            __reduce__=lambda self: (unreachable, (self.sentence,)),
        )

    made: ServerUnreachable = types.new_class("ServerUnreachable", (ServerUnreachable, base), exec_body=fill)(sentence)
    return made


def missing(what: str, path: object) -> NotFound:
    """Return the error for an absent resource: ``No such folder: '/demo/…'``."""
    return NotFound(f"No such {what}: {shown(str(path))}")


def exists(what: str, path: object) -> AlreadyExists:
    """Return the error for a name that is taken: ``Folder already exists: '/demo/…'``."""
    return AlreadyExists(f"{what} already exists: {shown(str(path))}")


def taken(error: EntrepotError, what: str, path: object) -> AssetHubError:
    """Return the error for a conflict: the name is taken, or it may not be used for the reason that the hub gives."""
    if isinstance(error, errors.AlreadyExists):
        return exists(what, path)
    return AssetHubError(f"{_capital(_said(error))}: {shown(str(path))}")


@contextlib.contextmanager
def translated(path: object, *, what: str, ref: object = None) -> Iterator[None]:
    """Turn errors of the client into those of this package.

    Args:
        path: the full path of the resource.
        what: the kind of the resource in lower case, such as ``model``.
        ref: the full path of the branch, tag or commit, if the call has one.

    Raises:
        NotFound: the resource is absent or invisible.
        AlreadyExists, Denied, NotLoggedIn, ServerUnreachable, AssetHubError: as the classes say.
    """
    try:
        yield
    except AssetHubError:
        raise
    except errors.RevisionNotFound as error:
        raise missing("branch or tag", ref or path) from error
    except errors.EntryNotFound as error:
        raise NotFound(f"No such object: {shown(error.path)} in {shown(str(ref or path))}") from error
    except (errors.NotFound, errors.Unauthenticated) as error:
        raise _absent(error, what, path) from error
    except errors.Forbidden as error:
        raise Denied(f"Permission denied: {shown(str(ref or path))}: {_said(error)}") from error
    except (errors.HubUnreachable, errors.HubTimeout, errors.TlsFailed, errors.Offline, errors.AnswerUnusable) as error:
        raise unreachable(f"Unable to connect to the server for {shown(str(ref or path))}: {error}") from error
    except errors.TooLarge as error:
        raise LimitExceeded(f"{_capital(_said(error))}: {shown(str(ref or path))}") from error
    except HubFailure as error:
        raise AssetHubError(f"{_capital(_said(error))}: {shown(str(ref or path))}") from error


def _absent(error: EntrepotError, what: str, path: object) -> AssetHubError:
    if isinstance(error, errors.InvalidCredentials | errors.TokenMissing):
        return NotLoggedIn(f"Not logged in: the API key is not valid (unknown, expired or revoked): {path}")
    return missing(what, path)


def _said(error: EntrepotError) -> str:
    return error.server_message if isinstance(error, HubFailure) else str(error)


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:].rstrip(".")
