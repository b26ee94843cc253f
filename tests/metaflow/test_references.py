import json
from typing import Any

import pytest

from entrepot.errors import InvalidArgument
from entrepot.metaflow.references import Reference, is_reference, key_of, now, parse_key, parse_reference
from entrepot.names import RepoId, RepoRef, RepoType

COMMIT = "0123456789" * 4
BERT = RepoRef(RepoType.MODEL, RepoId("demo", "bert"))
WHOLE = Reference("https://hub.example.org", BERT, "main", COMMIT, None, None, 3, 1000, now())
SOME = Reference("https://hub.example.org", BERT, "v1", COMMIT, ("*.json",), ("a/*", "b/*"), 1, 10, now())


def test_a_reference_survives_its_plain_form() -> None:
    for reference in (WHOLE, SOME):
        value = json.loads(json.dumps(reference.to_dict()))
        assert parse_reference(value) == reference
        assert len(json.dumps(value)) < 1000
    assert WHOLE.to_dict()["key"] == f"hub/models/demo/bert@{COMMIT}"
    assert "allow_patterns" not in WHOLE.to_dict()


def test_a_key_leads_back() -> None:
    ref = RepoRef(RepoType.DATASET, RepoId("demo", "imdb"))
    assert parse_key(key_of(ref, COMMIT)) == (ref, COMMIT)
    for wrong in ("", "demo/bert", f"hub/models/demo/bert@{COMMIT[:8]}", f"hub/models/-/bert@{COMMIT}"):
        with pytest.raises(InvalidArgument):
            parse_key(wrong)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"type": "checkpoint"}, "metaflow-checkpoint"),
        ({"version": 2}, "install a newer entrepot"),
        ({"version": None}, "version None"),
        ({"commit": "main"}, "not a full commit id"),
        ({"commit": None}, "damaged"),
        ({"repo_id": "bert"}, "damaged: invalid repository id"),
        ({"endpoint": "ftp://x"}, "damaged: setting 'endpoint'"),
        ({"size": "many"}, "damaged"),
    ],
)
def test_a_mapping_that_is_no_reference_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        parse_reference({**WHOLE.to_dict(), **change})


def test_a_missing_field_is_named() -> None:
    value = WHOLE.to_dict()
    del value["repo_type"]
    with pytest.raises(InvalidArgument, match="it lacks 'repo_type'"):
        parse_reference(value)


def test_other_values_are_no_references() -> None:
    assert is_reference(WHOLE.to_dict())
    for value in (None, "hub/models/demo/bert", 7, {"key": "mf.model"}):
        assert not is_reference(value)
        with pytest.raises(InvalidArgument, match="snapshot_download or push"):
            parse_reference(value)
