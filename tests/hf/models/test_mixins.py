from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi as Oracle

from entrepot.errors import InvalidArgument, NotFound
from entrepot.hf.cards.cards import ModelCard
from entrepot.hf.models.mixins import ModelHubMixin
from entrepot.testing.hubs import RunningHub


class Weights(ModelHubMixin):
    """A framework with its own format: one list of numbers in a JSON file."""

    weights: list[float] | None = None

    def _save_pretrained(self, save_directory: Path) -> None:
        (save_directory / "weights.json").write_text(json.dumps(self.weights or [1.0]))

    @classmethod
    def _from_pretrained(
        cls,
        *,
        model_id: str,
        revision: str | None,
        cache_dir: str | Path | None,
        force_download: bool,
        local_files_only: bool,
        token: str | bool | None,
        **model_kwargs: Any,
    ) -> Any:
        from entrepot.hf.api import default_api

        if Path(model_id).is_dir():
            file = Path(model_id, "weights.json")
        else:
            file = Path(
                default_api().hf_hub_download(
                    model_id,
                    "weights.json",
                    revision=revision,
                    cache_dir=cache_dir,
                    force_download=force_download,
                    token=token,
                    local_files_only=local_files_only,
                )
            )
        model = cls(**model_kwargs)
        model.weights = json.loads(file.read_text())
        return model


@dataclass
class Config:
    hidden_size: int = 512
    vocab_size: int = 30000


class WithConfig(Weights):
    def __init__(self, config: Config) -> None:
        self.hidden_size = config.hidden_size


class WithDict(Weights):
    def __init__(self, config: dict[str, Any] | None = None) -> None:
        self.given = config


class WithArguments(
    Weights,
    license="mit",
    tags=["vision"],
    coders={argparse.Namespace: (vars, lambda data: argparse.Namespace(**data))},
):
    def __init__(
        self,
        size: int = 4,
        *,
        name: str = "x",
        config_like: Config | None = None,
        space: argparse.Namespace | None = None,
        callback: Any = None,
    ) -> None:
        self.size, self.name, self.config_like, self.space = size, name, config_like, space


class WithEverything(Weights):
    def __init__(self, size: int, **more: Any) -> None:
        self.size, self.more = size, more


class Plain(Weights):
    pass


def config_of(folder: Path) -> Any:
    return json.loads((folder / "config.json").read_text())


def test_a_dataclass_configuration_is_saved_and_loaded(tmp_path: Path) -> None:
    model = WithConfig(Config(hidden_size=128))
    assert model.config == Config(hidden_size=128)
    model.save_pretrained(tmp_path / "m")
    assert config_of(tmp_path / "m") == {"hidden_size": 128, "vocab_size": 30000}
    again = WithConfig.from_pretrained(tmp_path / "m")
    assert again.config == Config(hidden_size=128)
    assert again.hidden_size == 128
    assert again.weights == [1.0]


def test_a_dict_configuration_is_saved_and_loaded(tmp_path: Path) -> None:
    WithDict({"a": [1, 2]}).save_pretrained(tmp_path / "m")
    again = WithDict.from_pretrained(str(tmp_path / "m"))
    assert again.given == {"a": [1, 2]}
    assert again.config == {"a": [1, 2]}


def test_arguments_are_the_configuration_with_their_defaults(tmp_path: Path) -> None:
    model = WithArguments(8, config_like=Config(1), space=argparse.Namespace(a=1), callback=print)
    model.save_pretrained(tmp_path / "m")
    expected = {"size": 8, "name": "x", "config_like": {"hidden_size": 1, "vocab_size": 30000}, "space": {"a": 1}}
    assert config_of(tmp_path / "m") == expected
    again = WithArguments.from_pretrained(tmp_path / "m", name="mine")
    assert (again.size, again.name, again.config_like, again.space) == (8, "mine", Config(1), argparse.Namespace(a=1))
    assert again.config["name"] == "mine"


