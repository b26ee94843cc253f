from pathlib import Path

import pytest

from entrepot.errors import InvalidArgument
from entrepot.metaflow.specs import (
    LoadItem,
    RefItem,
    absolute,
    check_apart,
    map_leaves,
    parse_address,
    parse_item,
    parse_load,
    parse_patterns,
    parse_refs,
    parse_repo,
)
from entrepot.names import RepoId, RepoRef, RepoType

BERT = RepoRef(RepoType.MODEL, RepoId("demo", "bert"))
IMDB = RepoRef(RepoType.DATASET, RepoId("demo", "imdb"))


@pytest.mark.parametrize(
    ("written", "item"),
    [
        ("demo/bert", LoadItem(BERT, "demo/bert")),
        ("demo/bert@v1", LoadItem(BERT, "demo/bert@v1", "v1")),
        ("demo/bert@refs/pr/1", LoadItem(BERT, "demo/bert@refs/pr/1", "refs/pr/1")),
        ("bert-base-uncased", LoadItem(RepoRef(RepoType.MODEL, RepoId("", "bert-base-uncased")), "bert-base-uncased")),
        ("demo.llm/gpt2", LoadItem(RepoRef(RepoType.MODEL, RepoId("demo.llm", "gpt2")), "demo.llm/gpt2")),
        ("datasets/demo/imdb", LoadItem(IMDB, "datasets/demo/imdb")),
        (("demo/bert", "./tok"), LoadItem(BERT, "demo/bert", path="./tok")),
        (["demo/bert", "./tok"], LoadItem(BERT, "demo/bert", path="./tok")),
        (("demo/bert", Path("tok")), LoadItem(BERT, "demo/bert", path="tok")),
        (("demo/bert", None), LoadItem(BERT, "demo/bert")),
        ({"repo_id": "demo/bert"}, LoadItem(BERT, "demo/bert")),
        ({"repo_id": "demo/bert", "revision": "v1"}, LoadItem(BERT, "demo/bert@v1", "v1")),
        ({"repo_id": "demo/bert@v1"}, LoadItem(BERT, "demo/bert@v1", "v1")),
        (
            {"repo_id": "demo/imdb", "repo_type": "dataset", "allow_patterns": ["*.csv"], "name": "data"},
            LoadItem(IMDB, "data", allow=("*.csv",), is_named=True),
        ),
        (
            ({"repo_id": "demo/bert", "ignore_patterns": "*.bin", "force_download": True, "max_workers": 2}, "x"),
            LoadItem(BERT, "demo/bert", path="x", ignore=("*.bin",), is_forced=True, threads=2),
        ),
    ],
)
def test_each_form_of_an_item(written: object, item: LoadItem) -> None:
    assert parse_load([written]) == [item]


def test_one_item_needs_no_list() -> None:
    assert parse_load(None) == []
    assert [item.key for item in parse_load("demo/bert")] == ["demo/bert"]
    assert [item.key for item in parse_load({"repo_id": "demo/bert", "name": "b"})] == ["b"]


