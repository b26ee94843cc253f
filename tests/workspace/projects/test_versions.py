from collections.abc import Iterable

import pytest

from entrepot.client.git.git_commands import Git
from entrepot.errors import EntityMissing, Malformed, VersionMissing
from entrepot.workspace.entities.version_tags import parse_tag
from entrepot.workspace.metadata import git_objects
from entrepot.workspace.projects import versions
from entrepot.workspace.projects.versions import read_specs, read_version, resolve, tag_of_commit, versions_of
from tests.support.machines import Machine


def test_a_version_is_found_by_tag_name_and_number(machine: Machine) -> None:
    state = machine.state()
    refs = state.metadata.refs()
    tag, commit = resolve(state, refs, "x")
    assert str(tag) == "vision__images__x__1"
    assert resolve(state, refs, "x", 1) == resolve(state, refs, str(tag)) == (tag, commit)
    assert tag_of_commit(refs, commit) == tag
    assert list(versions_of(refs, "x").values()) == [[tag]]
    for name, number, error in (
        ("x", 2, VersionMissing),
        ("y", None, EntityMissing),
        ("a__x__1", None, VersionMissing),
    ):
        with pytest.raises(error):
            resolve(state, refs, name, number)


def test_a_version_contains_its_files_and_documents(machine: Machine) -> None:
    state = machine.state()
    tag, commit = resolve(state, state.metadata.refs(), "x")
    version = read_version(state, tag, commit)
    assert list(version.manifest.files) == ["data/a", "data/b"]
    assert version.folder == "x"
    assert set(version.documents) == {"x.spec", "README.md"}
    assert set(version.manifest_documents) == {"MANIFEST.yaml"}
    draft = version.draft(state, None)
    assert (draft.ref.entity_type, draft.ref.name, draft.ref.number) == ("datasets", "x", 1)
    assert read_specs(state, [(tag, commit)]) == {tag: version.spec}


def test_a_commit_of_another_version_is_refused(machine: Machine) -> None:
    state = machine.state()
    _, commit = resolve(state, state.metadata.refs(), "x")
    for text in ("vision__images__x__2", "vision__images__y__1"):
        with pytest.raises(Malformed):
            read_version(state, parse_tag(text), commit)
        assert read_specs(state, [(parse_tag(text), commit)]) == {}


@pytest.mark.parametrize("content", [b"a: !!set\n  x: null\n", b"\xff", b'{"format":2}'])
def test_a_manifest_that_cannot_be_read_is_named(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    state, read = machine.state(), git_objects.read_files
    tag, commit = resolve(state, state.metadata.refs(), "x")

    def spoiled(git: Git, names: Iterable[str]) -> dict[str, bytes]:
        found = read(git, names)
        return {name: content if name.endswith("MANIFEST.yaml") else kept for name, kept in found.items()}

    monkeypatch.setattr(versions, "read_files", spoiled)
    with pytest.raises(Malformed, match=r"MANIFEST\.yaml of vision__images__x__1: "):
        read_version(state, tag, commit)
