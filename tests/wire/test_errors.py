from __future__ import annotations

import pytest

from entrepot import errors
from entrepot.wire.errors import TABLE, ErrorStatus, answer_of, class_of

SENT = [
    (errors.RepoNotFound(), 404, "RepoNotFound"),
    (errors.RepoNotFound(anonymous=True), 401, "RepoNotFound"),
    (errors.RevisionNotFound("x"), 404, "RevisionNotFound"),
    (errors.EntryNotFound("a.txt"), 404, "EntryNotFound"),
    (errors.GatedRepo("a/b", "model", anonymous=False), 403, "GatedRepo"),
    (errors.GatedRepo("a/b", "model", anonymous=True), 401, "GatedRepo"),
    (errors.RepoMoved("a/b", "a/c"), 307, None),
    (errors.NotGated("a/b", "model"), 400, None),
    (errors.AlreadyGranted("bob", "a/b"), 400, None),
    (errors.InvalidPath("..", "no"), 422, None),
    (errors.InvalidName("branch name", "..", "no"), 400, None),
    (errors.Malformed("body", "no"), 400, None),
    (errors.NotMergeable(1, "no"), 400, None),
    (errors.RangeNotSatisfiable(3), 416, None),
    (errors.InvalidCredentials(), 401, None),
    (errors.LoginRequired(), 401, None),
    (errors.InvalidSignature("expired"), 403, None),
    (errors.RepoDisabled(), 403, None),
    (errors.RepoArchived.of("model", "acme/m"), 403, "RepoArchived"),
    (errors.ThingNotFound("job", "1"), 404, None),
    (errors.AccountNotFound("bob"), 404, "AccountNotFound"),
    (errors.GrantNotFound("alice.folder", "bob"), 404, "GrantNotFound"),
    (errors.AlreadyExists("taken"), 409, "AlreadyExists"),
    (errors.Refused("no"), 409, None),
    (errors.BranchMoved("main"), 412, None),
    (errors.LimitExceeded("body", 1), 413, None),
    (errors.QuotaExceeded("acme", "it is full"), 413, None),
    (errors.Busy("main"), 503, None),
    (errors.BodyTooSlow(), 408, None),
    (errors.TooManyBodies("in all", 9), 503, None),
    (errors.DataFolderError("d", "no"), 503, None),
    (errors.StoreFull("no"), 507, None),
    (errors.ObjectMissing("0" * 40), 500, None),
]


@pytest.mark.parametrize(("error", "status", "code"), SENT, ids=lambda value: type(value).__name__)
def test_each_error_travels_as_its_status_and_code(error: errors.EntrepotError, status: int, code: str | None) -> None:
    assert answer_of(error) == ErrorStatus(status, code)
    assert answer_of(error).status == status


@pytest.mark.parametrize(("error", "status", "code"), SENT, ids=lambda value: type(value).__name__)
def test_an_error_is_read_back_as_its_class_or_one_of_its_families(
    error: errors.EntrepotError, status: int, code: str | None
) -> None:
    assert isinstance(error, class_of(status, code))


def test_codes_and_telling_statuses_name_the_very_class() -> None:
    assert class_of(404, "EntryNotFound") is errors.EntryNotFound
    assert class_of(401, "RepoNotFound") is errors.RepoNotFound
    assert class_of(412, None) is errors.BranchMoved
    assert class_of(507, None) is errors.StoreFull


def test_unknown_statuses_fall_back_to_a_family() -> None:
    assert class_of(418, None) is errors.Invalid
    assert class_of(502, "Nonsense") is errors.Unavailable


def test_no_row_is_hidden_by_an_earlier_one() -> None:
    keys = [(row.error, row.anonymous) for row in TABLE]
    assert len(keys) == len(set(keys))
