import pytest

from entrepot.errors import InvalidName
from entrepot.workspace.entities.version_tags import (
    Identity,
    VersionTag,
    find_tag,
    next_number,
    of_name,
    parse_categories,
    parse_name,
    parse_number,
    parse_tag,
    word_fault,
)


def test_a_tag_is_categories_name_and_number() -> None:
    tag = parse_tag("computer-vision__images__imagenet8__12")
    assert tag == VersionTag(Identity(("computer-vision", "images"), "imagenet8"), 12)
    assert str(tag) == "computer-vision__images__imagenet8__12"
    assert str(tag.identity) == "computer-vision__images__imagenet8"


@pytest.mark.parametrize("text", ["x", "x__", "x__-1", "x__01", "a b__1", "__1", "x__y__", "x__1.0", "x__9999999999"])
def test_another_text_is_no_tag(text: str) -> None:
    assert find_tag(text) is None
    with pytest.raises(InvalidName):
        parse_tag(text)


@pytest.mark.parametrize("word", ["", "a_b", "a b", ".a", "-a", "a.", "a.lock", "a..b", "é", "a/b", "x" * 101])
def test_words_that_git_or_a_tag_cannot_have_are_refused(word: str) -> None:
    assert word_fault(word) is not None
    with pytest.raises(InvalidName):
        parse_name(word)


def test_blanks_around_categories_are_not_part_of_them() -> None:
    assert parse_categories(["computer-vision", " images "]) == ("computer-vision", "images")
    for words in ([], ["a"] * 21, ["a", ""]):
        with pytest.raises(InvalidName):
            parse_categories(words)


def test_versions_are_ordered_by_number_and_twins_are_told_apart() -> None:
    found = of_name(["a__x__10", "a__x__9", "b__x__1", "a__y__1", "junk"], "x")
    assert {str(identity): [tag.number for tag in tags] for identity, tags in found.items()} == {
        "a__x": [9, 10],
        "b__x": [1],
    }


def test_numbers_of_new_versions_are_positive() -> None:
    assert parse_number(1) == 1
    assert next_number([1, 10, 9]) == 11
    assert next_number([]) == 1
    for number in (0, -1, 1_000_000_000):
        with pytest.raises(InvalidName):
            parse_number(number)
