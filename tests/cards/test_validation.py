from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.cards import Findings, validate_card
from entrepot.names import VERSIONED_TYPES, RepoType


def findings(block: str, repo_type: RepoType = RepoType.MODEL) -> Findings:
    return validate_card(f"---\n{block}\n---\n# Title\n", repo_type)


@pytest.mark.parametrize("text", ["", "# Title", "---\n\n---\n", "---\n{}\n---\n"])
def test_a_missing_block_is_a_warning_only(text: str) -> None:
    assert validate_card(text, RepoType.MODEL) == Findings(warnings=("empty or missing yaml metadata in repo card",))


@pytest.mark.parametrize(
    "block",
    [
        "license: mit",
        "license: Apache-2.0",
        "license: [mit, cc-by-4.0]",
        "license: ~",
        "license: other\nlicense_name: mine\nlicense_link: LICENSE",
        "language: [en, zh-Hans, code]\nfoo: {bar: 1}\nthing: 2024-01-01",
        "model-index: [{name: m, results: []}]",
    ],
)
def test_good_cards_have_no_findings(block: str) -> None:
    assert findings(block) == Findings()


@pytest.mark.parametrize("value", ["bad_license", "5", "[mit, nope]", "{a: b}", "[[mit]]"])
@pytest.mark.parametrize("repo_type", VERSIONED_TYPES)
def test_an_unknown_license_is_an_error_that_lists_the_known_ones(value: str, repo_type: RepoType) -> None:
    (error,) = findings(f"license: {value}", repo_type).errors
    assert error.startswith('"license" must be one of [apache-2.0, mit, ')


def test_another_license_should_be_named() -> None:
    found = findings("license: other")
    assert found.errors == ()
    assert "license_name" in found.warnings[0]


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("[{results: []}]", '"model-index[0].name" is required'),
        ("[{name: m}]", '"model-index[0].results" is required'),
        ("[{name: m, results: []}, {name: m, results: 5}]", '"model-index[1].results" must be an array'),
        ("[5]", '"model-index[0]" must be of type object'),
        ("text", '"model-index" must be an array'),
    ],
)
def test_an_incomplete_model_index_is_an_error(value: str, error: str) -> None:
    assert findings(f"model-index: {value}").errors == (error,)
    assert findings(f"model-index: {value}", RepoType.DATASET).errors == ()


def test_a_block_that_is_not_yaml_is_an_error_with_its_line() -> None:
    (error,) = findings("a: 1\nb: 'x' y").errors
    assert "line 3" in error
    (error,) = findings("- a list").errors
    assert "mapping" in error


@pytest.mark.parametrize("block", ["tags: 5", "language: English language", "language: [en, 5]"])
def test_odd_values_are_warnings(block: str) -> None:
    found = findings(block)
    assert found.errors == ()
    assert len(found.warnings) == 1


def test_an_unknown_sdk_is_a_warning_for_spaces() -> None:
    assert len(findings("sdk: x", RepoType.SPACE).warnings) == 1
    assert findings("sdk: x", RepoType.MODEL) == Findings()


@given(st.text(alphabet=st.characters(), max_size=200), st.sampled_from(RepoType))
def test_validation_never_raises(text: str, repo_type: RepoType) -> None:
    for card in (text, f"---\n{text}\n---\n"):
        assert isinstance(validate_card(card, repo_type), Findings)
