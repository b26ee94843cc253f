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


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with a small package that keeps every contract."""
    folder = tmp_path_factory.mktemp("kept")
    package = folder / "entrepot"
    package.mkdir()
    shutil.copy(ROOT / "src/entrepot/__init__.py", package)
    for layer in ("errors", "names", "settings"):
        shutil.copytree(ROOT / "src/entrepot" / layer, package / layer, ignore=shutil.ignore_patterns("__pycache__"))
    layers = ("git", "cards", "hub", "catalog", "client", "server", "server/hf")
    subjects = (
        "accounts",
        "repos",
        "git",
        "files",
        "folders",
        "community",
        "webhooks",
        "search",
        "jobs",
        "uploads",
        "downloads",
        "cache",
        "datasets",
        "buckets",
        "comparisons",
    )
    inner = [f"{layer}/{subject}" for layer in ("hub", "catalog", "client", "server/hf") for subject in subjects]
    for layer in (*layers, *inner):
        (package / layer).mkdir()
        (package / layer / "__init__.py").touch()
        (package / layer / "planted.py").write_text("")
    (package / "names/planted.py").write_text("import entrepot.names.accounts\nimport entrepot.names.digests\n")
    result = lint(folder, folder)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("errors/base.py", "import entrepot.names.paths", "Imports go down"),
        ("shelf/__init__.py", "", "Imports go down"),
        ("git/planted.py", "import entrepot.cards.planted", "Imports go down"),
        ("git/planted.py", "import os.path", "Codecs do no I/O"),
        ("client/planted.py", "import entrepot.hub.planted", "The client never imports"),
        ("server/planted.py", "import entrepot.catalog.planted", "Server and worker call the hub only"),
        ("names/digests.py", "import entrepot.names.planted", "No import cycle"),
        ("hub/accounts/planted.py", "import entrepot.hub.repos.planted", "Subjects of the hub"),
        ("catalog/jobs/planted.py", "import entrepot.catalog.search.planted", "Subjects of the catalog"),
        ("client/cache/planted.py", "import entrepot.client.uploads.planted", "Parts of the client"),
        ("server/hf/files/planted.py", "import entrepot.server.hf.community.planted", "Subjects of the Hub API"),
    ],
)
def test_a_planted_breach_is_seen(
    kept: pathlib.Path, tmp_path: pathlib.Path, module: str, line: str, contract: str
) -> None:
    shutil.copytree(kept, tmp_path, dirs_exist_ok=True)
    package = tmp_path / "entrepot"
    (package / module).parent.mkdir(exist_ok=True)
    with (package / module).open("a") as file:
        file.write(f"\n{line}\n")

    broken = lint(tmp_path, tmp_path)

    assert broken.returncode == 1
    named = [row for row in broken.stdout.splitlines() if row.startswith(contract)]
    assert any("BROKEN" in row for row in named), broken.stdout + broken.stderr
