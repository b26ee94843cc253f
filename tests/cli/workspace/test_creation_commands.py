import io
import zipfile

import pytest

from tests.support.machines import Machine


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_missing_options_are_asked_for_at_a_terminal_only(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("vision\nstrict\n"))
    for args in (("--wizard",), ("--categories=a",), ("--mutability=strict",)):
        outcome = machine.run("datasets", "create", "y", *args)
        assert (outcome.code, "missing option" in outcome.err) == (2, True), args
    monkeypatch.setattr("sys.stdin", Terminal("vision, images\nwrong\nflexible\n"))
    assert machine.ok("datasets", "create", "y", "--wizard") == "datasets/y/y.spec\n"
    spec = (machine.folder / "datasets/y/y.spec").read_text()
    assert "mutability: flexible\n" in spec
    assert "    - images\n" in spec


def test_the_wizard_can_be_enabled_for_a_project(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.ok("repository", "config", "--set-wizard=enabled") == "wizard: enabled\n"
    machine.ok("repository", "storage", "add", "second")
    monkeypatch.setattr("sys.stdin", Terminal("a\nstrict\nsecond\n"))
    machine.ok("datasets", "create", "y")
    assert "s3h://second" in (machine.folder / "datasets/y/y.spec").read_text()
    machine.ok("repository", "config", "--set-wizard=disabled")
    monkeypatch.setattr("sys.stdin", Terminal("a\nstrict\nsecond\n"))
    assert machine.run("datasets", "create", "z").code == 2
    assert machine.run("repository", "config").code == 2


def test_imported_archives_are_unpacked_and_a_bad_one_leaves_no_entity(machine: Machine) -> None:
    options = ("--categories=a", "--mutability=strict", "--unzip")
    with zipfile.ZipFile(machine.folder / "good.zip", "w") as archive:
        archive.writestr("d/f", "1")
    machine.ok("datasets", "create", "y", *options, "--import=good.zip")
    assert machine.files("datasets/y/data") == {"d/f": b"1"}
    with zipfile.ZipFile(machine.folder / "bad.zip", "w") as archive:
        archive.writestr("../../f", "1")
    assert machine.run("datasets", "create", "z", *options, "--import=bad.zip").code == 1
    assert not (machine.folder / "datasets/z").exists()
    assert machine.run("datasets", "create", "z", *options).code == 2
    outcome = machine.run("datasets", "create", "z", *options, "--import-url=http://127.0.0.1:1/x")
    assert outcome.code == 1
    assert not (machine.folder / "datasets/z").exists()
