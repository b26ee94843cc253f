import io

import pytest

from tests.support.machines import Machine, Team


class Keyboard(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_changed_remote_is_warned_about_with_both_urls(team: Team, machine: Machine) -> None:
    outcome = machine.run("repository", "remote", "datasets", "add", str(team.remote("labels")))
    assert outcome.code == 0
    assert f"WARNING - Repository: the remote of datasets was {team.remote('datasets')}" in outcome.err
    assert str(team.remote("labels")) in outcome.err
    machine.ok("repository", "remote", "datasets", "del")
    assert machine.run("repository", "remote", "datasets", "del").code == 1
    assert "'datasets': {'git': ''}" in machine.ok("repository", "config", "show")


def test_a_storage_is_added_checked_and_removed(team: Team, machine: Machine) -> None:
    bucket = str(team.place / "new")
    machine.ok("repository", "storage", "add", bucket, "--type=file", "--create", "--check")
    assert (team.place / "new").is_dir()
    machine.ok("repository", "storage", "del", bucket, "--type=file")
    assert machine.run("repository", "storage", "del", bucket, "--type=file").code == 1
    assert machine.run("repository", "storage", "add", "b", "--port=0", "--type=sftph").code == 2


def test_adding_a_storage_needs_no_network(machine: Machine) -> None:
    machine.ok("repository", "storage", "add", "mlgit", "--credentials=mlgit", "--endpoint-url=http://127.0.0.1:1")
    shown = machine.ok("repository", "config", "show")
    assert "'mlgit': {'aws-credentials': {'profile': 'mlgit'}," in shown
    assert "'endpoint-url': 'http://127.0.0.1:1'," in shown
    assert "'region': 'us-east-1'}}" in shown


def test_settings_of_a_storage_are_asked_for_at_a_terminal_only(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("team\n"))
    machine.ok("repository", "storage", "add", "one", "--wizard")
    assert "profile: default" in (machine.folder / ".ml-git/config.yaml").read_text()
    monkeypatch.setattr("sys.stdin", Keyboard("team\nhttp://127.0.0.1:9000\n\n"))
    machine.ok("repository", "storage", "add", "two", "--wizard")
    text = (machine.folder / ".ml-git/config.yaml").read_text()
    assert "profile: team" in text
    assert "endpoint-url: http://127.0.0.1:9000" in text
    monkeypatch.setattr("sys.stdin", Keyboard(""))
    machine.ok("repository", "storage", "add", "three", "--type=file", "--wizard")