def test_a_constructor_with_kwargs_gets_the_whole_configuration(tmp_path: Path) -> None:
    WithEverything(3, extra="x").save_pretrained(tmp_path / "m")
    again = WithEverything.from_pretrained(tmp_path / "m")
    assert (again.size, again.more) == (3, {"extra": "x"})


def test_a_model_may_have_no_configuration(tmp_path: Path) -> None:
    Plain().save_pretrained(tmp_path / "m")
    assert not (tmp_path / "m/config.json").exists()
    assert Plain.from_pretrained(tmp_path / "m").config is None
    Plain().save_pretrained(tmp_path / "m", config={"a": 1})
    assert Plain.from_pretrained(tmp_path / "m").config == {"a": 1}


def test_a_class_may_have_its_own_attribute_of_that_name(tmp_path: Path) -> None:
    class Own(Weights):
        def __init__(self) -> None:
            self.config = {"own": True}  # type: ignore[misc] # an attribute of the object hides that of the class

    Own().save_pretrained(tmp_path / "m")
    assert config_of(tmp_path / "m") == {"own": True}
    assert Weights.config is None


def test_files_written_by_the_class_are_kept(tmp_path: Path) -> None:
    class Careful(WithArguments):
        def _save_pretrained(self, save_directory: Path) -> None:
            (save_directory / "config.json").write_text('{"mine": 1}')
            (save_directory / "README.md").write_text("# Mine")

    (tmp_path / "m").mkdir()
    (tmp_path / "m/config.json").write_text("stale")
    Careful().save_pretrained(tmp_path / "m")
    assert config_of(tmp_path / "m") == {"mine": 1}
    assert (tmp_path / "m/README.md").read_text() == "# Mine"
    WithArguments().save_pretrained(tmp_path / "m")
    assert "mine" not in config_of(tmp_path / "m")


def test_a_configuration_that_is_not_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="coder"):
        Plain().save_pretrained(tmp_path / "m", config={"a": object()})


def test_the_card_has_the_metadata_of_the_class(tmp_path: Path) -> None:
    class Parent(Weights, library_name="lib", tags=["b"], repo_url="https://example.org/code", language="en"):
        pass

    class Child(Parent, tags=["a"], pipeline_tag="text-classification", docs_url="https://example.org/docs"):
        pass

    Child().save_pretrained(tmp_path / "m")
    card = ModelCard.load(tmp_path / "m/README.md")
    assert card.data.to_dict() == {
        "language": "en",
        "library_name": "lib",
        "pipeline_tag": "text-classification",
        "tags": ["a", "b", "model_hub_mixin"],
    }
    assert "https://example.org/code" in card.text
    assert "https://example.org/docs" in card.text
    assert Parent._hub_mixin_info.model_card_data.tags == ["b", "model_hub_mixin"]


def test_a_custom_template_gets_additional_variables(tmp_path: Path) -> None:
    class Own(Weights, model_card_template="---\n{{ card_data }}\n---\n{{ greeting }} {{ paper_url }}", paper_url="P"):
        pass

    Own().save_pretrained(tmp_path / "m", model_card_kwargs={"greeting": "Hello"})
    assert ModelCard.load(tmp_path / "m/README.md").text == "Hello P"


def test_the_two_methods_are_for_subclasses() -> None:
    class Empty(ModelHubMixin):
        pass

    with pytest.raises(NotImplementedError, match="Empty does not implement _save_pretrained"):
        Empty()._save_pretrained(Path())
    with pytest.raises(NotImplementedError, match="_from_pretrained"):
        Empty.from_pretrained(".")


