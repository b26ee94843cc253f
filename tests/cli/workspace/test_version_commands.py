from tests.support.machines import Machine, Team


def test_options_of_samples_need_each_other(machine: Machine) -> None:
    for options in (
        ("--sampling=1:2",),
        ("--sample-type=random",),
        ("--seed=1",),
        ("--bare", "--paths=data/a"),
        ("--sample-type=random", "--sampling=x"),
    ):
        assert machine.run("datasets", "checkout", "x", *options).code == 2, options


def test_a_sample_says_its_seed(team: Team, machine: Machine) -> None:
    other = team.machine("bob")
    outcome = other.run("datasets", "checkout", "x", "--sample-type=random", "--sampling=1:2")
    assert "INFO - Repository: the seed of the sample is 1\n" in outcome.err
    assert len(other.files("datasets/x/data")) == 1
    assert other.run("datasets", "checkout", "x", "--json").json["files"] == 2


def test_fetch_reset_and_unlock(team: Team, machine: Machine) -> None:
    other = team.machine("bob")
    assert other.ok("datasets", "fetch", "vision__images__x__1").startswith("vision__images__x__1: 2 contents, ")
    assert machine.run("datasets", "reset", "x", "--json").json == {"head": "vision__images__x__1", "undone": None}
    assert machine.run("datasets", "reset", "x", "--reference=head~2").code == 2
    assert machine.run("datasets", "unlock", "x").code == 2
    team.create(machine, "datasets", "m", "mutable")
    machine.write("datasets/m/data/f", "f")
    machine.ok("datasets", "add", "m")
    machine.ok("datasets", "commit", "m")
    assert machine.run("datasets", "unlock", "m", "data/f", "--json").json == {"unlocked": ["data/f"]}
