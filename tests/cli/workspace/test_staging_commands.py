from tests.support.machines import Machine, Team


def test_shapes_of_json(team: Team, machine: Machine) -> None:
    machine.write("datasets/x/data/c", "c")
    status = machine.run("datasets", "status", "x", "--json").json
    assert set(status) == {"entity", "head", "staged", "untracked", "corrupted", "changed", "unpublished"}
    assert status["untracked"] == ["data/c"]
    assert status["head"] == {"tag": "vision__images__x__1", "sha": team.tags()["vision__images__x__1"]}
    added = machine.run("datasets", "add", "x", "--bumpversion", "--json").json
    assert added == {"files": 1, "deleted": 0, "bytes": 1, "corrupted": [], "version": 2}
    committed = machine.run("datasets", "commit", "x", "--json").json
    assert (committed["tag"], committed["number"], committed["files"]) == ("vision__images__x__2", 2, 3)
    planned = machine.run("datasets", "push", "x", "--dry-run", "--json").json
    assert len(team.tags()) == 1
    pushed = machine.run("datasets", "push", "x", "--json").json
    assert pushed["published"] == planned["published"] == [{"tag": committed["tag"], "sha": committed["sha"]}]
    assert set(pushed) == {"published", "objects", "bytes_sent", "bytes_known"}


def test_a_status_of_one_folder_and_of_many_files(machine: Machine) -> None:
    for number in range(60):
        machine.write(f"datasets/x/data/train/{number}", str(number))
    machine.write("datasets/x/data/val/v", "v")
    assert "    data/train/ -> 60 FILES\n    data/val/v\n" in machine.ok("datasets", "status", "x")
    assert "data/train" not in machine.ok("datasets", "status", "x", "data\\val")
    assert machine.ok("datasets", "status", "x", "--full").count("data/train/") == 60


def test_links_and_metrics_are_checked_before_anything_happens(team: Team, machine: Machine) -> None:
    machine.ok("repository", "remote", "models", "add", str(team.remote("models")))
    machine.ok("models", "init")
    team.create(machine, "models", "m", "mutable")
    machine.write("models/m/data/f", "f")
    for args, code in (
        (("models", "add", "m", "--metric", "a", "x"), 1),
        (("models", "add", "m", "--metric", "a"), 2),
        (("models", "add", "m", "--metrics-file", "none.csv"), 1),
        (("models", "commit", "m", "--dataset="), 2),
        (("models", "commit", "m", "--dataset=x", "--dataset=x"), 2),
        (("models", "commit", "m", "--dataset=none"), 1),
    ):
        assert machine.run(*args).code == code, args
    assert "untracked files\n    m.spec\n" in machine.ok("models", "status", "m")


def test_a_check_before_adding_stops_at_damage(machine: Machine) -> None:
    place = machine.folder / "datasets/x/data/a"
    place.chmod(0o644)
    place.write_text("bad")
    machine.write("datasets/x/data/c", "c")
    assert machine.run("datasets", "add", "x", "--fsck").code == 4
    assert machine.run("datasets", "add", "x").code == 3
    assert "    new file:   data/c\n" in machine.ok("datasets", "status", "x")


def test_a_push_says_what_it_published_before_a_later_version_was_refused(team: Team, machine: Machine) -> None:
    for name in ("c", "d"):
        machine.write(f"datasets/x/data/{name}", name)
        machine.ok("datasets", "add", "x", "--bumpversion")
        machine.ok("datasets", "commit", "x")
    hook = team.remote("datasets") / "hooks/update"
    hook.write_text("#!/bin/sh\ncase $1 in refs/tags/*__3) exit 1;; esac\n")
    hook.chmod(0o755)
    pushed = machine.run("datasets", "push", "x")
    assert pushed.code == 1
    assert pushed.out.startswith("published vision__images__x__2: ")
    assert pushed.out.count("\n") == 1
