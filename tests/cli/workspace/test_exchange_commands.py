from tests.support.machines import Machine, Team


def test_versions_are_exported_and_imported_as_plain_objects(team: Team, machine: Machine) -> None:
    plain = team.place / "plain"
    plain.mkdir()
    options = (str(plain), "--storage-type=file")
    assert machine.ok("datasets", "export", "x", *options, "--prefix=p") == (
        f"vision__images__x__1: exported 2 objects to file://{plain}, 6 B\n"
    )
    assert (plain / "p/data/a").read_text() == "one"
    shown = machine.run("datasets", "export", "x", *options, "--prefix=p", "--json").json
    assert shown == {"tag": "vision__images__x__1", "objects": 2, "bytes": 6, "kept": 2}
    assert machine.ok("datasets", "import", options[0], "here", options[1], "--path=p") == (
        f"imported 2 objects from file://{plain}, 6 B\n"
    )
    assert machine.files("here") == {"data/a": b"one", "data/b": b"two"}
    assert machine.run("datasets", "import", options[0], "one", options[1], "--object=p/data/a", "--json").json == {
        "objects": 1,
        "bytes": 3,
        "kept": 0,
    }


def test_failures_have_their_exit_codes(team: Team, machine: Machine) -> None:
    (team.place / "plain").mkdir()
    options = (str(team.place / "plain"), "--storage-type=file")
    machine.write("datasets/x/../../here/a", "other")
    (team.place / "plain/a").write_text("object")
    assert machine.run("datasets", "import", options[0], "here", options[1]).code == 3
    machine.ok("datasets", "import", options[0], "here", options[1], "--force")
    assert machine.run("datasets", "import", options[0], "here", options[1], "--object=none").code == 1
    assert machine.run("datasets", "import", options[0], "here", options[1], "--object=a", "--path=b").code == 2
    assert machine.run("datasets", "export", "none", *options).code == 1
    assert machine.run("datasets", "export", "x", str(team.place / "absent"), options[1]).code == 1
