"""The import contracts hold, and the checker can see them broken."""

import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
LINT = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache"]


def lint(folder: pathlib.Path, package: pathlib.Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*LINT, "--config", str(ROOT / ".importlinter")],
        cwd=folder,
        env={"PYTHONPATH": str(package), "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
    )


def test_every_contract_is_kept() -> None:
    result = lint(ROOT, ROOT / "src")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("errors/base.py", "import entrepot.names.paths", "No room calls upward"),
        ("shelf/__init__.py", "", "No room calls upward"),
        ("git/planted.py", "import entrepot.cards.planted", "No room calls upward"),
        ("git/planted.py", "import os.path", "Codecs do no I/O"),
        ("client/planted.py", "import entrepot.hub.planted", "The client wing never imports"),
        ("server/planted.py", "import entrepot.catalog.planted", "Doors speak to the hub only"),
        ("names/digests.py", "import entrepot.names.planted", "No ring of modules"),
    ],
)
def test_a_planted_breach_is_seen(tmp_path: pathlib.Path, module: str, line: str, contract: str) -> None:
    package = tmp_path / "entrepot"
    package.mkdir()
    shutil.copy(ROOT / "src/entrepot/__init__.py", package)
    for room in ("errors", "names", "settings"):
        shutil.copytree(ROOT / "src/entrepot" / room, package / room, ignore=shutil.ignore_patterns("__pycache__"))
    for room in ("git", "cards", "hub", "catalog", "client", "server"):
        (package / room).mkdir()
        (package / room / "__init__.py").touch()
        (package / room / "planted.py").write_text("")
    (package / "names/planted.py").write_text("import entrepot.names.accounts\nimport entrepot.names.digests\n")
    kept = lint(tmp_path, tmp_path)
    (package / module).parent.mkdir(exist_ok=True)
    with (package / module).open("a") as file:
        file.write(f"\n{line}\n")

    broken = lint(tmp_path, tmp_path)

    assert kept.returncode == 0, kept.stdout + kept.stderr
    assert broken.returncode == 1
    named = [row for row in broken.stdout.splitlines() if row.startswith(contract)]
    assert any("BROKEN" in row for row in named), broken.stdout + broken.stderr
