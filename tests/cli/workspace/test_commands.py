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


SEED_OPTIONS = {
    "repository init": "",
    "repository config show": "--local --global",
    "repository config push": "--message",
    "repository config": "--set-wizard --global",
    "repository remote datasets add": "--global",
    "repository remote labels add": "--global",
    "repository remote models add": "--global",
    "repository remote datasets del": "--global",
    "repository remote config add": "",
    "repository storage add": (
        "--credentials --type --region --endpoint-url --username --private-key --port --host-key --prefix "
        "--create --check --wizard --global"
    ),
    "repository storage del": "--type --global",
    "repository update": "",
    "repository gc": "--remote --dry-run --grace",
    "repository graph": "--dot --export-path --open",
    "clone": "--untracked",
    "* init": "",
    "* create": (
        "--categories --mutability --storage-type --bucket-name --version --entity-dir --import --import-url "
        "--credentials-path --unzip --wizard"
    ),
    "* status": "--full",
    "* add": "--bumpversion --fsck",
    "models add": "--metric --metrics-file",
    "* commit": "--version --message --fsck",
    "labels commit": "--dataset --no-links",
    "models commit": "--dataset --labels --no-links",
    "* push": "--retry --fail-limit --clearonfail --bumpversion --all --dry-run",
    "* checkout": (
        "--version --force --bare --retry --fail-limit --full --with-dataset --with-labels --sample-type --sampling "
        "--seed --paths"
    ),
    "* fetch": "--sample-type --sampling --seed --retry",
    "* update": "",
    "* list": "--long",
    "* show": "--tag",
    "* branch": "",
    "* tag list": "--all",
    "* tag add": "",
    "* tag del": "",
    "* log": "--stat --fullstat --reverse",
    "* diff": "--full",
    "* merge": "--retry",
    "* reset": "--soft --mixed --hard --reference",
    "* unlock": "--all",
    "* fsck": "--full --fix-workspace",
    "* remote-fsck": "--thorough --paranoid --retry --full --all-versions",
    "* import": "--credentials --region --retry --path --object --storage-type --endpoint-url --force",
    "* export": "--credentials --region --retry --storage-type --endpoint --prefix --force",
    "* migrate": "--all-versions",
    "* to-hub": "--dry-run",
    "models metrics": "--export-type --export-path",
}
"""Every command and option that users of ML-Git know or that its quick start names; ``*`` is every kind."""


@pytest.mark.parametrize("row", SEED_OPTIONS)
def test_every_command_has_the_options_that_users_know(row: str) -> None:
    for word in ("datasets", "labels", "models") if row.startswith("* ") else ("",):
        command: click.Command = ws
        for name in row.replace("*", word).split():
            assert isinstance(command, click.Group), row
            found = command.get_command(click.Context(command), name)
            assert found is not None, row
            command = found
        known = {option for parameter in command.params for option in parameter.opts}
        assert set(SEED_OPTIONS[row].split()) <= known, row


def test_every_command_and_option_is_documented() -> None:
    page = Path("docs/ml-git.md").read_text(encoding="utf-8")
    for path in commands(ws):
        words = " ".join(path).replace("labels ", "datasets ", 1).replace("models ", "datasets ", 1)
        assert f"ml-git {words}" in page or f"ml-git {' '.join(path)}" in page, path


def test_commands_that_touch_no_chunks_do_not_import_numpy() -> None:
    for module in ("statuses", "commits"):
        program = f"import sys, entrepot.workspace.projects.changes.{module}; print('numpy' in sys.modules)"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert done.stdout == "False\n", module


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
        assert "--json" in outcome.out or path == ("completion",), path


def test_only_models_have_metrics_and_only_labels_and_models_links(tmp_path: Path) -> None:
    machine = Machine.create(tmp_path, "ann")
    shown = {
        kind: [machine.ok(kind, verb, "--help") for verb in ("add", "commit")] for kind in ("datasets", "labels", "models")
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


@pytest.mark.parametrize("kind", ["datasets", "labels", "models"])
def test_examples_name_the_group_that_is_asked(kind: str) -> None:
    context = click.Context(ws)
    group = ws.get_command(context, kind)
    assert isinstance(group, click.Group)
    command = group.get_command(context, "push")
    assert command is not None
    assert f"ml-git {kind} push images" in str(command.help)
