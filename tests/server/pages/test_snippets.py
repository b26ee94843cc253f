from __future__ import annotations

import ast
import itertools
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import attrs
import pytest

from entrepot.names import RepoType
from entrepot.server.pages.snippets import UsedRepo, UseSnippet, uses_of
from tests.support.served_hub import ServedHub

COMMIT = "8f3c2d1" + "0" * 33
NUMBERS = itertools.count()
TERN = UsedRepo(RepoType.MODEL, "acme/tern", "acme/tern", COMMIT)
TIDES = UsedRepo(RepoType.DATASET, "acme/tides", "datasets/acme/tides", COMMIT)
GENERAL = ["huggingface_hub", "hf", "entrepot", "git", "JavaScript", "curl", "Metaflow", "Asset Hub"]
PYTHON = {
    "transformers",
    "diffusers",
    "sentence-transformers",
    "peft",
    "timm",
    "datasets",
    "huggingface_hub",
    "Metaflow",
    "Asset Hub",
}


def titles(uses: list[UseSnippet]) -> list[str]:
    return [use.title for use in uses]


def test_snippets_name_the_hub_and_pin_the_revision() -> None:
    uses = uses_of(attrs.evolve(TERN, library="transformers", file="README.md"), "https://hub.example/x")
    assert titles(uses) == ["transformers", *GENERAL]
    for use in uses:
        assert COMMIT in use.text, use
        assert "https://hub.example/x" in use.text, use
        if use.title in PYTHON:
            ast.parse(use.text)


@pytest.mark.parametrize(
    ("processor", "last"),
    [
        ("AutoTokenizer", "tokenizer = AutoTokenizer.from_pretrained(repo, revision=revision)"),
        ("AutoImageProcessor", "processor = AutoImageProcessor.from_pretrained(repo, revision=revision)"),
        (None, "model = AutoModel.from_pretrained(repo, revision=revision)"),
    ],
)
def test_code_of_transformers_loads_what_prepares_the_inputs(processor: str | None, last: str) -> None:
    [use, *_] = uses_of(attrs.evolve(TERN, library="transformers", processor=processor), "http://h")
    ast.parse(use.text)
    assert use.text.splitlines()[-1] == last
    assert ("Tokenizer" in use.text) == (processor == "AutoTokenizer")


@pytest.mark.parametrize(
    ("title", "packages"),
    [("entrepot", "."), ("Asset Hub", "."), ("Metaflow", '".[metaflow]" ./integrations/metaflow')],
)
def test_what_needs_a_package_of_this_project_says_how_to_install_it(title: str, packages: str) -> None:
    [text] = [use.text for use in uses_of(TERN, "http://h") if use.title == title]
    assert text.splitlines()[0] == f"# Once, in a checkout of entrepot: pip install {packages}"
    project = Path(__file__).parents[3]
    for word in packages.replace('"', "").split():
        assert (project / word.partition("[")[0] / "pyproject.toml").is_file()


@pytest.mark.parametrize("library", ["diffusers", "sentence-transformers", "peft", "timm"])
def test_code_of_a_library_sets_the_address_before_its_import(library: str) -> None:
    [use, *_] = uses_of(attrs.evolve(TERN, library=library), "https://hub.example")
    assert use.title == library
    assert use.text.startswith('import os\n\nos.environ["HF_ENDPOINT"] = "https://hub.example"\n\n')
    assert COMMIT in use.text
    ast.parse(use.text)


def test_models_that_servers_can_serve_have_their_commands() -> None:
    chat = attrs.evolve(TERN, library="transformers", task="text-generation")
    [_, vllm, *_] = uses_of(chat, "http://h")
    assert vllm == UseSnippet("vLLM", f"export HF_ENDPOINT=http://h\nvllm serve acme/tern --revision {COMMIT}")
    gguf = uses_of(attrs.evolve(TERN, gguf="q4/tern one.gguf"), "http://h")
    assert titles(gguf) == ["llama.cpp", "Ollama", *GENERAL]
    assert gguf[0].text == f"llama-server --model-url http://h/acme/tern/resolve/{COMMIT}/q4/tern%20one.gguf"
    token = '-H "${HF_TOKEN:+Authorization: Bearer $HF_TOKEN}"'  # private and gated files need one
    assert gguf[1].text.splitlines() == [
        f"curl -fL {token} -o './tern one.gguf' http://h/acme/tern/resolve/{COMMIT}/q4/tern%20one.gguf",
        "echo 'FROM ./tern one.gguf' > Modelfile",
        "ollama create tern -f Modelfile",
    ]
    assert titles(
        uses_of(attrs.evolve(TIDES, gguf="a.gguf", library="transformers", task="text-generation"), "http://h")
    ) == [
        "datasets",
        *GENERAL,
    ]


