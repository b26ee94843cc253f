import io

import pytest

from tests.support.machines import Machine, Team


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def answer(monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("".join(f"{text}\n" for text in answers)))


def test_every_step_of_a_version_can_be_asked_for(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.write("datasets/x/data/c", "c")
    answer(monkeypatch, "x", "y")
    machine.ok("datasets", "add", "--wizard")
    answer(monkeypatch, "x", "7", "seven")
    assert machine.ok("datasets", "commit", "--wizard").startswith("vision__images__x__7 ")
    answer(monkeypatch, "x")
    machine.ok("datasets", "push", "--wizard")
    assert "Message: seven\n" in machine.ok("datasets", "log", "x")
    answer(monkeypatch, "x", "1")
    assert machine.ok("datasets", "checkout", "--wizard").startswith("vision__images__x__1: 2 files")
    answer(monkeypatch, "")
    assert machine.ok("datasets", "checkout", "x", "--wizard").startswith("vision__images__x__7: 3 files")


def test_empty_answers_leave_the_defaults(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.write("datasets/x/data/c", "c")
    answer(monkeypatch, "n")
    machine.ok("datasets", "add", "x", "--wizard")
    answer(monkeypatch, "", "")
    refused = machine.run("datasets", "commit", "x", "--wizard")
    assert refused.code == 3
    assert "the next free number is 2" in refused.err


def test_links_and_files_are_asked_for(team: Team, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.ok("repository", "remote", "labels", "add", str(team.remote("labels")))
    machine.ok("labels", "init")
    team.create(machine, "labels", "l", "flexible")
    machine.write("labels/l/data/f", "f")
    answer(monkeypatch, "n")
    machine.ok("labels", "add", "l", "--wizard")
    answer(monkeypatch, "l", "", "", "x")
    machine.ok("labels", "commit", "--wizard")
    assert "tag: vision__images__x__1" in machine.ok("labels", "show", "l")
    answer(monkeypatch, "l", "data/f")
    assert machine.run("labels", "unlock", "--wizard", "--json").json == {"unlocked": ["data/f"]}


def test_an_answer_that_cannot_be_used_is_wrong_usage(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, "x", "seven")
    assert machine.run("datasets", "checkout", "--wizard").code == 2


def test_nothing_is_asked_in_scripts_or_without_the_option(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("x\n" * 9))
    assert machine.run("datasets", "push", "--wizard").code == 2
    answer(monkeypatch, *"xxx")
    outcome = machine.run("datasets", "push")
    assert outcome.code == 2
    assert "name" in outcome.err.lower()


def test_a_configuration_can_enable_it_for_every_command(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.ok("repository", "config", "--set-wizard=enabled")
    answer(monkeypatch, "x")
    assert machine.ok("datasets", "push") == "No blobs to push at this time.\n"
    (machine.folder / ".ml-git/config.yaml").write_text("a: [\n")
    answer(monkeypatch, "x")
    assert machine.run("datasets", "push").code == 2
