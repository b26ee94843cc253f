from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from entrepot.errors import EntrepotError, InvalidArgument, RepoNotFound
from entrepot.metaflow.decorators import DEFAULTS, check, prepare, with_variables, without_tokens
from metaflow import Parameter
from tests.metaflow.conftest import FILES, Task


def given(name: str, **attributes: Any) -> dict[str, Any]:
    return {**DEFAULTS[name], **attributes}


@pytest.mark.parametrize(
    ("name", "attributes", "message"),
    [
        ("hub", {"load": ["a/b/c"]}, r"@hub of the step train: load\[0\]: invalid repository id"),
        ("hub", {"load": [{"repo_id": "a/b", "token": "x"}]}, "ENTREPOT_TOKEN"),
        ("hub", {"refs": "a b"}, r"refs\[0\]: expected the name of an artifact"),
        ("hub", {"load": [{"repo_id": "a/b", "name": "x"}], "refs": "x"}, "both have the key"),
        ("hub", {"endpoint": "nowhere"}, "endpoint: expected an address"),
        ("hub", {"endpoint": 7}, "endpoint: expected an address"),
        ("hub", {"temp_dir_root": 7}, "temp_dir_root: expected a folder"),
        ("hub", {"card": "maybe"}, "card: expected True or False"),
        ("huggingface_hub", {"cache_scope": "world"}, "cache_scope: expected one of checkpoint, flow, global"),
        ("model", {"load": [{"a": 1}]}, r"@model of the step train: load\[0\]: expected the name of an artifact"),
    ],
)
def test_mistakes_are_found_before_a_run_exists(name: str, attributes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        prepare(name, given(name, **attributes), None, "train")


def test_arguments_are_parsed() -> None:
    plan = check("hub", given("hub", load=["a/b"], refs=["made"], endpoint="https://hub.example.org/", card="False"))
    assert [item.key for item in plan.load] == ["a/b"]
    assert [ref.name for ref in plan.refs] == ["made"]
    assert (plan.endpoint, plan.has_card) == ("https://hub.example.org", False)
    assert check("model", given("model", load=[("a", None)], best_effort_load=True)).is_best_effort
    [item] = check("huggingface_hub", given("huggingface_hub", load=[{"repo_id": "a/b", "token": "t"}])).load
    assert item.token == "t"


def test_parameters_are_checked_when_they_are_known(task: Task) -> None:
    task.create("chosen-later")
    name = Parameter("model-name")
    flow = SimpleNamespace(model="tester/chosen-later", _get_parameters=lambda: [("model", name)])
    attributes = with_variables({"load": [(name, "./late"), {"repo_id": name, "revision": "main"}, "a/b"]}, flow)
    assert [item.key for item in check("hub", given("hub", **attributes)).load] == ["a/b"]
    assert check("hub", given("hub", **with_variables({"load": name}, flow))).load == ()
    del attributes["load"][2]
    loaded = task.start(flow=flow, **attributes).loaded
    assert list(loaded) == ["tester/chosen-later", "tester/chosen-later@main"]
    flow.model = "not an id"
    with pytest.raises(InvalidArgument, match=r"load\[0\]: invalid repository id"):
        task.start(flow=flow, task="2", **attributes)
    with pytest.raises(
        InvalidArgument, match="@hub of the step train: an argument is a Parameter that the flow does not have"
    ):
        prepare("hub", {"load": Parameter("other")}, flow, "train")


def test_tokens_are_taken_out_of_what_metaflow_stores() -> None:
    load = ["a/b", ({"repo_id": "a/b", "token": "t"}, "x"), {"repo_id": "a/b", "token": "t"}]
    assert without_tokens(load) == ["a/b", ({"repo_id": "a/b"}, "x"), {"repo_id": "a/b"}]
    assert without_tokens({"repo_id": "a/b", "token": "t"}) == {"repo_id": "a/b"}
    assert "token" in load[2]


def test_both_kinds_of_one_name_and_two_revisions_at_once(task: Task) -> None:
    first = task.create("pair")
    task.write("tester/pair", {"config.json": b"{2}"})
    task.create("pair", {"data.csv": b"1,2"}, repo_type="dataset")
    loaded = task.start(
        load=["tester/pair", f"tester/pair@{first}", {"repo_id": "tester/pair", "repo_type": "dataset"}]
    ).loaded
    found = {key: task.contents(folder) for key, folder in loaded.items()}
    assert found["tester/pair"]["config.json"] == b"{2}"
    assert found[f"tester/pair@{first}"]["config.json"] == b"{}"
    assert found["datasets/tester/pair"]["data.csv"] == b"1,2"


def test_references_are_loaded_under_the_name_of_the_artifact_and_their_id(task: Task) -> None:
    task.create("referred")
    reference = task.start().snapshot_download(repo_id="tester/referred", allow_patterns="*.json")
    flow = SimpleNamespace(made=reference, other=reference)
    loaded = task.start(flow=flow, refs=["made", ("other", "./other")], task="2").loaded
    assert list(loaded) == ["made", "other"]
    loaded = task.start(flow=flow, refs="made", task="3").loaded
    assert list(loaded) == ["made", "tester/referred"]
    assert loaded["made"] == loaded["tester/referred"]
    assert sorted(task.contents(loaded["made"])) == ["config.json", "tokenizer.json"]


def test_a_join_takes_the_reference_on_which_all_branches_agree(task: Task) -> None:
    task.create("joined")
    reference = task.start().snapshot_download(repo_id="tester/joined")
    other = {**reference, "commit": "0" * 40, "key": "other"}
    branches = [SimpleNamespace(made=reference), SimpleNamespace(made=dict(reference)), SimpleNamespace()]
    flow = SimpleNamespace()
    assert "made" in task.start(flow=flow, refs="made", inputs=branches, task="2").loaded
    with pytest.raises(InvalidArgument, match="2 different values of made"):
        task.start(flow=flow, refs="made", inputs=[*branches, SimpleNamespace(made=other)], task="3")


def test_an_artifact_that_is_absent_or_no_reference_is_named(task: Task) -> None:
    with pytest.raises(InvalidArgument, match=r"the flow has no artifact made: set self\.made"):
        task.start(flow=SimpleNamespace(), refs="made")
    with pytest.raises(InvalidArgument, match="expected a reference"):
        task.start(flow=SimpleNamespace(made=7), refs="made", task="2")
    model = task.start("model", flow=SimpleNamespace(), load="made", best_effort_load=True, task="3")
    assert dict(model.loaded) == {}


def test_a_model_that_fails_to_load_leaves_no_folder(task: Task) -> None:
    task.create("half")
    with pytest.raises(RepoNotFound):
        task.start(load=["tester/half", "tester/absent-half"], temp_dir_root=str(task.folder / "temps"))
    task.steps[-1].finish(is_ok=False)
    task.steps[-1].finish(is_ok=False)
    assert not (task.folder / "temps").exists() or list((task.folder / "temps").iterdir()) == []


def test_an_explicit_path_can_be_filled_again_after_the_branch_moved(task: Task) -> None:
    task.create("again")
    for content in (b"{}", b"{2}"):
        task.write("tester/again", {"config.json": content})
        task.start(load=[("tester/again", "./model")])
        (task.folder / "model/mine.txt").write_bytes(b"mine")
        assert (task.folder / "model/config.json").read_bytes() == content
    found = set(task.contents(Path("model")))
    assert found == {*FILES, ".gitattributes", "mine.txt"}


def test_errors_of_arguments_are_errors_of_the_client() -> None:
    assert issubclass(InvalidArgument, EntrepotError)
