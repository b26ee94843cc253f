from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

import entrepot
from entrepot.cli.main import cli
from tests.support.commands import Run

PAGE = (Path(__file__).parents[2] / "docs/cli.md").read_text(encoding="utf-8")
WORKSPACE_PAGE = (Path(__file__).parents[2] / "docs/ml-git.md").read_text(encoding="utf-8")
RUN = "from entrepot.cli.main import run; run()"


def commands(group: click.Group = cli, prefix: str = "entrepot") -> Iterator[tuple[str, click.Command]]:
    with click.Context(group) as ctx:
        for name in group.list_commands(ctx):
            command = group.get_command(ctx, name)
            assert command is not None
            yield f"{prefix} {name}", command
            if isinstance(command, click.Group):
                yield from commands(command, f"{prefix} {name}")


EVERY = dict(commands())


def in_process(*args: str, before: str = "", **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", before + RUN, *args], capture_output=True, text=True, timeout=240, **options
    )


def documented(name: str) -> tuple[str, str]:
    """Return how a command is spelled in the page that describes it, and the page."""
    if not name.startswith("entrepot ws "):
        return name, PAGE
    spelled = name.replace("entrepot ws", "ml-git", 1)
    return spelled if " metrics" in spelled else re.sub(
        r"\b(labels|models)\b", "datasets", spelled, count=1
    ), WORKSPACE_PAGE


def test_every_command_is_documented() -> None:
    spelled = {name: documented(name) for name in EVERY}
    assert [name for name, (command, page) in spelled.items() if f"`{command}" not in page] == []


def test_every_flag_of_a_command_is_documented() -> None:
    missing = [
        (name, flag)
        for name, command in EVERY.items()
        if name != "entrepot serve"  # its flags are the settings, which have their own page
        for option in command.params
        for flag in option.opts
        if flag.startswith("--") and flag not in documented(name)[1]
    ]
    assert missing == []


def test_every_command_says_what_it_does(run: Run) -> None:
    for name in EVERY:
        outcome = run(*name.split()[1:], "--help")
        assert outcome.code == 0, name
        assert outcome.out.startswith(f"Usage: {name} "), name


def test_every_exit_code_is_documented(run: Run) -> None:
    documented = re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)
    assert documented == ["0", "1", "2", "3", "70", "130"]
    told = " ".join(run("--help").out.partition("Exit codes:")[2].split())
    assert re.findall(r"\d+", told) == documented


def test_help_is_fast_because_it_imports_no_library_but_two() -> None:
    code = (
        "import sys\nsys.argv[1:] = ['--help']\nimport atexit\n"
        "atexit.register(lambda: print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr))\n"
    )
    done = in_process(before=code)
    assert done.returncode == 0
    heavy = {"sqlalchemy", "starlette", "granian", "argon2", "msgpack", "platformdirs", "yaml", "asyncio", "httpx2"}
    assert "click" in done.stderr.split()
    assert not heavy & set(done.stderr.split())


@pytest.mark.parametrize("library", ["sqlalchemy", "starlette", "granian"])
def test_without_the_server_extra_the_cure_is_named(library: str, tmp_path: Path) -> None:
    missing = f"import sys; sys.modules[{library!r}] = None; "
    assert in_process("--help", before=missing).returncode == 0
    assert in_process("config", before=missing).returncode == 0
    done = in_process("serve", "--data", str(tmp_path / "data"), "--port", "0", before=missing)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        f"error: this command needs the server's libraries ({library} is missing)\n"
        'hint: pip install "entrepot[server]"\n'
    )


def test_the_version_is_printed(run: Run) -> None:
    assert run("version").out == run("--version").out == f"entrepot {entrepot.__version__}\n"
    assert run("version", "--json").json["entrepot"] == entrepot.__version__


@pytest.mark.parametrize(
    "args", [["frobnicate"], ["serve", "--frobnicate"], ["admin", "create-org", "acme"], ["completion"]]
)
def test_wrong_usage_is_reported_with_exit_code_2(run: Run, args: list[str]) -> None:
    outcome = run(*args)
    assert outcome.code == 2
    assert outcome.out == ""
    assert "Usage: entrepot" in outcome.err


def test_a_missing_choice_is_asked_for_in_one_line(run: Run) -> None:
    assert "error: missing argument '{bash|zsh|fish}'; choose from bash, zsh, fish\n" in run("completion").err


def test_a_failure_is_one_line_without_a_trace(run: Run, data: Path) -> None:
    outcome = run("admin", "list-users")
    assert outcome.code == 1
    assert outcome.err.count("\n") == 1
    assert outcome.err.startswith("error: ")


def test_a_repository_that_the_data_folder_lacks_comes_with_the_command_that_lists_them(admin: Run, run: Run) -> None:
    admin("users", "list")
    outcome = run("du", "alice/none")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith("error: Repository not found\nhint: 'entrepot admin repos list' shows")


def test_a_failure_can_be_shown_with_its_trace(run: Run) -> None:
    outcome = run("--debug", "admin", "list-users")
    assert outcome.code == 1
    assert "Traceback" in outcome.err
    assert outcome.err.splitlines()[-1].startswith("error: ")


def test_a_mistake_in_the_program_says_how_to_report_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("entrepot.cli.sessions.default_data", lambda: 1 / 0)
    outcome = run("config")
    assert outcome.code == 70
    assert outcome.err.startswith("error: unexpected ZeroDivisionError")
    assert "report" in outcome.err
    assert "Traceback" not in outcome.err


def test_an_interruption_is_no_mistake(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt() -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr("entrepot.cli.sessions.default_data", interrupt)
    outcome = run("config")
    assert outcome.code == 130
    assert outcome.err.strip() == "interrupted"


def test_a_reader_that_has_enough_is_no_mistake() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-c", RUN, "config", "--docs"],
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            timeout=240,
        )
    finally:
        os.close(writing)
    assert done.stderr == ""
    assert done.returncode == 1


def test_the_package_can_be_run_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "entrepot", "version"], capture_output=True, text=True, timeout=240)
    assert (done.returncode, done.stdout) == (0, f"entrepot {entrepot.__version__}\n")
