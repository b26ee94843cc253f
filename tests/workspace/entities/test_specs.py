import pytest

from entrepot.errors import InvalidName, Malformed
from entrepot.workspace.entities.kinds import DATASETS, MODELS
from entrepot.workspace.entities.mutability import Mutability
from entrepot.workspace.entities.specs import (
    StorageRef,
    VersionLink,
    edit_metrics,
    edit_version,
    new_spec,
    parse_spec,
    parse_storage,
)

SPEC = """\
dataset:
  categories:
    - computer-vision
    - images
  manifest:
    storage: s3h://mlgit-datasets
  mutability: strict
  name: imagenet8
  version: 1
"""
COMMENTED = """\
# ours
model:
  version: 1   # bump me
  name: m
  categories: a, b
  metrics:
    old: 1
  mutability: mutable
  manifest: {storage: "s3h://b"}
  metadata:
    owner: {name: me}
"""


def test_a_new_spec_has_sorted_keys_and_indented_lists() -> None:
    storage = StorageRef("s3h", "mlgit-datasets")
    spec = new_spec(DATASETS, "imagenet8", ["computer-vision", "images"], Mutability.STRICT, storage, 1)
    assert spec.render() == SPEC
    assert parse_spec(SPEC, DATASETS, "x").data == spec.data


def test_the_fields_of_a_spec_are_read() -> None:
    spec = parse_spec(COMMENTED, MODELS, "x")
    assert str(spec.tag) == "a__b__m__1"
    assert spec.mutability is Mutability.MUTABLE
    assert spec.metrics == {"old": 1.0}
    assert spec.storage == StorageRef("s3h", "b")
    assert spec.data["metadata"] == {"owner": {"name": "me"}}
    assert spec.links() == {}
    assert not spec.names_plugin


def test_old_specs_without_mutability_are_strict() -> None:
    assert parse_spec(SPEC.replace("  mutability: strict\n", ""), DATASETS, "x").mutability is Mutability.STRICT


def test_links_and_contents_are_written_by_commits_and_are_not_declared() -> None:
    spec = parse_spec(COMMENTED, MODELS, "x")
    committed = spec.with_links({"dataset": VersionLink("a__d__1", "ab")}).with_contents(2, "3 B")
    assert committed.link("dataset") == VersionLink("a__d__1", "ab")
    assert committed.data["manifest"] == {"amount": 2, "files": "MANIFEST.yaml", "size": "3 B", "storage": "s3h://b"}
    assert committed.declared() == spec.declared()
    assert committed.with_links({}).links() == {}


def test_comments_survive_another_version() -> None:
    edited = edit_version(COMMENTED, MODELS, 12, "x")
    assert edited == COMMENTED.replace("version: 1 ", "version: 12 ")


def test_a_version_that_is_not_on_a_line_of_its_own_is_edited_too() -> None:
    text = '{"dataset": {"name": "x", "version": 1, "categories": ["a"], "manifest": {"storage": "s3h://b"}}}'
    assert parse_spec(edit_version(text, DATASETS, 2, "x"), DATASETS, "x").version == 2


def test_metrics_replace_the_old_ones_and_comments_survive() -> None:
    edited = edit_metrics(COMMENTED, MODELS, {"recall": 30.0, "accuracy": 10.0}, "x")
    assert "# bump me" in edited
    assert "old" not in edited
    assert edited.endswith("  metrics:\n    accuracy: 10.0\n    recall: 30.0\n")
    assert parse_spec(edited, MODELS, "x").metrics == {"accuracy": 10.0, "recall": 30.0}


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("dataset:", "model:", Malformed),
        ("version: 1", "version: one", Malformed),
        ("version: 1", "version: -1", Malformed),
        ("name: imagenet8", "name: a b", InvalidName),
        ("name: imagenet8", "nom: imagenet8", InvalidName),
        ("    - images", "    - im ages", InvalidName),
        ("strict", "rigid", InvalidName),
        ("s3h://mlgit-datasets", "mlgit-datasets", InvalidName),
        ("categories", "category", Malformed),
    ],
)
def test_a_spec_that_cannot_be_used_is_refused(old: str, new: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        parse_spec(SPEC.replace(old, new, 1), DATASETS, "x")


def test_storages() -> None:
    assert str(parse_storage("sftph://a/b c")) == "sftph://a/b c"
    for text in ("", "s3h://", "S3://x", "s3h:/x", "s3h:// x"):
        with pytest.raises(InvalidName):
            parse_storage(text)
