from __future__ import annotations

from typing import Any

import pytest
from huggingface_hub import HfApi as Oracle

import entrepot
from entrepot.errors import Invalid, InvalidArgument
from entrepot.hf.api import HubApi
from entrepot.testing.hubs import RunningHub
from tests.support.scripted_hub import Reply, ScriptedHub


@pytest.fixture
def word(oracle: Oracle, fresh_name: str) -> str:
    """A word in the ids of three models of the hub, which differ in their cards."""
    for number, card in enumerate(("license: mit\nlibrary_name: transformers", "license: mit", "tags: [blue]")):
        oracle.create_repo(f"{fresh_name}-{number}", private=number == 2)
        text = f"---\n{card}\nco2_eq_emissions: {number}.5 g\n---\n".encode()
        oracle.upload_file(path_or_fileobj=text, path_in_repo="README.md", repo_id=f"{fresh_name}-{number}")
    return fresh_name.partition("/")[2]


def numbers(models: Any) -> list[int]:
    return [int(model.id[-1]) for model in models]


def test_models_are_listed_with_filters(at_hub: RunningHub, word: str) -> None:
    found = entrepot.list_models
    assert numbers(found(search=word, sort="created_at")) == [2, 1, 0]
    assert numbers(found(search=word, sort="created_at", direction=1)) == [0, 1, 2]
    assert numbers(found(search=word, sort="created_at", limit=2)) == [2, 1]
    assert numbers(found(search=word, filter="license:mit", sort="created_at")) == [1, 0]
    assert numbers(found(search=word, filter=["license:mit"], library="transformers")) == [0]
    assert numbers(found(model_name=word, tags=["blue"])) == [2]
    assert numbers(found(search=word, author="somebody")) == []
    assert numbers(found(search=word, token=False, sort="created_at")) == [1, 0]
    assert numbers(found(search=word, cardData=True, emissions_thresholds=(1, 2))) == [1]
    assert numbers(found(search=word, limit=0)) == []


def test_lists_equal_those_of_huggingface_hub(at_hub: RunningHub, oracle: Oracle, word: str) -> None:
    arguments: dict[str, Any]
    for arguments in ({"full": True}, {"cardData": True}, {"expand": ["tags", "gated"]}, {}):
        mine = list(HubApi().list_models(search=word, sort="created_at", **arguments))
        theirs = list(oracle.list_models(search=word, sort="created_at", **arguments))
        for name in ("id", "author", "sha", "tags", "gated", "private", "created_at", "library_name"):
            assert [getattr(one, name) for one in mine] == [getattr(one, name) for one in theirs], (arguments, name)
        assert [one.siblings and len(one.siblings) for one in mine] == [
            one.siblings and len(one.siblings) for one in theirs
        ]


def test_datasets_and_spaces(at_hub: RunningHub, oracle: Oracle, fresh_name: str) -> None:
    word = fresh_name.partition("/")[2]
    oracle.create_repo(fresh_name, repo_type="dataset")
    card = b"---\nlanguage: [fr]\nsize_categories: [n<1K]\ntask_categories: [translation]\n---\n"
    oracle.upload_file(path_or_fileobj=card, path_in_repo="README.md", repo_id=fresh_name, repo_type="dataset")
    oracle.create_repo(fresh_name, repo_type="space", space_sdk="static")
    api = HubApi()
    assert [one.id for one in api.list_datasets(dataset_name=word, language="fr")] == [fresh_name]
    assert [one.id for one in api.list_datasets(search=word, size_categories="n<1K", task_categories="translation")]
    assert list(api.list_datasets(search=word, language="language:de")) == []
    assert list(api.list_datasets(search=word, benchmark=True)) == []
    assert [one.id for one in api.list_spaces(search=word, author="tester", full=True)] == [fresh_name]
    assert list(api.list_spaces(search=word, linked=True)) == []
    assert list(api.list_spaces(search=word, models="a/b", datasets=["c/d"])) == []


def test_filters_of_models_are_sent(
    scripted_hub: ScriptedHub, reply: type[Reply], monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("ENTREPOT_HOME", str(tmp_path))
    scripted_hub.on("GET", "/api/models", reply([]))
    api = HubApi(scripted_hub.url, token=False)
    list(
        api.list_models(
            apps=["ollama"],
            inference="warm",
            inference_provider="all",
            num_parameters="min:6B",
            trained_dataset=["a/b", "dataset:c/d"],
            task="translation",
            language=["fr"],
            pipeline_tag="p",
            gated=True,
            fetch_config=True,
            sort="last_modified",
        )
    )
    assert scripted_hub.seen[0].query == [
        ("filter", "fr"),
        ("filter", "translation"),
        ("filter", "dataset:a/b"),
        ("filter", "dataset:c/d"),
        ("pipeline_tag", "p"),
        ("gated", "true"),
        ("sort", "lastModified"),
        ("config", "true"),
        ("apps", "ollama"),
        ("inference", "warm"),
        ("inference_provider", "all"),
        ("num_parameters", "min:6B"),
    ]


def test_arguments_that_exclude_each_other(at_hub: RunningHub) -> None:
    with pytest.raises(InvalidArgument, match="expand"):
        entrepot.list_models(expand=["tags"], full=True)
    with pytest.raises(InvalidArgument, match="cardData"):
        entrepot.list_models(emissions_thresholds=(0, 1))
    with pytest.raises(InvalidArgument, match="negative"):
        entrepot.list_models(limit=-1)
    with pytest.raises(Invalid, match="sort"):
        list(entrepot.list_models(sort="beauty"))
