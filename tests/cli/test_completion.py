from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import Run


@pytest.mark.parametrize(
    ("shell", "word"), [("bash", "complete -o"), ("zsh", "#compdef entrepot"), ("fish", "complete --no-files")]
)
def test_a_shell_gets_its_script(run: Run, shell: str, word: str) -> None:
    outcome = run("completion", shell)
    assert outcome.code == 0
    assert word in outcome.out
    assert "_ENTREPOT_COMPLETE" in outcome.out


def test_another_shell_is_wrong_usage(run: Run) -> None:
    assert run("completion", "tcsh").code == 2


_LIMITS = ("commit-body", "inline-file", "pack", "file", "bodies", "bodies-per-address")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("entrepot ver", {"version"}),
        ("entrepot admin users s", {"suspend", "set-admin"}),
        ("entrepot admin re", {"repos", "restore"}),
        ("entrepot admin jobs r", {"retry"}),
        ("entrepot serve --max-", {f"--max-{what}" for what in _LIMITS}),
    ],
)
def test_commands_and_flags_are_completed(words: str, expected: set[str], tmp_path: Path) -> None:
    completing = {"_ENTREPOT_COMPLETE": "fish_complete", "COMP_WORDS": words, "COMP_CWORD": words.rpartition(" ")[2]}
    code = "from entrepot.cli.main import run; run()"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **completing}, capture_output=True, text=True, timeout=240
    )
    answers = {line.partition(",")[2].partition("\t")[0] for line in done.stdout.splitlines()}
    assert answers == expected