def test_both_kinds_of_one_name_and_two_revisions_have_keys_of_their_own() -> None:
    data = {"repo_id": "demo/bert", "repo_type": "dataset"}
    space = {"repo_id": "demo/bert", "repo_type": "space"}
    items = parse_load([data, "demo/bert", "demo/bert@v1", {**data, "revision": "v1"}, space])
    assert [item.key for item in items] == [
        "datasets/demo/bert",
        "demo/bert",
        "demo/bert@v1",
        "datasets/demo/bert@v1",
        "spaces/demo/bert",
    ]
    assert [item.key for item in parse_load([data])] == ["demo/bert"]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (7, "load: expected a list, not a value of type int"),
        ([7], r"load\[0\]: expected a repository such as 'demo/bert'"),
        (["demo/bert", "a/b/c"], r"load\[1\]: invalid repository id 'a/b/c'"),
        (("demo/bert", "./tok"), r"load\[1\]: invalid repository id './tok'"),
        ([("demo/bert", "a", "b")], "a pair of an item and a folder, not 3 values"),
        ([("demo/bert", 7)], "expected a folder such as './model'"),
        ([("demo/bert", "")], "expected a folder such as './model'"),
        (["demo/bert@"], "ends in '@'"),
        (["demo/bert@a b"], "Invalid rev id"),
        ([{"repo_type": "model"}], "the dict lacks 'repo_id'"),
        ([{"repo_id": "demo/bert", "repo_type": "kernel"}], "does not support kernels"),
        ([{"repo_id": "demo/bert", "repo_type": 1}], "repo_type: expected"),
        ([{"repo_id": "demo/bert", "revison": "v1"}], "unknown key 'revison': remove it; the keys are repo_id"),
        ([{"repo_id": "demo/bert", "local_dir": "x"}], "write a pair of the item and the folder"),
        ([{"repo_id": "demo/bert@v1", "revision": "v2"}], "one branch, tag or commit"),
        ([{"repo_id": "demo/bert", "name": ""}], "name: expected text"),
        ([{"repo_id": "demo/bert", "allow_patterns": 7}], "allow_patterns: expected a pattern"),
        ([{"repo_id": "demo/bert", "max_workers": 0}], "max_workers: expected a whole number above 0"),
        ([{"repo_id": "demo/bert", "etag_timeout": "1"}], "etag_timeout: expected seconds above 0"),
        ([{"repo_id": "demo/bert", "endpoint": "nowhere"}], "endpoint: expected an address"),
        ([{"repo_id": "demo/bert", "user_agent": "x"}], "unknown key 'user_agent'"),
        (["demo/bert", "demo/bert"], r"load\[1\]: the key 'demo/bert' is taken by load\[0\]: .* a 'name'"),
        (["demo/bert", {"repo_id": "demo/x", "name": "demo/bert"}], "is taken"),
    ],
)
def test_each_mistake_is_named_with_its_remedy(written: object, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        parse_load(written)


def test_a_token_is_refused_and_never_shown() -> None:
    for written in (
        {"repo_id": "demo/bert", "token": "hf_verysecret"},
        "https://user:hf_verysecret@hub.example.org/demo/bert",
        "https://hub.example.org/demo/bert?token=hf_verysecret",
    ):
        with pytest.raises(InvalidArgument, match="ENTREPOT_TOKEN") as caught:
            parse_load([written])
        assert "verysecret" not in f"{caught.value}{caught.value!r}"


def test_a_token_is_read_where_it_is_allowed_and_not_shown() -> None:
    [item] = parse_load([{"repo_id": "demo/bert", "token": "hf_verysecret"}], takes_token=True)
    assert item.token == "hf_verysecret"
    assert "verysecret" not in repr(item)


def test_arguments_of_other_clients_are_accepted_where_they_may_stand() -> None:
    item = parse_item({"repo_id": "demo/bert", "user_agent": "x", "revision": None}, takes_token=True)
    assert item == LoadItem(BERT, "demo/bert")


def test_all_arguments_of_the_client_have_an_effect() -> None:
    given = {
        "repo_id": "demo/bert",
        "endpoint": "https://hub.example.org/",
        "cache_dir": "/c",
        "local_files_only": True,
    }
    item = parse_item({**given, "etag_timeout": 2})
    assert (item.endpoint, item.cache) == ("https://hub.example.org", absolute("/c"))
    assert (item.is_local_only, item.etag_timeout_s) == (True, 2)
    assert absolute(None) is None
    for wrong in ("https://user:secret@hub.example.org", 7):
        with pytest.raises(InvalidArgument) as caught:
            parse_address(wrong)
        assert "secret" not in str(caught.value)


def test_references_are_named_by_artifacts() -> None:
    assert parse_refs(None) == []
    assert parse_refs("model") == [RefItem("model")]
    assert parse_refs(["a", ("b", "./b"), ["c", None]]) == [RefItem("a"), RefItem("b", "./b"), RefItem("c")]
    for wrong in ("self.model", ["a", "a"], [("a", 7)], [{"a": 1}], "class", 7):
        with pytest.raises(InvalidArgument):
            parse_refs(wrong)


def test_an_artifact_and_an_item_have_different_keys() -> None:
    [item] = parse_load({"repo_id": "demo/bert", "name": "ref"})
    check_apart([item], [RefItem("other")])
    with pytest.raises(InvalidArgument, match="both have the key 'ref'"):
        check_apart([item], [RefItem("ref")])


def test_patterns() -> None:
    assert parse_patterns("p", None) is None
    assert parse_patterns("p", "*.json") == ("*.json",)
    assert parse_patterns("p", ["a", "b"]) == ("a", "b")
    assert parse_patterns("p", []) == ()
    for wrong in ([""], [7], {"a": 1}):
        with pytest.raises(InvalidArgument):
            parse_patterns("p", wrong)


def test_a_repository_may_be_a_page() -> None:
    assert parse_repo("https://hub.example.org/datasets/demo/imdb") == (IMDB, None)


def test_leaves_are_changed_in_a_copy() -> None:
    value = [1, (2, {"a": 3})]
    assert map_leaves(value, lambda leaf: leaf * 10 if isinstance(leaf, int) else leaf) == [10, (20, {"a": 30})]
    assert value == [1, (2, {"a": 3})]
