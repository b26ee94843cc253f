from __future__ import annotations

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.cards import data_patterns, find_configs
from entrepot.cards.data_patterns import DataPaths
from entrepot.errors import Malformed
from tests.support.work import ends_within_processor_seconds


def names_match(pattern: str, name: str) -> bool:
    """Try everything that a star may stand for, as slow as it is."""
    if not pattern or not name:
        return not name and not pattern.strip("*")
    if pattern[0] == "*":
        return names_match(pattern[1:], name) or names_match(pattern, name[1:])
    return pattern[0] in ("?", name[0]) and names_match(pattern[1:], name[1:])


def parts_match(pattern: tuple[str, ...], path: tuple[str, ...]) -> bool:
    if not pattern or not path:
        return not pattern and not path
    if pattern == ("**",):
        return True
    if pattern[0] == "**":
        return parts_match(pattern[1:], path) or parts_match(pattern, path[1:])
    return names_match(pattern[0], path[0]) and parts_match(pattern[1:], path[1:])


NAMES = st.text("ab.", min_size=1, max_size=5).filter(lambda name: not name.startswith("."))
PATHS = st.lists(st.lists(NAMES, min_size=1, max_size=5).map("/".join), min_size=1, max_size=20, unique=True)
PARTS = st.one_of(st.just("**"), st.text("ab.?*", min_size=1, max_size=5).filter(lambda part: not part.startswith(".")))
PATTERNS = st.lists(PARTS, min_size=1, max_size=5)


@given(PATHS, PATTERNS)
def test_what_matches_is_what_some_reading_of_the_stars_finds(paths: list[str], parts: list[str]) -> None:
    pattern = tuple("*" if part.strip("*") == "" and part != "**" else part for part in parts)
    wanted = sorted(path for path in paths if parts_match(pattern, tuple(path.split("/"))))
    assert DataPaths(paths).matching("/".join(pattern)) == wanted


@pytest.mark.parametrize(
    "pattern", ["*" + "a*" * 30 + "b", "**/" * 40 + "zzz", "**/*a*/" * 20 + "zzz", "?" * 100 + "*" * 50 + "b"]
)
def test_no_pattern_takes_long(pattern: str) -> None:
    paths = DataPaths(["a" * 250 + ".csv", "a/" * 100 + "b.csv", ("a" * 120 + "/") * 15 + "a.csv"])
    with ends_within_processor_seconds():  # trying all readings of the stars would take years
        assert paths.matching(pattern) == []


def test_names_of_many_words_for_splits_take_no_longer() -> None:
    paths = [("train-" * 40 + "x/") * 15 + "a.csv", "-train" * 40 + "x.csv"]
    with ends_within_processor_seconds():  # so would trying all readings of the words
        assert list(find_configs({}, paths)[0].splits) == ["train"]


def test_hidden_files_and_descriptions_must_be_named() -> None:
    paths = DataPaths(["a.csv", ".x/a.csv", "__y/a.csv", "README.md", "config.json"])
    assert paths.below("") == ["a.csv"]
    assert paths.matching("**") == ["a.csv"]
    assert paths.matching(".x/*") == [".x/a.csv"]
    assert paths.matching("__y/**") == ["__y/a.csv"]
    assert paths.matching("config.json") == ["config.json"]
    assert paths.matching("../a.csv") == paths.matching("/a.csv") == paths.matching("") == []


def test_classes_of_signs() -> None:
    paths = DataPaths(["a1.csv", "a2.csv", "b1.csv", "a[.csv"])
    assert paths.matching("a[12].csv") == ["a1.csv", "a2.csv"]
    assert paths.matching("[!a]*") == ["b1.csv"]
    assert paths.matching("a[[].csv") == ["a[.csv"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert paths.matching("[a&&b]1.csv") == paths.matching("[a||~~b]1.csv") == ["a1.csv", "b1.csv"]
    with pytest.raises(Malformed, match="cannot be read"):
        paths.matching("[z-a]")


def test_a_card_has_a_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_patterns, "MAX_COMPARED", 25)
    paths = [f"{folder}/{number}.csv" for folder in "xy" for number in range(10)]
    found = DataPaths(paths)
    assert found.matching("x/3.csv") == ["x/3.csv"]  # without wildcards, nothing is compared
    assert [len(found.matching("x/*")), len(found.matching("y/*.csv"))] == [10, 10]
    with pytest.raises(Malformed, match="more than 25 comparisons"):
        found.below("x/")
    with pytest.raises(Malformed, match="characters"):
        DataPaths(paths).matching("*" * (data_patterns.MAX_PATTERNS + 1))


def test_names_whose_split_is_inferred_count_several_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_patterns, "MAX_COMPARED", 20 * data_patterns.INFERRED)
    found = DataPaths([f"x/{number}.csv" for number in range(10)])
    assert [len(found.below("x/")), len(found.below(""))] == [10, 10]
    with pytest.raises(Malformed, match="comparisons"):
        found.below("")


def test_long_patterns_are_compared_with_fewer_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_patterns, "MAX_COMPARED", 100)
    found = DataPaths([f"x/{number}.csv" for number in range(10)])
    assert len(found.matching("x/*.csv")) == 10
    with pytest.raises(Malformed, match="comparisons"):
        found.matching("x/*" + "[ab]" * 40 + "x*")  # each name counts eleven times
