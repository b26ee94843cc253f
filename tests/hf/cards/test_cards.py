from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import HfApi as Oracle

from entrepot.errors import InvalidArgument, NotFound
from entrepot.hf.cards.cards import (
    CardData,
    DatasetCard,
    DatasetCardData,
    EvalResult,
    ModelCard,
    ModelCardData,
    RepoCard,
    SpaceCard,
)
from entrepot.testing.hubs import RunningHub

TEXT = "---\nlicense: mit\nlanguage: en\n---\n\n# Hello\n"


def test_a_card_has_data_and_text() -> None:
    card = RepoCard(TEXT)
    assert card.data.to_dict() == {"license": "mit", "language": "en"}
    assert card.text == "\n# Hello\n"
    assert str(card) == card.content == TEXT
    card.data.license = "apache-2.0"
    card.text += "More.\n"
    assert card.content == "---\nlicense: apache-2.0\nlanguage: en\n---\n\n# Hello\nMore.\n"


def test_known_keys_keep_their_order_and_new_ones_follow() -> None:
    card = ModelCard(TEXT)
    card.data.tags = ["a"]
    assert card.content.startswith("---\nlicense: mit\nlanguage: en\ntags:\n- a\n---\n")


@pytest.mark.parametrize("text", ["# No metadata\n", "", "---\r\nlicense: mit\r\n---\r\ntext\r\n"])
def test_an_unchanged_card_is_rendered_byte_for_byte(text: str) -> None:
    assert RepoCard(text).content == text


def test_a_card_without_metadata_gets_some() -> None:
    card = RepoCard("# Title\n")
    card.data["license"] = "mit"
    assert card.content == "---\nlicense: mit\n---\n# Title\n"


def test_metadata_that_are_no_mapping_are_refused() -> None:
    with pytest.raises(ValueError, match="repo card metadata block should be a dict"):
        RepoCard("---\n- a\n- b\n---\n")


def test_unreadable_results_may_be_left_out() -> None:
    text = "---\nmodel-index:\n- name: m\n---\n"
    with pytest.raises(InvalidArgument, match="model-index"):
        ModelCard(text)
    assert ModelCard(text, ignore_metadata_errors=True).data.eval_results is None


def test_a_card_is_saved_and_loaded(tmp_path: Path) -> None:
    card = ModelCard(TEXT.replace("\n", "\r\n"))
    card.save(tmp_path / "new" / "README.md")
    assert b"license: mit\r\n" in (tmp_path / "new/README.md").read_bytes()
    assert ModelCard.load(tmp_path / "new" / "README.md").content == card.content
    assert ModelCard.load(str(tmp_path / "new" / "README.md")).data.license == "mit"
    with pytest.raises(ValueError, match="no card"):
        ModelCard.load(tmp_path / "nowhere")


def test_a_card_is_made_from_its_own_template_or_another(tmp_path: Path) -> None:
    data = ModelCardData(
        language="en", license="mit", model_name="m", eval_results=[EvalResult("t", "d", "D", "acc", 1.0)]
    )
    card = ModelCard.from_template(data, model_description="It adds.")
    assert "It adds." in card.text
    assert card.data == data
    assert "Collected by" in DatasetCard.from_template(DatasetCardData(pretty_name="Cats")).text
    (tmp_path / "card.md").write_text("---\n{{ card_data }}\n---\n{{ greeting }} in {{ language }}")
    assert ModelCard.from_template(data, template_path=tmp_path / "card.md", greeting="Hi").text == "Hi in en"
    assert RepoCard.from_template(CardData(), template_str="{{ x }}", x=1).content == "1"

    class Own(ModelCard):
        default_template_path = tmp_path / "card.md"

    assert Own.from_template(data, greeting="Own").text == "Own in en"


def test_a_card_is_pushed_and_loaded_again(at_hub: RunningHub, oracle: Oracle, fresh_name: str) -> None:
    oracle.create_repo(fresh_name)
    card = ModelCard(TEXT)
    url = card.push_to_hub(fresh_name, commit_message="My card")
    assert oracle.list_repo_commits(fresh_name)[0].title == "My card"
    assert url.oid == oracle.model_info(fresh_name).sha
    assert ModelCard.load(fresh_name).content == TEXT
    oracle.create_branch(fresh_name, branch="dev")
    card.data.license = "apache-2.0"
    card.push_to_hub(fresh_name, revision="dev")
    assert ModelCard.load(fresh_name, revision="dev").data.license == "apache-2.0"
    assert ModelCard.load(fresh_name).data.license == "mit"


def test_the_type_of_a_card_is_that_of_its_repository(at_hub: RunningHub, oracle: Oracle, fresh_name: str) -> None:
    oracle.create_repo(fresh_name, repo_type="dataset")
    DatasetCard(TEXT).push_to_hub(fresh_name)
    assert DatasetCard.load(fresh_name).text == "\n# Hello\n"
    assert RepoCard.load(fresh_name, repo_type="dataset").text == "\n# Hello\n"
    with pytest.raises(NotFound):
        ModelCard.load(fresh_name)


def test_the_findings_of_the_hub_are_raised(at_hub: RunningHub, oracle: Oracle, fresh_name: str) -> None:
    oracle.create_repo(fresh_name)
    wrong = ModelCard("---\nlicense: no-such-license\n---\n")
    with pytest.raises(ValueError, match=r"license.*must be one of"):
        wrong.validate()
    with pytest.raises(InvalidArgument):
        wrong.push_to_hub(fresh_name)
    assert "README.md" not in oracle.list_repo_files(fresh_name)
    ModelCard(TEXT).validate()
    SpaceCard("# no metadata").validate()


def test_a_repository_without_a_card_has_none(at_hub: RunningHub, oracle: Oracle, fresh_name: str) -> None:
    oracle.create_repo(fresh_name)
    with pytest.raises(NotFound):
        ModelCard.load(fresh_name)
