from __future__ import annotations

from typing import Any

import pytest

from entrepot.cards import read_card, split_card
from entrepot.errors import Malformed
from entrepot.names import RepoRef, RepoType, parse_repo_id
from entrepot.workspace.entities.kinds import DATASETS, MODELS, EntityKind
from entrepot.workspace.entities.mutability import Mutability
from entrepot.workspace.entities.specs import Spec, StorageRef, new_spec
from entrepot.workspace.hubs.readmes import kind_of, readme_text, render_readme

LINKED = {"dataset": RepoRef(RepoType.DATASET, parse_repo_id("alice/d"))}


def spec_of(kind: EntityKind, *categories: str) -> Spec:
    return new_spec(kind, "x", categories, Mutability.STRICT, StorageRef("hub", "alice"), 1)


def test_the_front_matter_says_what_the_spec_says_and_keeps_the_rest() -> None:
    text = render_readme("---\nlicense: mit\ntags:\n- mine\n---\n# Title\n", spec_of(DATASETS, "vision"), {})
    data = read_card(text).data
    assert (data["license"], data["tags"]) == ("mit", ["vision", "mine"])
    assert split_card(text)[1] == "# Title\n"
    assert kind_of(data) == "datasets"


def test_rendering_again_changes_nothing() -> None:
    spec = spec_of(MODELS, "vision").with_metrics({"accuracy": 10.0})
    text = render_readme("body\n", spec, LINKED)
    assert render_readme(text, spec, LINKED) == text
    data: Any = read_card(text).data
    assert data["datasets"] == ["alice/d"]
    assert data["model-index"][0]["results"][0]["metrics"] == [{"type": "accuracy", "value": 10.0}]


def test_the_section_of_an_earlier_version_is_replaced() -> None:
    text = render_readme("", spec_of(MODELS, "old"), LINKED)
    data = read_card(render_readme(text, spec_of(MODELS, "new"), {})).data
    assert data["tags"] == ["new"]
    assert "datasets" not in data


@pytest.mark.parametrize("card", [None, [], {}, {"entrepot": 1}, {"entrepot": {"kind": 2}}])
def test_cards_without_a_kind(card: object) -> None:
    assert kind_of(card) is None


def test_a_readme_is_text() -> None:
    with pytest.raises(Malformed):
        readme_text(b"\xff")
