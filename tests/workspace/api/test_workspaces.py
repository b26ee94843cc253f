import subprocess
import sys
import threading
from pathlib import Path

import pytest

from entrepot.errors import EntityMissing, InvalidName, ProjectExists, ProjectMissing
from entrepot.workspace import Workspace
from tests.support.machines import Team


def project(team: Team, name: str) -> Workspace:
    made = Workspace.create(team.place / name)
    made.add_storage(team.storage[1], team.storage[0])
    for word in ("datasets", "models"):
        assert made.add_remote(word, str(team.remote(word))) is None
        made.of_kind(word).init()
    return made


def test_a_version_from_one_project_to_another(team: Team) -> None:
    ann, bob = project(team, "p"), project(team, "q")
    folder = ann.datasets.create("x", ["vision"], "strict", folder="a")
    assert folder == team.place / "p/datasets/a/x"
    (folder / "data/f").write_text("one")
    assert ann.datasets.status("x").untracked == ("x.spec", "README.md", "data/f")
    assert ann.datasets.add("x").files == 1
    assert ann.datasets.commit("x", message="first").tag == "vision__x__1"
    assert [version.tag for version in ann.datasets.push("x").published] == ["vision__x__1"]
    assert [row.entity for row in bob.update()["datasets"]] == ["x"]
    assert bob.datasets.list() == ["a/x"]
    assert bob.datasets.checkout("x") == team.place / "q/datasets/a/x"
    assert (team.place / "q/datasets/a/x/data/f").read_text() == "one"
    assert [tag.number for tag in bob.datasets.tags("x")] == [1]
    assert bob.datasets.show("x").name == "x"
    assert [entry.made.message for entry in bob.datasets.log("x")] == ["first"]
    assert bob.datasets.fsck("x", is_full=True).left == ()
    assert bob.datasets.remote_fsck("x").left == ()
    assert bob.datasets.migrate("x") == ()
    assert bob.collect_garbage(is_rehearsal=True).files >= 0


def test_links_metrics_resets_and_differences(team: Team) -> None:
    made = project(team, "p")
    folder = made.datasets.create("x", ["vision"], "flexible")
    (folder / "data/f").write_text("one")
    made.datasets.add("x")
    made.datasets.commit("x")
    model = made.models.create("m", ["vision"], "mutable")
    (model / "data/w").write_text("w")
    made.models.add("m", metrics={"accuracy": 0.5})
    made.models.commit("m", links={"dataset": "x"})
    assert [(row.dataset, row.metrics) for row in made.models.metrics("m")] == [("x - (1)", {"accuracy": 0.5})]
    assert [(edge.source.name, edge.target.name) for edge in made.graph().edges] == [("m", "x")]
    assert made.datasets.unlock("x", ["data/f"]) == ("data/f",)
    (folder / "data/f").write_text("two")
    made.datasets.add("x", bumpversion=True)
    made.datasets.commit("x")
    assert made.datasets.diff("vision__x__1", "vision__x__2").updated == ("data/f",)
    assert made.datasets.reset("x", "hard", undoes_version=True).head == "vision__x__1"
    assert (folder / "data/f").read_text() == "one"
    assert len(made.models.checkout_reports("m", linked=["dataset"])) == 2


def test_errors_are_raised(team: Team) -> None:
    with pytest.raises(ProjectMissing):
        Workspace(team.place)
    made = project(team, "p")
    with pytest.raises(ProjectExists):
        Workspace.create(made.root)
    with pytest.raises(EntityMissing):
        made.datasets.status("none")
    with pytest.raises(InvalidName):
        made.of_kind("things")


def test_settings_are_pushed_and_cloned(team: Team) -> None:
    from entrepot.workspace.projects.clones import set_settings_remote

    made = project(team, "p")
    subprocess.run(["git", "init", "-q", "--bare", team.place / "s.git"], check=True)
    set_settings_remote(made.project, str(team.place / "s.git"), made.root)
    assert made.push_settings("m")
    assert Workspace.clone(str(team.place / "s.git"), team.place / "c").project.configured()


def test_several_projects_work_at_the_same_time_in_threads(team: Team) -> None:
    made = [project(team, name) for name in ("p", "q")]
    failures: list[BaseException] = []
    here = Path.cwd()

    def work(workspace: Workspace, name: str) -> None:
        try:
            folder = workspace.datasets.create(name, ["c"], "strict")
            (folder / "data/f").write_text(name)
            workspace.datasets.add(name)
            workspace.datasets.commit(name)
            workspace.datasets.push(name)
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=work, args=pair) for pair in zip(made, ("x", "y"), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert set(team.tags()) == {"c__x__1", "c__y__1"}
    assert Path.cwd() == here


def test_the_package_imports_its_api_when_it_is_used() -> None:
    import entrepot.workspace

    program = "import sys, entrepot.workspace; print('yaml' in sys.modules, 'msgspec' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = entrepot.workspace.nothing
