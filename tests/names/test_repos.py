import pickle

import pytest
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils._validators import REPO_ID_REGEX, validate_repo_id
from hypothesis import example, given
from hypothesis import strategies as st

from entrepot.errors import InvalidName
from entrepot.names.repos import RESERVED, VERSIONED_TYPES, RepoId, RepoRef, RepoType, parse_repo_id, parse_repo_type


def is_ours(text: str) -> bool:
    try:
        parse_repo_id(text)
    except InvalidName:
        return False
    return True


def is_theirs(text: str) -> bool:
    try:
        validate_repo_id(text)
    except HFValidationError:
        return False
    return True


ids = st.text(st.sampled_from("aZ9_-./"), max_size=12) | st.from_regex(REPO_ID_REGEX, fullmatch=True)


@given(ids | st.text(max_size=12))
@example("a/b\n")
@example("a/b.git")
@example("a.git/b")
@example("é/b")
@example(f"{'n' * 96}/{'m' * 96}")
@example(f"{'n' * 97}/m")
@example("a/b/c")
def test_huggingface_hub_accepts_the_same_ids_with_a_namespace(text: str) -> None:
    name = text.partition("/")[2].lower()
    stricter = "/" not in text or name.endswith(".git") or name in RESERVED
    assert is_ours(text) == (is_theirs(text) and not stricter)


@pytest.mark.parametrize("text", ["alice/gpt2", "alice.llm/gpt2", "a/b", "_/_", "A-b/c.d_e", f"a/{'x' * 96}"])
def test_a_good_id_is_kept_as_written(text: str) -> None:
    assert str(parse_repo_id(text)) == text


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("gpt2", "expected 'namespace/name'"),
        ("a/b/c", "expected 'namespace/name'"),
        ("/b", "each part"),
        ("a/", "each part"),
        ("../b", "each part"),
        ("a/..", "each part"),
        ("a/b--c", "each part"),
        ("a/b..c", "each part"),
        ("a/.b", "each part"),
        ("a/b-", "each part"),
        ("a\\b/c", "each part"),
        ("a/b\x00", "each part"),
        ("a/\ud800", "each part"),
        (f"a/{'x' * 97}", "each part"),
        ("a/b.GIT", "must not end in '.git'"),
        ("a/Tree", "reserved"),
    ],
)
def test_a_bad_id_is_refused_with_the_rule(text: str, rule: str) -> None:
    with pytest.raises(InvalidName, match=rule):
        parse_repo_id(text)


@pytest.mark.parametrize("word", sorted(RESERVED))
def test_no_repository_shadows_an_action_of_the_api(word: str) -> None:
    with pytest.raises(InvalidName, match="reserved"):
        parse_repo_id(f"alice/{word}")


def test_ids_that_differ_in_case_share_a_key_but_not_a_text() -> None:
    one, other = parse_repo_id("Alice/GPT2"), parse_repo_id("alice/gpt2")
    assert one != other
    assert one.key == other.key == "alice/gpt2"


def test_an_id_is_a_value() -> None:
    ident = RepoId("alice", "gpt2")
    assert ident == parse_repo_id("alice/gpt2")
    assert {ident: 1}[parse_repo_id("alice/gpt2")] == 1
    assert pickle.loads(pickle.dumps(ident)) == ident
    with pytest.raises(AttributeError):
        ident.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (None, RepoType.MODEL),
        ("", RepoType.MODEL),
        ("model", RepoType.MODEL),
        ("models", RepoType.MODEL),
        ("Dataset", RepoType.DATASET),
        ("datasets", RepoType.DATASET),
        ("space", RepoType.SPACE),
        ("spaces", RepoType.SPACE),
    ],
)
def test_a_type_is_read_in_singular_and_plural(text: str | None, kind: RepoType) -> None:
    assert parse_repo_type(text) is kind


@pytest.mark.parametrize("text", ["kernel", "modelss", " model", "ſpace", "model/"])
def test_another_type_is_refused(text: str) -> None:
    with pytest.raises(InvalidName, match="model, dataset or space"):
        parse_repo_type(text)


@pytest.mark.parametrize("text", ["bucket", "Buckets"])
def test_a_bucket_is_no_repository_with_commits(text: str) -> None:
    with pytest.raises(InvalidName, match="/api/buckets"):
        parse_repo_type(text)
    assert RepoType.BUCKET not in VERSIONED_TYPES
    assert [kind.value for kind in VERSIONED_TYPES] == ["model", "dataset", "space"]


@pytest.mark.parametrize("text", ["kernel", "Kernels"])
def test_a_type_of_the_public_hub_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidName, match="does not support kernels"):
        parse_repo_type(text)


def test_every_type_has_its_kind() -> None:
    assert [kind.plural for kind in VERSIONED_TYPES] == ["models", "datasets", "spaces"]
    assert [kind for kind in VERSIONED_TYPES if kind.kind.has_sdk] == [RepoType.SPACE]
    assert [kind for kind in VERSIONED_TYPES if kind.kind.has_library] == [RepoType.MODEL]


@pytest.mark.parametrize(
    ("kind", "path"),
    [(RepoType.MODEL, "alice/x"), (RepoType.DATASET, "datasets/alice/x"), (RepoType.SPACE, "spaces/alice/x")],
)
def test_a_page_has_the_plural_of_its_type_before_it_but_for_models(kind: RepoType, path: str) -> None:
    ref = RepoRef(kind, RepoId("alice", "x"))
    assert ref.path == path
    assert str(ref) == f"{kind.value} alice/x"
