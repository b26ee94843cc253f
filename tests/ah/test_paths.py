"""Paths of resources: what they name, and what is none."""

from __future__ import annotations

import pytest

from entrepot.ah.errors import AssetHubError, InvalidPath
from entrepot.ah.paths import ListingPath, ResourcePath, check_folder, parse_listing, parse_resource
from entrepot.names import RepoType


@pytest.mark.parametrize(
    ("text", "full", "repo"),
    [
        ("model/llm/gpt2", "/demo/t9k-assethub/model/llm/gpt2", "demo.llm/gpt2"),
        ("model/llm/gpt2/", "/demo/t9k-assethub/model/llm/gpt2", "demo.llm/gpt2"),
        (
            "dataset/images/cifar10:20220101",
            "/demo/t9k-assethub/dataset/images/cifar10:20220101",
            "demo.images/cifar10",
        ),
        ("/acme/t9k-assethub/model/llm/x", "/acme/t9k-assethub/model/llm/x", "acme.llm/x"),
        ("model/~/x", "/demo/t9k-assethub/model/~/x", "demo/x"),
        ("model/llm/Llama-3.1-8B:v1.0", "/demo/t9k-assethub/model/llm/Llama-3.1-8B:v1.0", "demo.llm/Llama-3.1-8B"),
        ("model/llm/x:feat/y", "/demo/t9k-assethub/model/llm/x:feat/y", "demo.llm/x"),
    ],
)
def test_a_path_names_a_repository(text: str, full: str, repo: str) -> None:
    parsed = parse_resource(text, "demo")
    assert (str(parsed), str(parsed.repo.id)) == (full, repo)
    assert parse_resource(full, "somebody-else") == parsed


def test_parts_that_are_not_there_are_none() -> None:
    assert parse_resource("model", "demo") == ResourcePath("demo", RepoType.MODEL)
    assert parse_resource("dataset/x", "demo") == ResourcePath("demo", RepoType.DATASET, "x")


@pytest.mark.parametrize(
    "text",
    [
        *("", "/", "//", "foo", "models/llm", "Model/LLM", "model//x", "model/llm//", "/model/llm", "/demo/model/llm"),
        *(
            "model/llm/gpt2/x",
            "model/llm:v1",
            "model:v1",
            "model/llm/gpt2:",
            "model/llm/gpt2:a:b",
            "model/llm/gpt2:a b",
        ),
        *("model/a b", "model/llm/..", "model/../x", "model/./x", "model/%2e%2e/x", "model/llm/%2e", "model/a.b"),
        *("model/a--b/x", "model/-a", "model/a-", "model/llm/a--b", "model/llm/x.git", "model/llm/resolve"),
        *("model/llm\0", "model/llm/x:\0", "model/ｌｌｍ", "model/l\u200bm", "model/llm/г", " model/llm", "model/llm "),
        *("/demo.llm/t9k-assethub/model", "/x/t9k-assethub/model", "/demo/t9k-assethub", "/demo/t9k-assethub/space/x"),
        *("model/" + "x" * 92, "x" * 10_000, "model/llm/" + "y" * 10_000, "shared", "public/model"),
    ],
)
def test_other_texts_are_no_paths(text: str) -> None:
    with pytest.raises(InvalidPath, match=r"Invalid path of resource") as caught:
        parse_listing(text, "demo")
    assert isinstance(caught.value, ValueError)
    assert len(str(caught.value)) < 700


def test_the_message_of_another_form_shows_the_right_one() -> None:
    with pytest.raises(InvalidPath) as caught:
        parse_resource("foo", "demo")
    assert str(caught.value) == (
        "Invalid path of resource: 'foo' (expected [/OWNER/t9k-assethub/]model|dataset[/FOLDER[/ASSET[:REF]]])"
    )


@pytest.mark.parametrize("path", [None, 3, b"model/llm", ["model"]])
def test_a_path_is_text(path: object) -> None:
    with pytest.raises(TypeError, match=r"is text"):
        parse_resource(path, "demo")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "scope", "kind"),
    [
        ("shared/model", "shared", RepoType.MODEL),
        ("shared/dataset/", "shared", RepoType.DATASET),
        ("/public/t9k-assethub/model", "public", RepoType.MODEL),
    ],
)
def test_shared_folders_are_listed(text: str, scope: str, kind: RepoType) -> None:
    assert parse_listing(text, "demo") == ListingPath(scope, kind)  # type: ignore[arg-type]
    with pytest.raises(InvalidPath, match=r"listed"):
        parse_resource(text, "demo")


@pytest.mark.parametrize("text", ["shared/model/x", "/public/t9k-assethub/model/x", "/public/t9k-assethub/model/x/y:z"])
def test_lists_of_shared_folders_are_no_prefixes(text: str) -> None:
    with pytest.raises(
        AssetHubError, match=r"cannot be a prefix: several owners may share folders of one name; use /OWNER"
    ):
        parse_listing(text, "demo")


def test_owner_and_folder_are_told_apart() -> None:
    # The folder "a" of "bb", and the account "bb-a": the dot separates.
    assert parse_resource("/bb/t9k-assethub/model/a/x", "demo").namespace == "bb.a"
    assert parse_resource("/bb-a/t9k-assethub/model/~/x", "demo").namespace == "bb-a"


def test_the_loose_folder_cannot_be_changed() -> None:
    with pytest.raises(AssetHubError, match=r"The folder '~' holds what belongs to no folder"):
        check_folder(parse_resource("model/~", "demo"))


def test_a_path_changes_its_last_parts() -> None:
    path = parse_resource("model/llm/gpt2:v1", "demo")
    assert str(path.at_asset()).endswith("/gpt2")
    assert str(path.at_folder()).endswith("/llm")
    assert str(path.at("main")).endswith("/gpt2:main")
    assert str(path.at_folder().inside("x")).endswith("/llm/x")
    with pytest.raises(InvalidPath):
        path.inside("a/b")
