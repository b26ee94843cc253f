from tests.support.machines import Machine, Team


def test_the_configuration_is_shown_and_set(machine: Machine) -> None:
    machine.ok("repository", "config", "set", "push_threads_count", "3")
    assert "'push_threads_count': 3" in machine.ok("repository", "config", "show")
    assert "'push_threads_count': 3" in machine.ok("repository", "config", "show", "--local")
    machine.ok("repository", "config", "set", "-g", "verbose", "error")
    assert machine.ok("repository", "config", "show", "--global") == "config:\n{'verbose': 'error'}\n"
    assert machine.run("datasets", "status", "x").err != ""  # the project's own file says info
    assert machine.run("repository", "config", "show", "-l", "-g").code == 2
    assert machine.run("repository", "config", "show", "--json").json["push_threads_count"] == 3


def test_one_kind_that_fails_does_not_stop_the_others(team: Team, machine: Machine) -> None:
    machine.ok("repository", "remote", "labels", "add", str(team.place / "none.git"))
    outcome = machine.run("repository", "update")
    assert outcome.code == 1
    assert "datasets: no new versions\n" in outcome.out
    assert outcome.err.count("ERROR - ") == 1


def test_commands_outside_of_a_project(team: Team) -> None:
    lost = Machine.create(team.place, "lost")
    for args in (("repository", "config", "show"), ("repository", "update"), ("datasets", "list")):
        outcome = lost.run(*args)
        assert outcome.code == 1
        assert "repository init" in outcome.err
