import pytest

from entrepot.errors import InvalidName
from entrepot.names import PageLink, RepoId, RepoRef, RepoType, parse_page_link, parse_repo_link

DATA = RepoRef(RepoType.DATASET, RepoId("a", "b"))
MODEL = RepoRef(RepoType.MODEL, RepoId("a", "b"))
HUB = "https://hub.example.org:8443/prefix"


@pytest.mark.parametrize("word", ["dataset", "datasets", "Datasets", "DATASET"])
def test_a_type_is_written_in_singular_or_plural(word: str) -> None:
    assert parse_repo_link("a/b", word) == DATA


@pytest.mark.parametrize(
    "text",
    [
        "datasets/a/b",
        " datasets/a/b ",
        "https://hub.example.org/datasets/a/b",
        "http://127.0.0.1:8080/datasets/a/b/",
        "https://hub.example.org/datasets/a/b/tree/main",
        "https://hub.example.org/datasets/a/b/blob/main/",
        "https://hub.example.org/datasets/a/b/discussions/3",
        "https://hub.example.org/datasets/a/b?tab=files#readme",
        "https://hub.example.org/api/datasets/a/b",
        "https://hub.example.org/datasets/a/b.git",
        "https://alice:hf_secret@hub.example.org/datasets/a/b",
        "hf://datasets/a/b",
        "entrepot://datasets/a/b",
    ],
)
@pytest.mark.parametrize("repo_type", [None, "", "dataset", "datasets"])
def test_a_text_with_a_type_needs_no_other(text: str, repo_type: str | None) -> None:
    assert parse_repo_link(text, repo_type) == DATA


@pytest.mark.parametrize(
    "text", ["a/b", "models/a/b", "https://h/a/b", "https://h/a/b/tree/main", "https://h/models/a/b"]
)
def test_a_model_is_the_default(text: str) -> None:
    assert parse_repo_link(text) == MODEL


@pytest.mark.parametrize("text", ["datasets/a/b", "https://h/datasets/a/b", "hf://datasets/a/b"])
@pytest.mark.parametrize("repo_type", ["space", "model", "models"])
def test_a_type_that_contradicts_the_text_is_refused(text: str, repo_type: str) -> None:
    with pytest.raises(InvalidName, match=f"names a dataset, and the type given is {repo_type.rstrip('s')}"):
        parse_repo_link(text, repo_type)


@pytest.mark.parametrize(
    ("page", "revision", "path", "is_folder"),
    [
        ("", None, "", False),
        ("/commits/v1", None, "", False),
        ("/tree/v1", "v1", "", True),
        ("/tree/main/a/b/", "main", "a/b", True),
        ("/blob/main/config.json", "main", "config.json", False),
        ("/raw/refs%2Fpr%2F1/a%20b/c%3Fd", "refs/pr/1", "a b/c?d", False),
        ("/resolve/v1/tree/x.bin?download=true#L3", "v1", "tree/x.bin", False),
    ],
)
def test_the_address_of_a_page_names_revision_and_path(
    page: str, revision: str | None, path: str, is_folder: bool
) -> None:
    found = parse_page_link(f"https://h/datasets/a/b{page}")
    assert found == PageLink(DATA, revision, path, is_folder)


@pytest.mark.parametrize("scheme", ["hf", "entrepot", "HF"])
@pytest.mark.parametrize(
    ("rest", "revision", "path", "is_folder"),
    [
        ("", None, "", False),
        ("/", None, "", False),
        ("/train.csv", None, "train.csv", False),
        ("/tree/main/a%20b#c", None, "tree/main/a%20b#c", False),
        ("/data/", None, "data", True),
        ("@v1", "v1", "", False),
        ("@v1/data/x@y.csv", "v1", "data/x@y.csv", False),
        ("@feature%2Fx/f", "feature/x", "f", False),
        ("@refs/pr/12/f", "refs/pr/12", "f", False),
        ("@refs%2Fpr%2F12/f", "refs/pr/12", "f", False),
        ("@refs/convert/parquet", "refs/convert/parquet", "", False),
        ("@~parquet/default/train/", "~parquet", "default/train", True),
    ],
)
def test_a_path_of_a_file_system_names_revision_and_path(
    scheme: str, rest: str, revision: str | None, path: str, is_folder: bool
) -> None:
    assert parse_page_link(f"{scheme}://datasets/a/b{rest}") == PageLink(DATA, revision, path, is_folder)
    assert parse_page_link(f"{scheme}://a/b{rest}") == PageLink(MODEL, revision, path, is_folder)


@pytest.mark.parametrize("text", ["hf://", "hf://a/b@v1/@", "hf://a/ü@v1", "hf://@v1/f"])
def test_a_malformed_path_of_a_file_system_is_refused(text: str) -> None:
    with pytest.raises(InvalidName):
        parse_repo_link(text)


@pytest.mark.parametrize(
    "text",
    [
        "hf://a/b@v1",
        "hf://a/b/f",
        "https://h/a/b/tree/v1",
        "https://h/a/b/blob/main/config.json",
        "https://h/a/b/resolve/main/x/y",
    ],
)
def test_an_address_of_more_than_a_repository_is_refused_with_the_cure(text: str) -> None:
    with pytest.raises(InvalidName, match="separately"):
        parse_repo_link(text)


@pytest.mark.parametrize("text", [f"{HUB}/datasets/a/b", "HTTPS://HUB.example.org:8443/prefix/datasets/a/b/tree/main"])
def test_an_address_of_the_hub_is_read_below_its_prefix(text: str) -> None:
    assert parse_repo_link(text, endpoint=HUB) == DATA


@pytest.mark.parametrize(
    "text",
    ["https://other.example.org/a/b", "http://hub.example.org:8443/a/b", "https://u:hf_secret@hub.example.org/a/b"],
)
def test_an_address_of_another_hub_is_refused_without_its_password(text: str) -> None:
    with pytest.raises(InvalidName) as caught:
        parse_repo_link(text, endpoint=HUB)
    assert "does not belong to the hub" in str(caught.value)
    assert "hf_secret" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["gpt2", "https://h/gpt2", "https://h/gpt2/tree/main", "models/gpt2", "https://h/gpt2.git"]
)
def test_a_missing_namespace_is_for_those_who_only_look(text: str) -> None:
    assert parse_repo_link(text, is_short_allowed=True) == RepoRef(RepoType.MODEL, RepoId("", "gpt2"))
    with pytest.raises(InvalidName):
        parse_repo_link(text)


@pytest.mark.parametrize(
    "text", ["", "/", "a/b/c", "https://", "https://h/", "https://h:port/a/b/c/d", "a//b", "../b", "a/tree"]
)
def test_a_link_that_names_no_repository_is_refused(text: str) -> None:
    with pytest.raises(InvalidName):
        parse_repo_link(text, is_short_allowed=True)


@pytest.mark.parametrize("text", ["http://me:s3cret@[::bad/a/b", "http://me:s3cret@h\u2100/a/b", "https://[/a/b"])
def test_an_address_that_is_no_url_is_refused_without_its_password(text: str) -> None:
    for endpoint in (None, "http://hub.example"):
        with pytest.raises(InvalidName, match=r"not a valid URL; check the host") as caught:
            parse_repo_link(text, None, endpoint=endpoint)
        assert "s3cret" not in str(caught.value)
