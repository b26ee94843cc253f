"""The exceptions: what they derive from, and how errors of the client become them."""

from __future__ import annotations

import pickle
import subprocess
import sys
import types

import pytest

from entrepot import EntrepotError, errors
from entrepot.ah import errors as ah_errors
from entrepot.ah.errors import (
    AlreadyExists,
    AssetHubError,
    Canceled,
    Denied,
    InvalidPath,
    LimitExceeded,
    NotFound,
    NotLoggedIn,
    ServerUnreachable,
    exists,
    missing,
    taken,
    translated,
    unreachable,
)

PATH = "/demo/t9k-assethub/model/llm"


@pytest.mark.parametrize(
    ("kind", "bases"),
    [
        (AlreadyExists, (RuntimeError, errors.Conflict)),
        (NotFound, (RuntimeError, ValueError, errors.NotFound)),
        (Denied, (RuntimeError, errors.Forbidden)),
        (NotLoggedIn, (RuntimeError, errors.Unauthenticated)),
        (Canceled, (RuntimeError, errors.Conflict)),
        (ServerUnreachable, (RuntimeError, OSError, errors.Unavailable)),
        (LimitExceeded, (RuntimeError, ValueError, errors.LimitExceeded)),
        (InvalidPath, (ValueError, errors.Invalid)),
    ],
)
def test_an_error_is_caught_as_each_of_its_families(kind: type[Exception], bases: tuple[type, ...]) -> None:
    error = kind("sentence")
    assert isinstance(error, (EntrepotError, *bases))
    assert all(isinstance(error, base) for base in bases)
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy)) == (kind, str(error))
    assert issubclass(kind, AssetHubError) or kind is InvalidPath


@pytest.mark.parametrize(
    ("raised", "kind", "begin"),
    [
        (errors.RepoNotFound(), NotFound, "No such folder: '/demo/"),
        (errors.RevisionNotFound("v1"), NotFound, "No such branch or tag: '/demo/t9k-assethub/model/llm:v1'"),
        (errors.EntryNotFound("a"), NotFound, "No such object: 'a' in '/demo/"),
        (errors.NotAllowed("you may not"), Denied, "Permission denied: "),
        (errors.InvalidCredentials(), NotLoggedIn, "Not logged in: the API key is not valid"),
        (errors.HubUnreachable("http://h", "refused"), ServerUnreachable, "Unable to connect to the server"),
        (errors.HubTimeout("http://h", 3), ServerUnreachable, "Unable to connect to the server"),
        (errors.LimitExceeded("the number of grants", 3), LimitExceeded, "The number of grants exceeds"),
        (errors.Offline("x"), ServerUnreachable, "Unable to connect to the server"),
    ],
)
def test_errors_of_the_client_are_translated(raised: EntrepotError, kind: type[Exception], begin: str) -> None:
    with pytest.raises(kind) as caught, translated(PATH, what="folder", ref=f"{PATH}:v1"):
        raise raised
    assert str(caught.value).startswith(begin)
    assert caught.value.__cause__ is raised


@pytest.mark.parametrize("raised", [errors.SourceMissing("x"), KeyError("x")])
def test_other_errors_stay_what_they_are(raised: Exception) -> None:
    with pytest.raises(type(raised)), translated(PATH, what="folder"):
        raise raised


def test_sentences_name_the_full_path() -> None:
    assert str(missing("model", PATH)) == f"No such model: '{PATH}'"
    assert str(exists("Folder", PATH)) == f"Folder already exists: '{PATH}'"


def test_only_the_class_of_a_conflict_tells_that_a_name_is_taken() -> None:
    assert str(taken(errors.AlreadyExists("anything"), "Folder", PATH)) == f"Folder already exists: '{PATH}'"
    refused = taken(errors.Refused("it was already archived"), "Folder", PATH)
    assert (type(refused), str(refused)) == (AssetHubError, f"It was already archived: '{PATH}'")


def test_without_requests_an_unreachable_server_is_an_os_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "requests", raising=False)
    assert type(unreachable("x")) is ServerUnreachable


def test_with_requests_an_unreachable_server_is_its_error_too(monkeypatch: pytest.MonkeyPatch) -> None:
    class HTTPError(OSError):
        pass

    library = types.ModuleType("requests")
    library.HTTPError = HTTPError  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "requests", library)
    error = unreachable("no server")
    assert isinstance(error, HTTPError)
    assert isinstance(error, ServerUnreachable)
    assert (str(error), error.response) == ("no server", None)  # type: ignore[attr-defined]
    assert isinstance(pickle.loads(pickle.dumps(error)), HTTPError)


def test_no_message_holds_a_token() -> None:
    from entrepot.errors.redactions import conceal

    conceal("ep_abcdefghijklmnop")
    assert "ep_abcdefghijklmnop" not in str(AssetHubError("the key ep_abcdefghijklmnop is wrong"))


def test_importing_the_package_does_not_load_the_client() -> None:
    program = "import sys; from entrepot import ah; assert 'entrepot.client' not in sys.modules; ah.NotFound; ah.list"
    assert subprocess.run([sys.executable, "-c", program], timeout=240).returncode == 0
    assert ah_errors.__doc__ is not None