def clean_environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "ENTREPOT_", "GIT_"))}
    places = {
        "HF_HOME": str(folder / "hf"),
        "ENTREPOT_CACHE": str(folder / "cache"),
        "HOME": str(folder),
        "USERNAME": "a",
    }
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    return {**kept, **places, "PATH": path, "METAFLOW_HOME": str(folder), "METAFLOW_USER": "a"}


def run(arguments: list[str], folder: Path, more: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    environment = clean_environment(folder) | (more or {})
    return subprocess.run(
        arguments, env=environment, cwd=folder, capture_output=True, text=True, timeout=240, check=False
    )


@pytest.fixture(params=["model", "dataset"])
def real(request: pytest.FixtureRequest, site: ServedHub) -> UsedRepo:
    """A repository on a running hub, with a card and a table."""
    kind = RepoType(request.param)
    ref = site.repo(f"used-{next(NUMBERS)}", kind.value)
    head = site.commit(ref, {"README.md": b"# Used\n", "data.csv": b"a,b\n1,2\n"})
    return UsedRepo(kind, str(ref.id), ref.path, head, file="README.md")


def text_of(repo: UsedRepo, site: ServedHub, title: str) -> str:
    [text] = [use.text for use in uses_of(repo, site.url) if use.title == title]
    return text


@pytest.mark.parametrize("title", ["huggingface_hub", "datasets", "Asset Hub"])
def test_code_runs_as_it_is_copied(site: ServedHub, real: UsedRepo, tmp_path: Path, title: str) -> None:
    if title == "datasets":
        pytest.importorskip("datasets")
        if real.kind is not RepoType.DATASET:
            pytest.skip("for datasets only")
    if title == "huggingface_hub":
        pytest.importorskip("huggingface_hub")
    code = f"{text_of(real, site, title)}\nprint('done')"
    done = run([sys.executable, "-c", code], tmp_path, {"ENTREPOT_TOKEN": site.alice})
    assert done.stdout.endswith("done\n"), done.stderr


@pytest.mark.parametrize("title", ["hf", "entrepot", "git", "curl"])
def test_commands_run_as_they_are_copied(site: ServedHub, real: UsedRepo, tmp_path: Path, title: str) -> None:
    if title == "hf":
        pytest.importorskip("huggingface_hub")
    done = run(["sh", "-ec", text_of(real, site, title)], tmp_path, {"HF_TOKEN": site.alice})
    assert done.returncode == 0, done.stderr
    found = [path for path in tmp_path.rglob("README.md") if path.read_bytes() == b"# Used\n"]
    assert found, done.stdout


def test_without_a_card_curl_lists_the_files(site: ServedHub, real: UsedRepo, tmp_path: Path) -> None:
    done = run(["sh", "-ec", text_of(attrs.evolve(real, file=None), site, "curl")], tmp_path, {"HF_TOKEN": site.alice})
    assert '"path":"data.csv"' in done.stdout


def test_curl_needs_no_token_for_what_is_public(site: ServedHub, real: UsedRepo, tmp_path: Path) -> None:
    done = run(["sh", "-ec", text_of(real, site, "curl")], tmp_path, {"HF_TOKEN": ""})
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "README.md").read_bytes() == b"# Used\n"


def test_the_flow_runs_as_it_is_copied(site: ServedHub, real: UsedRepo, tmp_path: Path) -> None:
    pytest.importorskip("metaflow_extensions.entrepot")
    (tmp_path / "flow.py").write_text(text_of(real, site, "Metaflow"))
    done = run(
        [sys.executable, "flow.py", "run"], tmp_path, {"ENTREPOT_TOKEN": site.alice, "ENTREPOT_ENDPOINT": site.url}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"/files\b|snapshots", done.stdout)


def test_datasets_and_spaces_say_their_type() -> None:
    data = uses_of(TIDES, "http://h")
    assert titles(data) == ["datasets", *GENERAL]
    texts = {use.title: use.text for use in data}
    assert texts["hf"] == f"export HF_ENDPOINT=http://h\nhf download acme/tides --repo-type dataset --revision {COMMIT}"
    assert 'repo_type="dataset"' in texts["huggingface_hub"]
    assert f'"/acme/t9k-assethub/dataset/~/tides:{COMMIT}"' in texts["Asset Hub"]
    assert 'ah.login("http://h")  # after: entrepot login --endpoint http://h\n' in texts["Asset Hub"]
    space = uses_of(UsedRepo(RepoType.SPACE, "acme/s", "spaces/acme/s", COMMIT), "")
    assert titles(space) == ["huggingface_hub", "hf", "entrepot"]
    folder = uses_of(UsedRepo(RepoType.MODEL, "acme.llm/gpt2", "acme.llm/gpt2", COMMIT), "http://h")
    assert f'"/acme/t9k-assethub/model/llm/gpt2:{COMMIT}"' in folder[-1].text


def test_an_unknown_library_has_the_general_snippets() -> None:
    uses = uses_of(attrs.evolve(TERN, library="<script>"), "")
    assert titles(uses) == ["huggingface_hub", "hf", "entrepot"]
