from __future__ import annotations

import pytest

from entrepot.errors import InvalidName, InvalidPath, RevisionNotFound
from entrepot.fs.paths import parse, strip_protocol
from entrepot.names import RepoType


@pytest.mark.parametrize(
    ("text", "kind", "revision", "path", "prefix"),
    [
        ("entrepot://ns/name", RepoType.MODEL, "main", "", "ns/name"),
        ("ns/name/d/f", RepoType.MODEL, "main", "d/f", "ns/name"),
        ("models/ns/name/f", RepoType.MODEL, "main", "f", "models/ns/name"),
        ("entrepot://datasets/ns/name@v1/f", RepoType.DATASET, "v1", "f", "datasets/ns/name@v1"),
        ("spaces/ns/name@refs/pr/1/d/f", RepoType.SPACE, "refs/pr/1", "d/f", "spaces/ns/name@refs/pr/1"),
        ("ns/name@refs%2Fpr%2F1/f", RepoType.MODEL, "refs/pr/1", "f", "ns/name@refs%2Fpr%2F1"),
        ("ns/name/a@b/c", RepoType.MODEL, "main", "a@b/c", "ns/name"),
        ("entrepot://ns/name/d/", RepoType.MODEL, "main", "d", "ns/name"),
    ],
)
def test_a_path_is_parsed(text: str, kind: RepoType, revision: str, path: str, prefix: str) -> None:
    fs_path = parse(text)
    assert (fs_path.ref.type, str(fs_path.ref.id), fs_path.revision, fs_path.path) == (
        kind,
        "ns/name",
        revision,
        path,
    )
    assert fs_path.prefix == prefix
    assert fs_path.name(path) == strip_protocol(text)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", InvalidName),
        ("datasets", InvalidName),
        ("entrepot://n s", InvalidName),
        ("ns/na me/f", InvalidName),
        ("ns/name@/f", RevisionNotFound),
        ("ns/name@a..b/f", RevisionNotFound),
        ("ns/name/../f", InvalidPath),
        ("ns/name//f", InvalidPath),
    ],
)
def test_an_invalid_path_is_refused(text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        parse(text)


def test_paths_of_one_revision_go_into_one_commit() -> None:
    assert parse("ns/name/a").is_with(parse("models/NS/name@main/b"))
    assert not parse("ns/name/a").is_with(parse("ns/name@v1/a"))
    assert not parse("ns/name/a").is_with(parse("datasets/ns/name/a"))


def test_an_id_without_a_namespace_needs_a_revision() -> None:
    found = parse("entrepot://datasets/squad@main/train.csv")
    assert (str(found.ref.id), found.ref.type.value, found.revision, found.path) == (
        "squad",
        "dataset",
        "main",
        "train.csv",
    )
    assert found.name("x") == "datasets/squad@main/x"
    assert str(parse("gpt2@refs/pr/1/config.json").ref.id) == "gpt2"
    assert str(parse("gpt2/config.json").ref.id) == "gpt2/config.json"


@pytest.mark.parametrize(
    ("text", "prefix"), [("gpt2", "gpt2@main"), ("entrepot://datasets/squad", "datasets/squad@main")]
)
def test_an_id_without_a_namespace_may_stand_alone(text: str, prefix: str) -> None:
    found = parse(text)
    assert (str(found.ref.id), found.revision, found.path) == (text.rpartition("/")[2], "main", "")
    assert found.name("") == prefix
    assert parse(found.name("a/b")).ref == found.ref
