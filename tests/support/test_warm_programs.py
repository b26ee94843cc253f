"""A program that forks its calls has what each caller gives it, and answers as the command does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.warm_programs import program


def tell() -> None:
    """Print what a command is given, and end with an exit code of its own."""
    print(sys.argv[1:], os.environ["WHO"], Path.cwd().name, sys.stdin.read())
    print("failed", file=sys.stderr)
    sys.exit(7)


def test_a_call_has_arguments_environment_folder_and_files_of_its_caller(tmp_path: Path) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    with program(tmp_path / "tell", f"{__name__}:tell"):
        done = subprocess.run(
            [tmp_path / "tell", "a", "b c"],
            cwd=folder,
            env={"WHO": "ann"},
            input="given",
            capture_output=True,
            text=True,
        )
    assert (done.returncode, done.stderr) == (7, "failed\n")
    assert done.stdout == "['a', 'b c'] ann here given\n"


def test_a_program_ends_with_its_context(tmp_path: Path) -> None:
    with program(tmp_path / "tell", f"{__name__}:tell"):
        pass
    assert subprocess.run([tmp_path / "tell"], capture_output=True).returncode == 1
