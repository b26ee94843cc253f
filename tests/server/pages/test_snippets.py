from __future__ import annotations

import ast

from entrepot.names import RepoType
from entrepot.server.pages.snippets import uses_of

COMMIT = "8f3c2d1" + "0" * 33


def test_snippets_name_the_hub_and_pin_the_revision() -> None:
    uses = uses_of(RepoType.MODEL, "acme/tern", "acme/tern", "transformers", COMMIT, "https://hub.example/x")
    assert [use.title for use in uses] == ["transformers", "huggingface_hub", "hf", "git"]
    assert all(COMMIT in use.text for use in uses[:3])
    assert uses[3].text == "git clone https://hub.example/x/acme/tern"
    for use in uses[:2]:
        ast.parse(use.text)


def test_datasets_and_spaces_say_their_type() -> None:
    data = uses_of(RepoType.DATASET, "acme/tides", "datasets/acme/tides", None, COMMIT, "http://h")
    assert [use.title for use in data] == ["datasets", "huggingface_hub", "hf", "git"]
    assert data[2].text == f"hf download acme/tides --repo-type dataset --revision {COMMIT}"
    assert 'repo_type="dataset"' in data[1].text
    space = uses_of(RepoType.SPACE, "acme/s", "spaces/acme/s", None, COMMIT, "")
    assert [use.title for use in space] == ["huggingface_hub", "hf"]


def test_an_unknown_library_has_the_general_snippets() -> None:
    uses = uses_of(RepoType.MODEL, "acme/tern", "acme/tern", "<script>", COMMIT, "")
    assert [use.title for use in uses] == ["huggingface_hub", "hf"]