def test_old_arguments_are_passed_to_classes_with_these_parameters(tmp_path: Path) -> None:
    seen: dict[str, Any] = {}

    class Old(ModelHubMixin):
        def _save_pretrained(self, save_directory: Path) -> None: ...

        @classmethod
        def _from_pretrained(  # type: ignore[override] # as classes of older versions are written
            cls,
            *,
            model_id: str,
            revision: str,
            cache_dir: str,
            force_download: bool,
            proxies: dict[str, str] | None,
            resume_download: bool,
            local_files_only: bool,
            token: str | bool | None,
            map_location: str = "cpu",
            **model_kwargs: Any,
        ) -> Any:
            seen.update(proxies=proxies, resume_download=resume_download, map_location=map_location)
            return cls(**model_kwargs)

    Old.from_pretrained(tmp_path, resume_download=True, proxies={"http": "x"}, map_location="gpu")
    assert seen == {"proxies": {"http": "x"}, "resume_download": True, "map_location": "gpu"}


def test_a_model_is_pushed_and_loaded_again(at_hub: RunningHub, oracle: Oracle, fresh_name: str) -> None:
    model = WithConfig(Config(hidden_size=64))
    model.weights = [2.0, 3.0]
    url = model.push_to_hub(fresh_name.partition("/")[2], commit_message="first", private=True)
    assert url.oid == oracle.model_info(fresh_name).sha
    assert oracle.model_info(fresh_name).private
    assert oracle.list_repo_commits(fresh_name)[0].title == "first"
    assert set(oracle.list_repo_files(fresh_name)) == {".gitattributes", "README.md", "config.json", "weights.json"}
    assert "model_hub_mixin" in oracle.model_info(fresh_name).tags
    again = WithConfig.from_pretrained(fresh_name)
    assert (again.config, again.weights) == (Config(hidden_size=64), [2.0, 3.0])
    offline = WithConfig.from_pretrained(fresh_name, local_files_only=True)
    assert offline.weights == [2.0, 3.0]


def test_a_push_may_go_to_a_branch_and_choose_files(at_hub: RunningHub, oracle: Oracle, fresh_name: str) -> None:
    model = WithArguments(1)
    model.push_to_hub(fresh_name)
    model.push_to_hub(fresh_name, branch="dev", config={"size": 9}, allow_patterns=["config.json"])
    assert WithArguments.from_pretrained(fresh_name, revision="dev").size == 9
    assert WithArguments.from_pretrained(fresh_name).size == 1
    model.push_to_hub(fresh_name, delete_patterns="weights.json", ignore_patterns=["weights.json"])
    assert "weights.json" not in oracle.list_repo_files(fresh_name)


def test_a_push_may_open_a_pull_request(at_hub: RunningHub, oracle: Oracle, fresh_name: str) -> None:
    WithArguments(1).push_to_hub(fresh_name)
    made = WithArguments(5).push_to_hub(fresh_name, create_pr=True)
    assert WithArguments.from_pretrained(fresh_name, revision=made.pr_revision).size == 5
    assert WithArguments.from_pretrained(fresh_name).size == 1


def test_saving_may_push_under_the_name_of_the_folder(at_hub: RunningHub, oracle: Oracle, fresh_name: str) -> None:
    name = fresh_name.partition("/")[2]
    url = WithArguments(7).save_pretrained(name, push_to_hub=True, commit_message="both")
    assert url is not None
    assert WithArguments.from_pretrained(fresh_name).size == 7
    assert oracle.list_repo_commits(fresh_name)[0].title == "both"


def test_a_missing_model_is_not_found(at_hub: RunningHub) -> None:
    with pytest.raises(NotFound, match="there-is-none"):
        WithConfig.from_pretrained("tester/there-is-none")


def test_loading_from_a_hub_counts_as_a_download(at_fresh_hub: RunningHub) -> None:
    WithArguments(1).push_to_hub("counted")
    Plain().push_to_hub("plain")
    WithArguments.from_pretrained("tester/counted")
    WithArguments.from_pretrained("tester/counted", force_download=True)
    Plain.from_pretrained("tester/plain")
    at_fresh_hub.restart()  # a server writes its counters at the latest when it stops
    oracle = Oracle(endpoint=at_fresh_hub.url, token=at_fresh_hub.token)
    assert oracle.model_info("tester/counted").downloads == 1  # one person, within five minutes
    assert oracle.model_info("tester/plain").downloads == 0
