from pathlib import Path

from entrepot.cli.workspace import log_files
from entrepot.cli.workspace.log_files import LOG_NAME, write_log
from tests.support.machines import Machine


def test_commands_are_logged_without_secrets(machine: Machine) -> None:
    machine.run("datasets", "push", "none")
    machine.ok("repository", "remote", "labels", "add", "https://me:secret-word@example.org/team/x.git")
    text = (machine.folder / ".ml-git/logs" / LOG_NAME).read_text()
    assert "ml-git datasets push none: exit code 1\n" in text
    assert "ERROR Repository: " in text
    assert "example.org/team/x.git" in text
    assert "secret-word" not in text


def test_the_log_can_be_switched_off(machine: Machine) -> None:
    machine.ok("repository", "config", "set", "log", "off")
    before = (machine.folder / ".ml-git/logs" / LOG_NAME).read_bytes()
    machine.ok("datasets", "status", "x")
    assert (machine.folder / ".ml-git/logs" / LOG_NAME).read_bytes() == before


def test_a_full_log_is_renamed_and_five_are_kept(tmp_path: Path) -> None:
    log_files.MAX_BYTES, most = 10, log_files.MAX_BYTES
    try:
        for number in range(9):
            write_log(tmp_path, [f"line {number}\n\x1b[31m"])
    finally:
        log_files.MAX_BYTES = most
    names = sorted(path.name for path in (tmp_path / "logs").iterdir())
    assert names == [LOG_NAME, *(f"{LOG_NAME}.{number}" for number in range(1, 6))]
    assert (tmp_path / "logs" / LOG_NAME).read_text().endswith("line 8\\n\\x1b[31m\n")


def test_a_log_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file")
    write_log(tmp_path, ["x"])
