import pytest

from entrepot.cli.sessions import Session
from entrepot.cli.workspace.consoles import Console, exit_code, native, subject_of
from entrepot.errors import (
    ChunkMissing,
    ConfigError,
    EntrepotError,
    GitFailed,
    InvalidArgument,
    InvalidName,
    LocalChanges,
    NothingToCommit,
    ProjectBusy,
    StorageUnreachable,
    VersionTaken,
)
from tests.support.machines import Machine


@pytest.mark.parametrize(
    ("error", "code", "subject"),
    [
        (NothingToCommit("datasets"), 1, "Repository"),
        (GitFailed("push", "x"), 1, "Metadata"),
        (StorageUnreachable("s", "x"), 1, "Storage"),
        (ProjectBusy("x", "1"), 1, "Repository"),
        (ConfigError("k", "s", "r"), 1, "Settings"),
        (InvalidName("w", "v", "r"), 2, "Repository"),
        (InvalidArgument("r"), 2, "Repository"),
        (VersionTaken("t", "c"), 3, "Repository"),
        (LocalChanges(("a",), "c"), 3, "Repository"),
        (ChunkMissing("s", ("k",)), 4, "Storage"),
    ],
)
def test_an_error_has_an_exit_code_and_a_subject(error: EntrepotError, code: int, subject: str) -> None:
    assert exit_code(error) == code
    assert subject_of(error) == subject


def test_levels(capsys: pytest.CaptureFixture[str]) -> None:
    quiet, loud = Console(Session({}), is_quiet=True), Console(Session({}), is_verbose=True)
    for console in (quiet, loud):
        for level in ("debug", "info", "warning"):
            console.say(level, f"https://u:p@h {level}")
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(" - ")[0] for line in lines] == ["WARNING", "DEBUG", "INFO", "WARNING"]
    assert "u:p" not in "".join(lines)
    assert native("a/b") == "a/b"


def test_a_failure_in_json(machine: Machine) -> None:
    outcome = machine.run("datasets", "checkout", "none", "--json")
    assert outcome.code == 1
    assert outcome.json["error"] == "EntityMissing"
    assert outcome.json["code"] == 1
    assert "ERROR - Repository: " in outcome.err


def test_a_step_is_said_to_people_only(capsys: pytest.CaptureFixture[str]) -> None:
    Console(Session({})).step("one is done")
    Console(Session({}), as_json=True).step("two is done")
    assert capsys.readouterr().out == "one is done\n"
