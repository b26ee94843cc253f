"""What an ML-Git project must never do: lose work, run foreign commands, publish halves, report success falsely."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.machines import Machine, Team, create_team, git, publish, published
from tests.support.prepared_folders import PreparedFolders


def with_dataset(place: Path) -> Team:
    team = create_team(place)
    published(team, a="one", banana="two")
    return team


@pytest.fixture
def team(prepared_folders: PreparedFolders) -> Team:
    return prepared_folders.lay_out(with_dataset)


@pytest.fixture
def machine(team: Team) -> Machine:
    """A machine with the published dataset `x`, strict, of two files."""
    return team.existing("ann")


def xorbs(team: Team) -> list[Path]:
    return [path for path in Path(team.storage[1]).rglob("ws1/xorbs/**/*") if path.is_file()]


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("datasets", "status", "nothing"), 1),
        (("datasets", "checkout", "nothing"), 1),
        (("datasets", "checkout", "x", "--version=7"), 1),
        (("datasets", "checkout", "vision__images__x__7"), 1),
        (("datasets", "commit", "x"), 1),
        (("datasets", "commit", "x", "--version=0"), 2),
        (("datasets", "commit", "x", "--version=word"), 2),
        (("datasets", "add", "x", "data/none"), 1),
        (("datasets", "create", "a b", "--categories=c", "--mutability=strict"), 2),
        (("datasets", "create", "n__m", "--categories=c", "--mutability=strict"), 2),
        (("datasets", "create", "n", "--categories=c,,d", "--mutability=strict"), 2),
        (("datasets", "create", "n", "--categories=c", "--mutability=rigid"), 2),
        (("datasets", "create", "x", "--categories=c", "--mutability=strict"), 3),
        (("datasets", "unlock", "x", "data/a"), 3),
        (("datasets", "reset", "x", "--hard", "--reference=head~1"), 3),
        (("datasets", "tag", "del", "x", "vision__images__x__1"), 3),
        (("datasets", "diff", "x", "vision__images__x__1", "vision__images__x__9"), 1),
        (("datasets", "checkout", "x", "--sample-type=random", "--sampling=3:2", "--seed=1"), 2),
        (("repository", "storage", "del", "nothing"), 1),
        (("repository", "storage", "add", "b", "--type=tape"), 2),
        (("repository", "remote", "datasets", "add", "x; touch F"), 1),
        (("repository", "remote", "datasets", "add", "ext::sh -c touch% F"), 1),
        (("repository", "remote", "datasets", "add", "--", "-u./payload"), 1),
        (("repository", "config", "set", "unknown", "1"), 1),
        (("models", "metrics", "nothing"), 1),
        (("nothing",), 2),
    ],
)
def test_a_failure_has_an_exit_code_and_one_sentence(machine: Machine, args: tuple[str, ...], code: int) -> None:
    before = machine.files("datasets")
    outcome = machine.run(*args)
    assert outcome.code == code, outcome
    assert "Traceback" not in outcome.err
    assert outcome.err.count("ERROR - ") == 1 or code == 2
    assert machine.files("datasets") == before


def test_neither_branch_nor_tag_is_published_if_the_remote_refuses_the_branch(team: Team, machine: Machine) -> None:
    hook = team.remote("datasets") / "hooks" / "update"
    hook.write_text("#!/bin/sh\ncase $1 in refs/heads/*) exit 1;; esac\n")
    hook.chmod(0o755)
    machine.write("datasets/x/data/c", "three")
    machine.ok("datasets", "add", "x", "--bumpversion")
    machine.ok("datasets", "commit", "x")
    outcome = machine.run("datasets", "push", "x")
    assert outcome.code == 1
    assert list(team.tags()) == ["vision__images__x__1"]
    hook.unlink()
    machine.ok("datasets", "push", "x")
    assert team.lost_tags() == []
    assert len(team.tags()) == 2


def test_a_cloned_configuration_cannot_run_commands(team: Team, machine: Machine, tmp_path: Path) -> None:
    for number, url in enumerate(("x; touch STOLEN", "ext::sh -c 'touch STOLEN'", "-u./x", "$(touch STOLEN)")):
        source = tmp_path / f"evil{number}"
        (source / ".ml-git").mkdir(parents=True)
        (source / ".ml-git/config.yaml").write_text(f'datasets: {{git: "{url}"}}\n')
        git(source, "init", "-q")
        git(source, "add", "-A")
        git(source, "-c", "user.name=e", "-c", "user.email=e@e", "commit", "-qm", "x")
        outcome = machine.run("clone", str(source), f"clone{number}")
        assert outcome.code == 1
        assert not (machine.folder / f"clone{number}").exists()
    assert not list(tmp_path.rglob("STOLEN"))


@pytest.mark.parametrize(
    "path", ["../../out", "/tmp/out", ".git/hooks/post-checkout", "a/../../out", ".ml-git/config.yaml"]
)
def test_paths_of_a_manifest_that_lead_out_are_refused(team: Team, machine: Machine, path: str, tmp_path: Path) -> None:
    clone = tmp_path / "evil"
    git(tmp_path, "clone", "-q", str(team.remote("datasets")), str(clone))
    text = (clone / "x/MANIFEST.yaml").read_text().replace('"data/a"', f'"{path}"')
    (clone / "x/MANIFEST.yaml").write_text(text)
    spec = clone / "x/x.spec"
    spec.write_text(spec.read_text().replace("version: 1", "version: 2"))
    identity = ("-c", "user.name=e", "-c", "user.email=e@e")
    git(clone, *identity, "commit", "-qam", "evil")
    git(clone, *identity, "tag", "-am", "evil", "vision__images__x__2")
    git(clone, "push", "-q", "origin", "HEAD", "vision__images__x__2")
    before = sorted(tmp_path.rglob("*"))
    machine.ok("datasets", "update")
    outcome = machine.run("datasets", "checkout", "x")
    assert outcome.code == 1
    assert [path for path in sorted(tmp_path.rglob("out")) if path not in before] == []
    assert machine.ok("datasets", "branch", "x").startswith("('vision__images__x__1'")


def test_missing_and_damaged_data_leaves_the_workspace_alone(team: Team, machine: Machine) -> None:
    other = team.machine("bob")
    for damage in (lambda path: path.write_bytes(b"\0" * path.stat().st_size), Path.unlink):
        for path in xorbs(team):
            path.chmod(0o644)
            damage(path)
        outcome = other.run("datasets", "checkout", "x")
        assert outcome.code == 4, outcome
        assert other.ok("datasets", "branch", "x") == "(None, None)\n"
        assert not (other.folder / "datasets/x/data").exists()
    assert machine.run("datasets", "remote-fsck", "x").code == 0  # built again from the files of the workspace
    other.ok("datasets", "checkout", "x")
    assert other.files("datasets/x/data") == {"a": b"one", "banana": b"two"}


def test_a_reset_without_options_keeps_files_and_touches_one_entity(team: Team, machine: Machine) -> None:
    team.create(machine, "datasets", "y")
    machine.write("datasets/y/data/f", "y")
    machine.ok("datasets", "add", "y")
    machine.write("datasets/x/data/new", "new")
    machine.ok("datasets", "add", "x")
    machine.ok("datasets", "reset", "x")
    assert "untracked files\n    data/new\n" in machine.ok("datasets", "status", "x")
    assert (machine.folder / "datasets/x/data/new").read_text() == "new"
    assert "    new file:   data/f\n" in machine.ok("datasets", "status", "y")


def test_a_hard_reset_removes_what_was_staged_and_nothing_else(machine: Machine) -> None:
    machine.write("datasets/x/data/banana2", "staged")
    machine.write("datasets/x/data/ban", "untracked later")
    machine.ok("datasets", "add", "x", "data/banana2")
    machine.ok("datasets", "reset", "x", "--hard")
    assert machine.files("datasets/x/data") == {"a": b"one", "banana": b"two", "ban": b"untracked later"}


def test_a_version_that_is_not_published_can_be_taken_back(team: Team, machine: Machine) -> None:
    machine.write("datasets/x/data/c", "three")
    machine.ok("datasets", "add", "x", "--bumpversion")
    machine.ok("datasets", "commit", "x")
    machine.ok("datasets", "reset", "x", "--soft", "--reference=head~1")
    assert "    new file:   data/c\n" in machine.ok("datasets", "status", "x")
    assert machine.ok("datasets", "push", "x") == "No blobs to push at this time.\n"
    machine.ok("datasets", "commit", "x")
    machine.ok("datasets", "push", "x")
    assert list(team.tags()) == ["vision__images__x__1", "vision__images__x__2"]


def test_the_latest_version_is_the_highest_number(team: Team, machine: Machine) -> None:
    for number in (10, 9):
        machine.write(f"datasets/x/data/v{number}", str(number))
        machine.ok("datasets", "add", "x")
        machine.ok("datasets", "commit", "x", f"--version={number}")
        machine.ok("datasets", "push", "x")
    other = team.machine("bob")
    assert other.ok("datasets", "checkout", "x").startswith("vision__images__x__10:")
    assert other.ok("datasets", "tag", "list", "x").split() == [f"vision__images__x__{n}" for n in (1, 9, 10)]


def test_passwords_are_never_shown(team: Team, machine: Machine) -> None:
    url = "https://user:secret99@127.0.0.1:1/x.git"
    first = machine.run("repository", "remote", "labels", "add", url)
    second = machine.run("repository", "remote", "labels", "add", url + "2")
    assert "WARNING" in second.err
    shown = [first, second, machine.run("repository", "config", "show"), machine.run("labels", "init")]
    assert all("secret99" not in outcome.out + outcome.err for outcome in shown)
    assert shown[-1].code == 1


def test_links_that_lead_out_are_not_published(team: Team, machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (machine.folder / "datasets/x/data/link").symlink_to(tmp_path / "secret")
    (machine.folder / "datasets/x/data/inner").symlink_to("a")
    outcome = machine.run("datasets", "add", "x")
    assert outcome.code == 1
    assert "data/link" in outcome.err
    assert "    data/inner\n    data/link\n" not in machine.ok("datasets", "status", "x").partition("untracked")[0]
    (machine.folder / "datasets/x/data/link").unlink()
    publish(machine, "datasets", "x")
    other = team.machine("bob")
    other.ok("datasets", "checkout", "x")
    assert other.files("datasets/x/data")["inner"] == b"one"


def test_special_files_are_refused(machine: Machine) -> None:
    os.mkfifo(machine.folder / "datasets/x/data/pipe")
    machine.write("datasets/x/data/line\nbreak", "x")
    outcome = machine.run("datasets", "add", "x")
    assert outcome.code == 1
    assert "data/pipe" in outcome.err
    assert "break" in outcome.err


def test_damage_of_a_version_that_is_not_published_is_not_published(team: Team, machine: Machine) -> None:
    machine.write("datasets/x/data/c", "three" * 1000)
    machine.ok("datasets", "add", "x", "--bumpversion")
    machine.ok("datasets", "commit", "x")
    packs = [path for path in (machine.folder / ".ml-git/datasets/outbox").rglob("*") if path.is_file()]
    place = machine.folder / "datasets/x/data/c"
    place.unlink()
    for path in packs:
        path.chmod(0o644)
        path.write_bytes(b"\0" * path.stat().st_size)
    checked = machine.run("datasets", "fsck")
    assert checked.code == 4
    assert "Total of corrupted files: 0" not in checked.out
    assert machine.run("datasets", "push", "x").code != 0
    assert list(team.tags()) == ["vision__images__x__1"]


def test_a_repaired_file_stays_protected(machine: Machine) -> None:
    place = machine.folder / "datasets/x/data/a"
    place.chmod(0o644)
    place.write_text("bad")
    assert machine.run("datasets", "fsck").code == 4
    machine.ok("datasets", "fsck", "--fix-workspace")
    assert place.read_text() == "one"
    assert place.stat().st_mode & 0o777 == 0o444
    place.chmod(0o644)
    place.write_text("bad")
    outcome = machine.run("datasets", "add", "x")
    assert outcome.code == 3
    assert "    data/a\n" in outcome.out


def test_a_checkout_of_the_same_version_restores_files(machine: Machine) -> None:
    (machine.folder / "datasets/x/data/a").unlink()
    machine.ok("datasets", "checkout", "vision__images__x__1")
    place = machine.folder / "datasets/x/data/a"
    assert place.read_text() == "one"
    place.chmod(0o644)
    place.write_text("changed")
    refused = machine.run("datasets", "checkout", "vision__images__x__1")
    assert refused.code == 3
    assert "data/a" in refused.err
    machine.ok("datasets", "checkout", "vision__images__x__1", "--force")
    assert place.read_text() == "one"


def test_an_untracked_file_in_the_way_is_kept(team: Team, machine: Machine) -> None:
    other = team.machine("bob")
    other.write("datasets/x/data/a", "mine")
    other.write("datasets/x/data/other", "mine too")
    assert other.run("datasets", "checkout", "x").code == 3
    assert other.files("datasets/x") == {"data/a": b"mine", "data/other": b"mine too"}
    other.ok("datasets", "checkout", "x", "--force")
    assert other.files("datasets/x/data") == {"a": b"one", "banana": b"two", "other": b"mine too"}


def test_odd_names_survive(team: Team, machine: Machine) -> None:
    names = ["a b", "it's", 'say "x"', "k: v", "#x", "!!x", "~", "-x", "back\\slash", "ünï", "[x]*?", "%41", "$HOME"]
    for name in names:
        machine.write(f"datasets/x/data/{name}", name)
    machine.write("datasets/x/data/empty", "")
    publish(machine, "datasets", "x")
    other = team.machine("bob")
    other.ok("datasets", "checkout", "x")
    assert other.files("datasets/x/data") == machine.files("datasets/x/data")


def test_twin_names_with_other_categories_are_two_entities(team: Team, machine: Machine) -> None:
    type_, bucket = team.storage
    machine.ok(
        *("datasets", "create", "x", "--categories=audio", "--mutability=mutable", "--entity-dir=twin"),
        *(f"--storage-type={type_}", f"--bucket-name={bucket}"),
    )
    machine.write("datasets/twin/x/data/t", "twin")
    for command in ("add", "commit", "push"):
        machine.ok("datasets", command, "twin/x")
    other = team.machine("bob")
    ambiguous = other.run("datasets", "checkout", "x")
    assert ambiguous.code == 1
    assert "audio__x__1" in ambiguous.err
    assert "vision__images__x__1" in ambiguous.err
    other.ok("datasets", "checkout", "audio__x__1")
    other.ok("datasets", "checkout", "vision__images__x__1")
    assert other.files("datasets/twin/x/data") == {"t": b"twin"}
    assert other.files("datasets/x/data") == {"a": b"one", "banana": b"two"}


def test_an_old_version_is_unharmed_by_new_ones(team: Team, machine: Machine) -> None:
    (machine.folder / "datasets/x/data/a").unlink()
    machine.write("datasets/x/data/c", "three")
    assert publish(machine, "datasets", "x") == "vision__images__x__2"
    other = team.machine("bob")
    other.ok("datasets", "checkout", "x")
    assert other.files("datasets/x/data") == {"banana": b"two", "c": b"three"}
    other.ok("datasets", "checkout", "x", "--version=1")
    assert other.files("datasets/x/data") == {"a": b"one", "banana": b"two"}


def test_later_edits_of_a_staged_file_do_not_reach_the_version(team: Team, machine: Machine) -> None:
    team.create(machine, "datasets", "m", "mutable")
    machine.write("datasets/m/data/f", "staged")
    machine.ok("datasets", "add", "m")
    machine.write("datasets/m/data/f", "edited")
    machine.ok("datasets", "commit", "m")
    machine.ok("datasets", "push", "m")
    other = team.machine("bob")
    other.ok("datasets", "checkout", "m")
    assert other.files("datasets/m/data") == {"f": b"staged"}
    assert "changes not staged for commit\n    data/f\n" in machine.ok("datasets", "status", "m")


def test_a_push_continues_after_a_kill(team: Team, machine: Machine) -> None:
    machine.write("datasets/x/data/big", os.urandom(3_000_000))
    machine.ok("datasets", "add", "x", "--bumpversion")
    machine.ok("datasets", "commit", "x")
    process = machine.start("datasets", "push", "x")
    try:
        process.wait(timeout=0.3)
    except subprocess.TimeoutExpired:
        process.kill()
    process.communicate()
    machine.run("datasets", "push", "x")
    other = team.machine("bob")
    other.ok("datasets", "checkout", "x", "--version=2")
    assert other.files("datasets/x/data") == machine.files("datasets/x/data")


def test_mutability_cannot_be_changed(machine: Machine) -> None:
    spec = machine.folder / "datasets/x/x.spec"
    spec.write_text(spec.read_text().replace("strict", "mutable"))
    machine.write("datasets/x/data/c", "three")
    outcome = machine.run("datasets", "add", "x", "--bumpversion")
    assert outcome.code == 3
    assert "Spec mutability cannot be changed." in outcome.err
