from tests.support.machines import Machine, Team


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
