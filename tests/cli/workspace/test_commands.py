import subprocess
import sys
from pathlib import Path

import click
import pytest

from entrepot.cli.main import main
from entrepot.cli.workspace.commands import ws
from tests.support.machines import Machine

VERBS = (
    *("init", "create", "status", "add", "commit", "push", "checkout", "fetch", "update", "list", "show", "branch"),
    *("log", "diff", "reset", "unlock", "fsck", "remote-fsck", "tag list", "tag add", "tag del"),
)


def commands(group: click.Command, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every command below a group, by its words."""
    if not isinstance(group, click.Group):
        return [path]
    context = click.Context(group)
    found = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        found += commands(command, (*path, name))
    return found


def test_every_command_is_there_and_explains_itself(tmp_path: Path) -> None:
    machine = Machine.create(tmp_path, "ann")
    words = {" ".join(path) for path in commands(ws)}
    for kind in ("datasets", "labels", "models"):
        for verb in VERBS:
            assert f"{kind} {verb}" in words
    assert "models metrics" in words
    assert "datasets metrics" not in words
    for path in commands(ws):
        outcome = machine.run(*path, "--help")
        assert outcome.code == 0
        assert "--json" in outcome.out, path


def test_only_models_have_metrics_and_only_labels_and_models_links(tmp_path: Path) -> None:
    machine = Machine.create(tmp_path, "ann")
    shown = {
        kind: [machine.ok(kind, verb, "-h") for verb in ("add", "commit")] for kind in ("datasets", "labels", "models")
    }
    assert ["--metric " in add for add, _ in shown.values()] == [False, False, True]
    assert ["--dataset " in commit for _, commit in shown.values()] == [False, True, True]
    assert ["--labels " in commit for _, commit in shown.values()] == [False, False, True]


def test_the_singular_and_entrepot_ws_are_the_same_commands(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    import contextlib

    assert machine.ok("dataset", "tag", "list", "x") == "vision__images__x__1\n"
    with contextlib.chdir(machine.folder):
        assert main(["ws", "datasets", "tag", "list", "x"], machine.variables) == 0
    assert capsys.readouterr().out == "vision__images__x__1\n"


def test_nothing_heavy_is_imported_to_print_the_version() -> None:
    program = (
        "import sys; from entrepot.cli.main import main_ml_git; "
        "assert main_ml_git(['--version'], {}) == 0; print(' '.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    first, modules = done.stdout.split("\n", 1)
    assert first.startswith("ml-git (entrepot) ")
    slow = {"numpy", "blake3", "obstore", "httpx2", "yaml", "sqlite3", "subprocess", "tqdm", "starlette", "sqlalchemy"}
    assert slow & set(modules.split()) == set()
