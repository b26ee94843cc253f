from tests.support.machines import Machine


def test_a_check_counts_and_lists_on_demand(machine: Machine) -> None:
    place = machine.folder / "datasets/x/data/a"
    place.chmod(0o644)
    place.write_text("bad")
    outcome = machine.run("datasets", "fsck")
    assert outcome.code == 4
    assert outcome.out == (
        "[1] corrupted file(s) in Local Repository\n[0] corrupted file(s) in Index\nTotal of corrupted files: 1\n"
    )
    assert outcome.err.endswith(
        "INFO - Repository: For more information about the corrupted files you can run the command with the "
        "--verbose option.\n"
    )
    assert "x/data/a: " in machine.run("datasets", "fsck", "--verbose").out
    fixed = machine.run("datasets", "fsck", "--fix-workspace", "--json")
    assert (fixed.code, fixed.json) == (0, {"corrupted": 1, "missing": 0, "fixed": 1, "left": []})


def test_the_store_and_the_caches(machine: Machine) -> None:
    out = machine.ok("datasets", "remote-fsck", "x", "--thorough")
    assert out.startswith("remote-fsck -- fixed   : 0 object(s) / 0 chunk(s)\nremote-fsck -- total verified : ")
    assert machine.ok("repository", "gc", "--dry-run").startswith("A total of ")
    assert "files have been removed\nTotal reclaimed space " in machine.ok("repository", "gc")
