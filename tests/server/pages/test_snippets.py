from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from entrepot.names import RepoType
from entrepot.server.pages.snippets import uses_of
from tests.support.served_hub import ServedHub

COMMIT = "8f3c2d1" + "0" * 33


def test_snippets_name_the_hub_and_pin_the_revision() -> None:
    uses = uses_of(RepoType.MODEL, "acme/tern", "acme/tern", "transformers", COMMIT, "https://hub.example/x")
    assert [use.title for use in uses] == ["transformers", "huggingface_hub", "hf", "git"]
    assert all(COMMIT in use.text for use in uses[:3])
    assert uses[3].text == "git clone https://hub.example/x/acme/tern"
    assert all("https://hub.example/x" in use.text for use in uses)
    for use in uses[:2]:
        ast.parse(use.text)


@pytest.mark.parametrize("library", ["diffusers", "sentence-transformers", "peft", "timm"])
def test_code_of_a_library_sets_the_address_before_its_import(library: str) -> None:
    [use, *_] = uses_of(RepoType.MODEL, "acme/tern", "acme/tern", library, COMMIT, "https://hub.example")
    assert use.title == library
    assert use.text.startswith('import os\n\nos.environ["HF_ENDPOINT"] = "https://hub.example"\n\n')
    assert COMMIT in use.text
    ast.parse(use.text)


@pytest.mark.parametrize("title", ["huggingface_hub", "datasets"])
def test_a_snippet_runs_as_it_is_copied(site: ServedHub, tmp_path: Path, title: str) -> None:
    pytest.importorskip(title)
    uses = uses_of(RepoType.DATASET, "alice/tides", "datasets/alice/tides", None, "main", site.url)
    [text] = [use.text for use in uses if use.title == title]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "ENTREPOT_"))}
    command = [sys.executable, "-c", f"{text}\nprint('done')"]
    done = subprocess.run(
        command, env={**kept, "HF_HOME": str(tmp_path)}, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.endswith("done\n"), done.stderr


def test_datasets_and_spaces_say_their_type() -> None:
    data = uses_of(RepoType.DATASET, "acme/tides", "datasets/acme/tides", None, COMMIT, "http://h")
    assert [use.title for use in data] == ["datasets", "huggingface_hub", "hf", "git"]
    assert (
        data[2].text == f"export HF_ENDPOINT=http://h\nhf download acme/tides --repo-type dataset --revision {COMMIT}"
    )
    assert 'repo_type="dataset"' in data[1].text
    space = uses_of(RepoType.SPACE, "acme/s", "spaces/acme/s", None, COMMIT, "")
    assert [use.title for use in space] == ["huggingface_hub", "hf"]


def test_an_unknown_library_has_the_general_snippets() -> None:
    uses = uses_of(RepoType.MODEL, "acme/tern", "acme/tern", "<script>", COMMIT, "")
    assert [use.title for use in uses] == ["huggingface_hub", "hf"]
