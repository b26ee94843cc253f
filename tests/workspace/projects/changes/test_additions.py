import os

import pytest

from entrepot.errors import FilesRefused, LockedByMutability, MetadataMissing, PathMissing
from entrepot.workspace.projects.changes.additions import add_files, known_numbers
from entrepot.workspace.state.rows import FileChange
from tests.support.machines import Machine, Team


def test_only_selected_files_are_staged(machine: Machine) -> None:
    for name in ("data/n1", "data/n2", "data/sub/n3", "other/n4"):
        machine.write(f"datasets/x/{name}", name)
    entity = machine.entity("x")
    assert add_files(entity, ["data/sub"]).files == 1
    assert add_files(entity, ["data/n*"]).files == 2
    with pytest.raises(PathMissing, match="nothing"):
        add_files(entity, ["other", "nothing"])
    assert sorted(machine.state().database.staged("x")) == ["data/n1", "data/n2", "data/sub/n3"]
    assert add_files(entity, [str(entity.path / "other/n4")]).files == 1


def test_deletions_are_staged_and_files_locked(machine: Machine) -> None:
    machine.write("datasets/x/data/run.sh", "x").chmod(0o755)
    (machine.folder / "datasets/x/data/a").unlink()
    report = add_files(machine.entity("x"))
    assert (report.files, report.deleted, report.corrupted, report.is_news) == (1, 1, (), True)
    staged = machine.state().database.staged("x")
    assert {path: change.change for path, change in staged.items()} == {
        "data/a": FileChange.DELETED,
        "data/run.sh": FileChange.NEW,
    }
    assert (machine.folder / "datasets/x/data/run.sh").stat().st_mode & 0o777 == 0o555
    assert staged["data/run.sh"].entry is not None
    assert staged["data/run.sh"].entry.x == 1


def test_the_version_is_bumped_once_and_only_for_news(machine: Machine) -> None:
    entity = machine.entity("x")
    assert not add_files(entity, bumps_version=True).is_news
    assert entity.spec().version == 1
    machine.write("datasets/x/data/c", "c")
    assert add_files(entity, bumps_version=True).version == 2
    assert add_files(entity, bumps_version=True).version == 2
    assert known_numbers(machine.state().metadata.refs(), entity.spec().identity) == [1]


def test_a_change_of_the_readme_or_the_spec_is_news(machine: Machine) -> None:
    machine.write("datasets/x/README.md", "words")
    assert add_files(machine.entity("x")).is_news
    assert not add_files(machine.entity("x")).is_news
    spec = machine.folder / "datasets/x/x.spec"
    spec.write_text(spec.read_text() + "  owner: me\n")
    assert add_files(machine.entity("x")).is_news


def test_nothing_is_staged_if_a_file_cannot_be_read(machine: Machine) -> None:
    machine.write("datasets/x/data/good", "good")
    os.mkfifo(machine.folder / "datasets/x/data/pipe")
    with pytest.raises(FilesRefused, match="data/pipe"):
        add_files(machine.entity("x"))
    assert machine.state().database.staged("x") == {}


def test_metrics_alone_make_a_version(team: Team, machine: Machine) -> None:
    machine.ok("repository", "remote", "models", "add", str(team.remote("models")))
    machine.ok("models", "init")
    team.create(machine, "models", "m", "mutable")
    machine.write("models/m/data/f", "x")
    machine.ok("models", "add", "m")
    machine.ok("models", "commit", "m")
    entity = machine.entity("m", "models")
    report = add_files(entity, metrics={"accuracy": 1.0}, bumps_version=True)
    assert (report.is_news, report.files, report.version) == (True, 0, 2)
    machine.ok("models", "commit", "m")
    assert not add_files(entity, metrics={"accuracy": 1.0}).is_news


def test_another_mutability_is_refused(machine: Machine) -> None:
    spec = machine.folder / "datasets/x/x.spec"
    spec.write_text(spec.read_text().replace("strict", "flexible"))
    with pytest.raises(LockedByMutability, match="Spec mutability cannot be changed"):
        add_files(machine.entity("x"))


def test_metadata_must_be_initialised(team: Team, machine: Machine) -> None:
    team.create(machine, "labels", "l")
    with pytest.raises(MetadataMissing, match="labels"):
        add_files(machine.entity("l", "labels"))
